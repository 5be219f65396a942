//! What a commit would add to what there is.

use std::collections::{BTreeMap, BTreeSet};

use keyvalues::{Key, StoreError, Write};

use crate::{
    control::shared::{reading::StoreReading, store::StoreHandle},
    rollout::{
        app::AppName,
        endpoint_set::EndpointSet,
        keys::{self, Meaning},
        release::ReleaseId,
    },
};

/// What a commit adds.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct Additions {
    /// Apps that are not known yet.
    pub apps: BTreeSet<AppName>,
    /// Endpoint keys that are written, by release, as far as they may be new.
    pub endpoints: BTreeMap<ReleaseId, BTreeSet<Key>>,
    /// How many endpoints a release has then, where a set says all of them.
    pub sets: BTreeMap<ReleaseId, usize>,
    /// How many endpoint keys are deleted, by release.
    pub removed: BTreeMap<ReleaseId, usize>,
    /// Apps whose record is deleted.
    pub ended: BTreeSet<AppName>,
}

impl Additions {
    pub fn of(reading: &StoreReading, writes: &[Write]) -> Self {
        let mut additions = Self::default();
        for write in writes {
            let Some(meaning) = keys::meaning(write.key().as_str()) else { continue };
            match (meaning, write) {
                (Meaning::Endpoint(release, _), Write::Put { key, .. }) => {
                    additions.endpoints.entry(release).or_default().insert(key.clone());
                }
                (Meaning::Endpoint(release, _), Write::Delete { .. }) => {
                    *additions.removed.entry(release).or_default() += 1;
                }
                (Meaning::EndpointSet(release), Write::Put { value, .. }) => {
                    let set = EndpointSet::parse(value).ok();
                    if let Some(pending) = set.and_then(|set| set.pending) {
                        additions.sets.insert(release, pending.endpoints.len());
                    }
                }
                (Meaning::Record(app), Write::Delete { .. }) => drop(additions.ended.insert(app)),
                // Deployments have a limit of their own.
                (
                    Meaning::Null
                    | Meaning::DefaultApp
                    | Meaning::FreezeWindows
                    | Meaning::Router
                    | Meaning::Deployment(..),
                    _,
                )
                | (_, Write::Delete { .. }) => {}
                (
                    Meaning::StableId(app)
                    | Meaning::CandidateId(app)
                    | Meaning::BlendPercent(app)
                    | Meaning::Stickyness(app)
                    | Meaning::Record(app)
                    | Meaning::Event(app, _)
                    | Meaning::EndpointEvent(app, _)
                    | Meaning::Settings(app)
                    | Meaning::Previews(app)
                    | Meaning::PipelineLock(app),
                    Write::Put { .. },
                ) => {
                    if !reading.apps.contains_key(&app) {
                        additions.apps.insert(app);
                    }
                }
            }
        }
        additions
    }

    /// Whether nothing is added or taken away.
    pub fn is_empty(&self) -> bool {
        *self == Self::default()
    }

    /// The releases whose endpoints are written.
    pub fn releases(&self) -> impl Iterator<Item = &ReleaseId> {
        self.endpoints.keys().chain(self.sets.keys().filter(|release| !self.endpoints.contains_key(*release)))
    }

    /// How many endpoints a release gains that has so many.
    pub fn gained(&self, release: &ReleaseId, there: usize) -> usize {
        if let Some(then) = self.sets.get(release) {
            return then.saturating_sub(there);
        }
        let written = self.endpoints.get(release).map_or(0, BTreeSet::len);
        written.saturating_sub(self.removed.get(release).copied().unwrap_or(0))
    }

    /// The same without endpoints that the store holds already.
    pub async fn without_stored(mut self, store: &StoreHandle) -> Result<Self, StoreError> {
        for (release, written) in &mut self.endpoints {
            let set_key = keys::endpoint_set(release);
            let stored = store.list(&[&format!("{release}/"), &set_key]).await?;
            for entry in stored.entries {
                if entry.key.as_str() == set_key {
                    let set = EndpointSet::parse(&entry.value).unwrap_or_default();
                    let pending = set.pending.map(|pending| pending.endpoints).unwrap_or_default();
                    let is_pending = |key: &Key| {
                        let container = key.as_str().rsplit('/').next().unwrap_or_default();
                        pending.contains_key(container)
                    };
                    written.retain(|key| !is_pending(key));
                }
                written.remove(&entry.key);
            }
        }
        Ok(self)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn put(key: &str) -> Write {
        Write::put(key.parse().unwrap(), "x")
    }

    #[test]
    fn only_what_is_new_is_an_addition() {
        let reading = StoreReading::default();
        for key in ["rolling/null", "rolling/router/x", "some/key"] {
            assert!(Additions::of(&reading, &[put(key)]).is_empty(), "{key}");
        }
        let delete = |key: &str| Write::delete(key.parse().unwrap());
        let release: ReleaseId = "apps/a-1-80/containers".parse().unwrap();
        let writes = [
            put("rolling/a/rollout"),
            put("rolling/a/stable/id"),
            put("apps/a-1-80/containers/x"),
            put("apps/a-1-80/containers/y"),
            delete("apps/a-1-80/containers/z"),
            delete("rolling/b/rollout"),
        ];
        let additions = Additions::of(&reading, &writes);
        assert_eq!(additions.apps, BTreeSet::from(["a".parse().unwrap()]));
        assert_eq!(additions.ended, BTreeSet::from(["b".parse().unwrap()]));
        assert_eq!(additions.gained(&release, 7), 1);
    }
}
