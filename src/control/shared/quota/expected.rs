//! What there is, with what was admitted a moment ago and is not seen yet.

use std::{
    collections::{BTreeMap, BTreeSet},
    time::Duration,
};

use super::{additions::Additions, full::Full};
use crate::{
    control::{limits::SERVED_WAIT_MAX, shared::reading::StoreReading},
    limits::Limits,
    rollout::{app::AppName, release::ReleaseId},
};

/// Apps and endpoints that were admitted, until they are seen or were surely not written.
#[derive(Debug, Default)]
pub struct ExpectedUse {
    apps: BTreeMap<AppName, Duration>,
    /// How many endpoints a release then has.
    releases: BTreeMap<ReleaseId, (usize, Duration)>,
}

/// What there is of endpoints.
#[derive(Debug, Default)]
struct Census {
    endpoints: usize,
    /// Releases with endpoints, by what owns them.
    releases: BTreeMap<String, usize>,
}

impl ExpectedUse {
    /// Takes additions in, or says of what there would be too many. `now` is monotonic.
    pub fn take(
        &mut self,
        reading: &StoreReading,
        limits: &Limits,
        additions: &Additions,
        now: Duration,
    ) -> Result<(), Full> {
        self.forget(reading, additions, now);
        self.check_apps(reading, limits, additions)?;
        let gains = |release: &&ReleaseId| additions.gained(release, self.endpoints(reading, release)) > 0;
        let gaining: Vec<&ReleaseId> = additions.releases().filter(gains).collect();
        if !gaining.is_empty() {
            self.check_endpoints(reading, limits, additions, &gaining)?;
        }
        let until = now + SERVED_WAIT_MAX;
        self.apps.extend(additions.apps.iter().map(|app| (app.clone(), until)));
        for release in gaining {
            let there = self.endpoints(reading, release);
            let after = there + additions.gained(release, there);
            self.releases.insert(release.clone(), (after, until));
        }
        Ok(())
    }

    /// Forgets what is seen by now, and what the additions take away.
    fn forget(&mut self, reading: &StoreReading, additions: &Additions, now: Duration) {
        self.apps.retain(|app, until| {
            *until > now && !reading.apps.contains_key(app) && !additions.ended.contains(app)
        });
        self.releases.retain(|release, (count, until)| {
            *until > now && reading.endpoints(release) < *count && !additions.removed.contains_key(release)
        });
    }

    fn endpoints(&self, reading: &StoreReading, release: &ReleaseId) -> usize {
        self.releases.get(release).map_or(0, |(count, _)| *count).max(reading.endpoints(release))
    }

    fn check_apps(&self, reading: &StoreReading, limits: &Limits, additions: &Additions) -> Result<(), Full> {
        let new = additions.apps.iter().filter(|app| !self.apps.contains_key(*app));
        let more = new.clone().count();
        let there = reading.apps.len() + self.apps.len();
        let first = new.map(AppName::to_string).next().unwrap_or_default();
        let full = |_| Full {
            field: "app".to_owned(),
            of: format!("apps (`{first}` is new)"),
            ..counted(there, more, limits.apps_max, "apps_max")
        };
        fits(there, more, limits.apps_max).map_err(full)
    }

    fn check_endpoints(
        &self,
        reading: &StoreReading,
        limits: &Limits,
        additions: &Additions,
        gaining: &[&ReleaseId],
    ) -> Result<(), Full> {
        let owners = |release: &ReleaseId| owner(reading, additions, release);
        let census = self.census(reading, owners);
        let mut new: BTreeMap<String, usize> = BTreeMap::new();
        for release in gaining {
            let there = self.endpoints(reading, release);
            let more = additions.gained(release, there);
            let full = |_| Full {
                field: "endpoints".to_owned(),
                of: format!("endpoints of `{release}`"),
                ..counted(there, more, limits.endpoints_per_release_max, "endpoints_per_release_max")
            };
            fits(there, more, limits.endpoints_per_release_max).map_err(full)?;
            if there == 0 {
                *new.entry(owners(release)).or_default() += 1;
            }
        }
        for (owner, more) in new {
            let there = census.releases.get(&owner).copied().unwrap_or(0);
            let full = |_| Full {
                field: "release".to_owned(),
                of: format!("releases of `{owner}` with endpoints"),
                ..counted(there, more, limits.releases_per_app_max, "releases_per_app_max")
            };
            fits(there, more, limits.releases_per_app_max).map_err(full)?;
        }
        let gained = |release: &&ReleaseId| additions.gained(release, self.endpoints(reading, release));
        let more = gaining.iter().map(gained).sum();
        let full = |_| Full {
            field: "endpoints".to_owned(),
            of: "endpoints in all".to_owned(),
            ..counted(census.endpoints, more, limits.endpoints_max, "endpoints_max")
        };
        fits(census.endpoints, more, limits.endpoints_max).map_err(full)
    }

