//! The past: what every release did in each minute of the last day, on all routers of the fleet. `activity` adds what happened here, and
//! `fleet::past` what other members tell.
//!
//! Minutes without a request take no room, and there is a bound for all together.

use std::{
    collections::{BTreeMap, HashMap},
    sync::Arc,
};

use parking_lot::Mutex;

use super::past_cell::PastCell;
use crate::{
    control::{
        limits::{PAST_CELLS_MAX, PAST_MINUTES},
        shared::fleet::past::MemberPast,
    },
    rollout::{app::AppName, release::ReleaseId},
};

/// The past of every release.
#[derive(Debug, Default)]
pub struct Past(Mutex<PastCells>);

#[derive(Debug, Default)]
struct PastCells {
    apps: HashMap<AppName, BTreeMap<ReleaseId, Minutes>>,
    count: usize,
    /// The newest minute that was looked at.
    newest: u64,
    /// The last minute of this router that is over.
    told: Arc<MemberPast>,
}

/// What a release did, by minutes since 1970.
pub type Minutes = BTreeMap<u64, PastCell>;

impl Past {
    /// Adds what a release did to one of its minutes (since 1970).
    pub fn add(&self, app: &AppName, release: &ReleaseId, minute: u64, did: &PastCell) {
        if did.requests() == 0 {
            return;
        }
        let mut past = self.0.lock();
        let minutes = past.apps.entry(app.clone()).or_default().entry(release.clone()).or_default();
        let before = minutes.len();
        minutes.entry(minute).or_default().add(did);
        let added = minutes.len() - before;
        past.count += added;
    }

    /// Forgets what is older than a day, and the oldest beyond the bound. `exists` says which apps there are.
    pub fn tidy(&self, minute: u64, exists: impl Fn(&AppName) -> bool) {
        let mut past = self.0.lock();
        if past.newest == minute {
            return;
        }
        past.newest = minute;
        past.apps.retain(|app, _| exists(app));
        past.forget_before((minute + 1).saturating_sub(PAST_MINUTES));
        while past.count > PAST_CELLS_MAX {
            let oldest = past.oldest();
            past.forget_before(oldest + 1);
        }
    }

    /// Keeps the last minute of this router for the other members.
    pub fn tell(&self, minute: MemberPast) {
        self.0.lock().told = Arc::new(minute);
    }

    /// The last minute of this router that is over.
    pub fn told(&self) -> Arc<MemberPast> {
        Arc::clone(&self.0.lock().told)
    }

    /// The minutes of an app's releases from one on.
    pub fn since(&self, app: &AppName, minute: u64) -> BTreeMap<ReleaseId, Minutes> {
        let past = self.0.lock();
        let releases = past.apps.get(app).into_iter().flatten();
        let lately = |minutes: &Minutes| -> Minutes {
            minutes.range(minute..).map(|(at, cell)| (*at, cell.clone())).collect()
        };
        let found = releases.map(|(release, minutes)| (release.clone(), lately(minutes)));
        found.filter(|(_, minutes)| !minutes.is_empty()).collect()
    }
}

impl PastCells {
    fn forget_before(&mut self, minute: u64) {
        self.count = 0;
        for releases in self.apps.values_mut() {
            for minutes in releases.values_mut() {
                *minutes = minutes.split_off(&minute);
                self.count += minutes.len();
            }
            releases.retain(|_, minutes| !minutes.is_empty());
        }
        self.apps.retain(|_, releases| !releases.is_empty());
    }

    fn oldest(&self) -> u64 {
        let releases = self.apps.values().flat_map(BTreeMap::values);
        releases.filter_map(|minutes| minutes.keys().next().copied()).min().unwrap_or(0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::live::activity::ReleaseTotal;

    fn cell(requests: u64) -> PastCell {
        let mut total = ReleaseTotal::default();
        total.statuses[0][1] = requests;
        total.latency.buckets[12] = requests;
        PastCell::between(&ReleaseTotal::default(), &total)
    }

    fn names() -> (AppName, ReleaseId) {
        ("hello".parse().unwrap(), "apps/hello-1.0.0-80/containers".parse().unwrap())
    }

    #[test]
    fn a_minute_is_the_sum_of_what_was_added_and_quiet_ones_take_no_room() {
        let (past, (app, release)) = (Past::default(), names());
        past.add(&app, &release, 7, &cell(3));
        past.add(&app, &release, 7, &cell(4));
        past.add(&app, &release, 8, &cell(0));
        let minutes = &past.since(&app, 0)[&release];
        assert_eq!((minutes.len(), minutes[&7].requests(), minutes[&7].latency().count()), (1, 7, 7));
        assert!(past.since(&app, 8).is_empty());
    }

    #[test]
    fn a_day_is_kept_and_no_more_than_the_bound() {
        let (past, (app, release)) = (Past::default(), names());
        for minute in 0..2 * PAST_MINUTES {
            past.add(&app, &release, minute, &cell(1));
        }
        past.tidy(2 * PAST_MINUTES - 1, |_| true);
        let minutes = &past.since(&app, 0)[&release];
        assert_eq!((minutes.len() as u64, minutes.keys().next()), (PAST_MINUTES, Some(&PAST_MINUTES)));
        for number in 0..100 {
            let other: ReleaseId = format!("apps/hello-2.{number}-80/containers").parse().unwrap();
            for minute in 0..PAST_MINUTES {
                past.add(&app, &other, 10_000 + minute, &cell(1));
            }
        }
        past.tidy(10_000 + PAST_MINUTES, |_| true);
        let kept: usize = past.since(&app, 0).values().map(BTreeMap::len).sum();
        assert!((PAST_CELLS_MAX - 100..=PAST_CELLS_MAX).contains(&kept), "{kept}");
        past.tidy(10_001 + PAST_MINUTES, |_| false);
        assert!(past.since(&app, 0).is_empty(), "the app has ended");
    }
}
