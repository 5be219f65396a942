//! Which releases of an app nobody needs any more: those that no app routes or would roll back to, but the newest.

use std::{cmp::Reverse, collections::HashSet};

use keyvalues::{Entry, Revision};

use super::{
    history,
    ownership::owners,
    release_endpoints::prefixes,
    stored::{StoredApp, endpoints_of},
};
use crate::{
    control::{
        limits::NAMES_WAIT,
        shared::{core::Core, error::ApiError, reading::releases_of},
    },
    limits::EVENTS_MAX,
    rollout::{owners::Owners, release::ReleaseId},
};

/// The app's releases that no app names, in the order in which they were registered last, the newest first.
pub async fn unneeded(core: &Core, stored: &StoredApp) -> Result<Vec<ReleaseId>, ApiError> {
    core.replica.wait_for(stored.read_at, NAMES_WAIT).await;
    let reading = core.replica.reading.load_full();
    let mut owners = owners(&reading);
    owners.add(&stored.name, stored.record.as_ref());
    let free = reading.releases.keys().filter(|release| owners.naming(release).is_empty());
    let free: Vec<&ReleaseId> = free.collect();
    let own = own(core, stored, &owners, free).await?;
    let listing = endpoints_of(core, &own).await?;
    let mut dated: Vec<(Revision, ReleaseId)> =
        own.into_iter().map(|release| (registered_at(&release, &listing.entries), release)).collect();
    dated.sort_by_key(|(registered, release)| Reverse((*registered, release.clone())));
    Ok(dated.into_iter().map(|(_, release)| release).collect())
}

/// Those that are the app's by their segment. What is nobody's by that is the app's if its history names it.
async fn own(
    core: &Core,
    stored: &StoredApp,
    owners: &Owners<'_>,
    free: Vec<&ReleaseId>,
) -> Result<Vec<ReleaseId>, ApiError> {
    let (seq, name) = (stored.seq(), &stored.name);
    let events = history::read(core, name, (seq + 1).saturating_sub(EVENTS_MAX), seq + 1).await?;
    let past: HashSet<ReleaseId> = events.iter().flat_map(|event| releases_of(&event.record)).collect();
    let is_own = |release: &&&ReleaseId| match owners.by_segment(release) {
        Some(owner) => owner == name,
        None => past.contains(**release),
    };
    Ok(free.iter().filter(is_own).map(|release| (*release).clone()).collect())
}

/// The store revision of the newest key of a release's endpoints.
fn registered_at(release: &ReleaseId, entries: &[Entry]) -> Revision {
    let [endpoints, set] = prefixes(release);
    let is_of = |entry: &&Entry| entry.key.as_str().starts_with(&endpoints) || entry.key.as_str() == set;
    entries.iter().filter(is_of).map(|entry| entry.modified).max().unwrap_or(0)
}