    fn census(&self, reading: &StoreReading, owner: impl Fn(&ReleaseId) -> String) -> Census {
        let unseen = self.releases.keys().filter(|release| reading.endpoints(release) == 0);
        let mut census = Census::default();
        for release in reading.releases.keys().chain(unseen) {
            census.endpoints += self.endpoints(reading, release);
            *census.releases.entry(owner(release)).or_default() += 1;
        }
        census
    }
}

/// Whose a release is: the app with the longest name that its segment begins with; else its service.
fn owner(reading: &StoreReading, additions: &Additions, release: &ReleaseId) -> String {
    let segment = release.segment();
    let names: BTreeSet<&str> = additions.apps.iter().map(AppName::as_str).collect();
    let is_app = |name: &str| {
        names.contains(name) || name.parse().is_ok_and(|app: AppName| reading.apps.contains_key(&app))
    };
    let mut beginnings = segment.rmatch_indices('-').map(|(at, _)| &segment[..at]);
    beginnings.find(|name| is_app(name)).unwrap_or(release.service()).to_owned()
}

fn fits(there: usize, more: usize, max: u32) -> Result<(), ()> {
    if more == 0 || there + more <= max as usize { Ok(()) } else { Err(()) }
}

fn counted(there: usize, more: usize, max: u32, limit: &'static str) -> Full {
    Full {
        field: String::new(),
        of: String::new(),
        there: there as u64,
        more: more as u64,
        max: max.into(),
        limit,
    }
}

#[cfg(test)]
mod tests {
    use keyvalues::Write;

    use super::*;

    fn limits() -> Limits {
        Limits {
            apps_max: 2,
            releases_per_app_max: 2,
            endpoints_per_release_max: 3,
            endpoints_max: 5,
            ..Limits::default()
        }
    }

    fn writes(keys: &[&str]) -> Vec<Write> {
        keys.iter().map(|key| Write::put(key.parse().unwrap(), "x")).collect()
    }

    /// Which limit refuses the keys, if one does.
    fn refuses(
        expected: &mut ExpectedUse,
        reading: &StoreReading,
        keys: &[&str],
        now: u64,
    ) -> Option<&'static str> {
        let additions = Additions::of(reading, &writes(keys));
        expected.take(reading, &limits(), &additions, Duration::from_secs(now)).err().map(|full| full.limit)
    }

    #[test]
    fn what_was_admitted_a_moment_ago_counts() {
        let (mut expected, reading) = (ExpectedUse::default(), StoreReading::default());
        assert_eq!(refuses(&mut expected, &reading, &["rolling/a/rollout"], 0), None);
        assert_eq!(refuses(&mut expected, &reading, &["rolling/b/rollout", "rolling/b/stable/id"], 0), None);
        assert_eq!(refuses(&mut expected, &reading, &["rolling/c/rollout"], 0), Some("apps_max"));
        // Those two again are no more.
        assert_eq!(refuses(&mut expected, &reading, &["rolling/a/rollout", "rolling/b/settings"], 0), None);
        // And what was not seen after a while was not written.
        assert_eq!(refuses(&mut expected, &reading, &["rolling/c/rollout"], 6), None);
    }

    #[test]
    fn endpoints_are_counted_by_release_and_in_all() {
        let (mut expected, mut reading) = (ExpectedUse::default(), StoreReading::default());
        let keys = |release: &str, count: usize| -> Vec<String> {
            (0..count).map(|n| format!("apps/{release}/containers/{n}")).collect()
        };
        let mut try_keys = |reading: &StoreReading, keys: &[String]| {
            refuses(&mut expected, reading, &keys.iter().map(String::as_str).collect::<Vec<_>>(), 0)
        };
        assert_eq!(try_keys(&reading, &keys("a-1-80", 4)), Some("endpoints_per_release_max"));
        assert_eq!(try_keys(&reading, &keys("a-1-80", 3)), None);
        assert_eq!(try_keys(&reading, &keys("a-2-80", 3)), Some("endpoints_max"));
        assert_eq!(try_keys(&reading, &keys("a-2-80", 1)), None);
        assert_eq!(try_keys(&reading, &keys("a-3-80", 1)), Some("releases_per_app_max"));
        assert_eq!(try_keys(&reading, &keys("b-1-80", 1)), None);
        assert_eq!(try_keys(&reading, &keys("b-2-80", 1)), Some("endpoints_max"));
        // Once they are seen they count once.
        reading.releases.insert("apps/a-1-80/containers".parse().unwrap(), 3);
        assert_eq!(try_keys(&reading, &keys("a-1-80", 1)), Some("endpoints_per_release_max"));
    }

    #[test]
    fn a_release_is_the_longest_apps() {
        let (reading, release) =
            (StoreReading::default(), "apps/web-shop-1.0-80/containers".parse().unwrap());
        let with = |names: &[&str]| {
            let apps = names.iter().map(|name| name.parse().unwrap()).collect();
            owner(&reading, &Additions { apps, ..Additions::default() }, &release)
        };
        assert_eq!([with(&[]), with(&["web"]), with(&["web", "web-shop"])], ["web", "web", "web-shop"]);
    }
}
