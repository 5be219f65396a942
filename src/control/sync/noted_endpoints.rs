//! Endpoints that a rollout record notes as registered nowhere: what the image makes of them, and what it has to say about
//! them itself.

use std::{collections::BTreeMap, time::Duration};

use bytes::Bytes;
use keyvalues::{Entry, Listing};

use super::{image::StoreImage, interruption::Interruption, losses::NotedChanges};
use crate::{
    control::{commands::unregistered::UnregisteredFindings, shared::entries::entry},
    rollout::{
        app::AppName,
        keys::{self, Meaning},
        record::Record,
        release::ReleaseId,
        unregistered::UnregisteredEndpoint,
    },
};

impl StoreImage {
    /// Takes what all records of a listing note, before its values are taken.
    pub(super) fn take_noted_of(&mut self, listing: &Listing) {
        for stored in &listing.entries {
            let Some(Meaning::Record(app)) = keys::meaning(stored.key.as_str()) else { continue };
            let Ok(record) = Record::parse(&stored.value) else { continue };
            let is_registered = |endpoint: &UnregisteredEndpoint| entry(listing, &endpoint.key()).is_some();
            let since = self.monotonic_of();
            let changes = self.losses.take_noted(&app, &record, is_registered, since);
            changes.gone.iter().for_each(|key| say_gone(key, &record));
        }
    }

    /// Takes what a record notes that was written just now.
    pub(super) fn take_noted(&mut self, app: &AppName, written: &Entry) -> Result<(), Interruption> {
        let Ok(record) = Record::parse(&written.value) else { return Ok(()) };
        let since = self.monotonic_of();
        let Some(keyspace) = &mut self.keyspace else { return Ok(()) };
        let is_registered = |endpoint: &UnregisteredEndpoint| {
            keyspace.containers(&endpoint.release).any(|container| container == endpoint.container)
        };
        let NotedChanges { held, gone } = self.losses.take_noted(app, &record, is_registered, since);
        for (key, address) in held {
            let value = Bytes::from(address.to_string());
            keyspace.put(&key, &value, written.modified);
            self.last_good.put(&key, Some((value, written.modified)));
        }
        for key in gone {
            say_gone(&key, &record);
            self.take_deletion(&key, written.modified)?;
        }
        Ok(())
    }

    /// What the records do not say yet.
    pub fn unregistered(&self) -> BTreeMap<AppName, UnregisteredFindings> {
        let Some(keyspace) = self.keyspace.as_ref().filter(|_| self.losses.has_endpoints()) else {
            return BTreeMap::new();
        };
        let routes = |app: &AppName, release: &ReleaseId| {
            keyspace.record(app).is_some_and(|record| record.routed().any(|(routed, _)| routed == release))
        };
        let now = self.clock().monotonic();
        // One by name is held by each router for itself: a record that notes it would be none to an earlier version.
        let address_of =
            |release: &ReleaseId, container: &str| keyspace.endpoint_of(release, container)?.address();
        let found = self.losses.findings(&keyspace.apps(), now, routes, address_of);
        let beyond = |(app, findings): (AppName, UnregisteredFindings)| {
            let findings = findings.beyond(keyspace.record(&app)?);
            (!findings.is_empty()).then_some((app, findings))
        };
        found.into_iter().filter_map(beyond).collect()
    }

    /// When a time of the wall clock was, by the monotonic one.
    fn monotonic_of(&self) -> impl Fn(u64) -> Duration + use<> {
        let (now, wall_ms) = (self.clock().monotonic(), self.clock().wall_ms());
        move |at| now.saturating_sub(Duration::from_millis(wall_ms.saturating_sub(at)))
    }
}

fn say_gone(key: &str, record: &Record) {
    let why = &record.reason;
    tracing::warn!(key, "the endpoint is registered nowhere, and is not served any more: {why}");
}
