//! The view: what the store holds, as this router last read it, for whoever answers questions.
//!
//! Replaced whole together with each published table, so an answer never mixes two readings.

use std::{collections::BTreeMap, sync::Arc};

use crate::rollout::{
    adopt::OldKeys,
    app::AppName,
    keyspace::{Keyspace, Problem},
    preview::Previews,
    record::Record,
    release::ReleaseId,
    settings::Settings,
};

/// Everything that is known of all apps.
#[derive(Debug, Default)]
pub struct View {
    pub apps: BTreeMap<AppName, AppView>,
    /// Releases known from endpoint keys, with the number of valid endpoints.
    pub releases: Vec<(ReleaseId, usize)>,
    pub problems: Vec<Problem>,
}

/// What is known of one app.
#[derive(Debug)]
pub struct AppView {
    /// Its record in its last good reading; none before the first adoption.
    pub record: Option<Arc<Record>>,
    pub old: OldKeys,
    pub settings: Arc<Settings>,
    pub previews: Arc<Previews>,
}

impl View {
    /// Reads the keyspace.
    pub fn of(keyspace: &Keyspace) -> Self {
        let app_view = |name: AppName| {
            let view = AppView {
                record: keyspace.record(&name).cloned().map(Arc::new),
                old: keyspace.old_keys(&name),
                settings: keyspace.settings(&name),
                previews: keyspace.previews(&name),
            };
            (name, view)
        };
        Self {
            apps: keyspace.apps().into_iter().map(app_view).collect(),
            releases: keyspace.releases(),
            problems: keyspace.problems(),
        }
    }

    /// How many endpoints a release has.
    pub fn endpoints(&self, release: &ReleaseId) -> usize {
        self.releases.iter().find(|(id, _)| id == release).map_or(0, |(_, endpoints)| *endpoints)
    }

    /// Problems of one app's own keys and of its releases' endpoints.
    pub fn problems_of<'a>(&'a self, app: &AppName) -> impl Iterator<Item = &'a Problem> {
        let own = format!("rolling/{app}/");
        let record = self.apps.get(app).and_then(|view| view.record.clone());
        let releases = record.map(|record| releases_of(&record)).unwrap_or_default();
        self.problems.iter().filter(move |problem| {
            let of = |release: &ReleaseId| problem.key.starts_with(release.as_str());
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
