//! The apps that a store with another history has otherwise than this router serves them: what accepting it would change.

use std::collections::BTreeSet;

use keyvalues::Listing;

use crate::{
    control::shared::{entries::entry, store::Values},
    rollout::{
        app::AppName,
        keys::{self, Meaning},
        record::Record,
    },
    schema::store::{AppDifference, AppSide},
};

/// Compares the records of all apps, by name.
pub fn between(served: &Values, stored: &Listing) -> Vec<AppDifference> {
    let app = |key: &str| match keys::meaning(key)? {
        Meaning::Record(app) => Some(app),
        _ => None,
    };
    let keys = served.keys().map(AsRef::as_ref);
    let keys = keys.chain(stored.entries.iter().map(|entry| entry.key.as_str()));
    let apps: BTreeSet<AppName> = keys.filter_map(app).collect();
    let differs = |app: AppName| {
        let key = keys::record(&app);
        let served = served.get(key.as_str()).map(|(value, _)| value);
        let stored = entry(stored, &key).map(|entry| &entry.value);
        (served != stored).then(|| AppDifference {
            app: app.to_string(),
            served: served.and_then(|value| side(value)),
            stored: stored.and_then(|value| side(value)),
        })
    };
    apps.into_iter().filter_map(differs).collect()
}

/// What a record says; none: it is no record.
fn side(value: &[u8]) -> Option<AppSide> {
    let record = Record::parse(value).ok()?;
    Some(AppSide {
        seq: record.seq,
        stable: record.stable_release().map(ToString::to_string),
        candidate: record.candidate_release().map(ToString::to_string),
        blend: record.blend,
    })
}
