//! The reading of the store: what it holds, as this router last read it. The API answers from it.
//!
//! It is replaced together with each published table, so an answer never mixes two readings. Two readings share whatever
//! is the same in both.

use std::sync::Arc;

use by_address::ByAddress;
use imbl::OrdMap;

use crate::rollout::{
    adopt::OldKeys,
    app::AppName,
    freeze::FreezeWindow,
    keys,
    keyspace::{Changes, Keyspace, Problem},
    pipeline_lock::PipelineLock,
    preview::Previews,
    record::Record,
    release::ReleaseId,
    settings::Settings,
};

/// Everything that is known of all apps.
#[derive(Debug, Clone, Default)]
pub struct StoreReading {
    pub apps: OrdMap<AppName, ByAddress<Arc<AppReading>>>,
    /// Releases known from endpoint keys, with the number of valid endpoints.
    pub releases: OrdMap<ReleaseId, usize>,
    /// Ordered by key.
    pub problems: Arc<Vec<Problem>>,
    /// The freeze windows of all apps.
    pub freeze_windows: Arc<Vec<FreezeWindow>>,
}

/// What is known of one app.
#[derive(Debug)]
pub struct AppReading {
    /// Its record in its last good reading; none before the first adoption.
    pub record: Option<Arc<Record>>,
    pub old: OldKeys,
    pub settings: Arc<Settings>,
    pub previews: Arc<Previews>,
    /// The lock of its pipelines.
    pub pipeline_lock: Arc<PipelineLock>,
}

impl AppReading {
    fn of(keyspace: &Keyspace, name: &AppName) -> Self {
        Self {
            record: keyspace.record(name).cloned().map(Arc::new),
            old: keyspace.old_keys(name),
            settings: keyspace.settings(name),
            previews: keyspace.previews(name),
            pipeline_lock: keyspace.pipeline_lock(name),
        }
    }
}

impl StoreReading {
    /// This reading with the changes of the keyspace since. `further` problems are not the keyspace's.
    #[must_use]
    pub fn after(&self, keyspace: &Keyspace, changes: &Changes, further: Vec<Problem>) -> Self {
        let mut reading = self.clone();
        for name in &changes.apps {
            if keyspace.has_app(name) {
                reading.apps.insert(name.clone(), ByAddress(Arc::new(AppReading::of(keyspace, name))));
            } else {
                reading.apps.remove(name);
            }
        }
        for release in &changes.releases {
            match keyspace.endpoints(release) {
                0 => drop(reading.releases.remove(release)),
                endpoints => drop(reading.releases.insert(release.clone(), endpoints)),
            }
        }
        reading.freeze_windows = keyspace.freeze_windows();
        let mut problems = keyspace.problems();
        if !further.is_empty() {
            problems.extend(further);
            problems.sort_by(|one, other| one.key.cmp(&other.key));
        }
        if problems != *reading.problems {
            reading.problems = Arc::new(problems);
        }
        reading
    }

    /// How many endpoints a release has.
    pub fn endpoints(&self, release: &ReleaseId) -> usize {
        self.releases.get(release).copied().unwrap_or(0)
    }

    /// Whether there is a problem with a key.
    pub fn is_faulty(&self, key: &str) -> bool {
        self.problems.binary_search_by(|problem| problem.key.as_str().cmp(key)).is_ok()
    }

    /// Problems of one app's own keys and of its releases' endpoints.
    pub fn problems_of<'a>(&'a self, app: &AppName) -> impl Iterator<Item = &'a Problem> + use<'a> {
        let own = format!("rolling/{app}/");
        let record = self.apps.get(app).and_then(|reading| reading.record.clone());
        let releases = record.map(|record| releases_of(&record)).unwrap_or_default();
        self.problems.iter().filter(move |problem| {
            let of = |release: &ReleaseId| {
                problem.key.starts_with(release.as_str()) || problem.key == keys::endpoint_set(release)
            };
            problem.key.starts_with(&own) || releases.iter().any(of)
        })
    }
}

/// Every release that a record names, each once.
pub fn releases_of(record: &Record) -> Vec<ReleaseId> {
    let mut releases: Vec<ReleaseId> = Vec::new();
    let stays = record.stable.iter().chain(&record.candidate).map(|stay| &stay.release);
    let draining = record.draining.iter().map(|draining| &draining.release);
    for release in stays.chain(draining).chain(&record.previous) {
        if !releases.contains(release) {
            releases.push(release.clone());
        }
    }
    releases
}
