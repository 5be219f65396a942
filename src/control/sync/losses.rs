//! Losses: keys that vanished from the store although nobody ordered it (docs/design.md section 3, "Loss is not an order").
//!
//! What they held is served on, and shown as a problem, until they are back, or somebody says that they are meant to be gone.
//! An order leaves a trace in the commit that deletes: the mark of an app's end, or the count of a release's endpoints.

use std::{
    collections::{BTreeMap, BTreeSet},
    time::Duration,
};

use keyvalues::{Event, Listing};

use crate::{
    control::{
        commands::unregistered::UnregisteredFindings,
        limits::UNREGISTERED_NOTED_AFTER,
        shared::{
            entries::{ended_app, entry},
            lost_key::LostKey,
            store::Values,
        },
    },
    rollout::{
        address::Address,
        app::AppName,
        endpoint_set::EndpointSet,
        keys::{self, Meaning},
        record::Record,
        release::ReleaseId,
        unregistered::UnregisteredEndpoint,
    },
};

/// The keys that are held.
#[derive(Debug, Default)]
pub struct Losses {
    held: BTreeMap<String, HeldKey>,
    /// Endpoints that are held no longer while records still note them.
    dropped: BTreeMap<String, DroppedKey>,
}

/// A key that is held.
#[derive(Debug, Clone, Default)]
struct HeldKey {
    /// Since when (monotonic).
    since: Duration,
    /// The apps whose records note it.
    noted_by: BTreeSet<AppName>,
    /// The address that a record says, of an endpoint that this router may never have read.
    address: Option<Address>,
}

/// The key of an endpoint that is held no longer.
#[derive(Debug, Clone)]
struct DroppedKey {
    why: String,
    /// The apps whose records note it still.
    noted_by: BTreeSet<AppName>,
}

/// What the record of an app changed of what is held.
#[derive(Debug, Default)]
pub struct NotedChanges {
    /// Keys that are held now, with the addresses.
    pub held: Vec<(String, Address)>,
    /// Keys that are held no longer.
    pub gone: Vec<String>,
}

/// What one commit of the store orders.
#[derive(Debug, Default)]
pub struct Orders {
    /// Apps that were meant to end.
    pub ended: BTreeSet<AppName>,
    /// Releases whose endpoints were changed through the API.
    pub counted: BTreeSet<ReleaseId>,
    /// Releases of which an endpoint was registered.
    pub registered: BTreeSet<ReleaseId>,
}

impl Orders {
    pub fn of(events: &[Event]) -> Self {
        let mut orders = Self::default();
        for event in events {
            let Event::Put(entry) = event else { continue };
            let key = entry.key.as_str();
            orders.ended.extend(ended_app(key));
            match keys::meaning(key) {
                Some(Meaning::EndpointSet(release)) => drop(orders.counted.insert(release)),
                Some(Meaning::Endpoint(release, _)) => drop(orders.registered.insert(release)),
                _ => {}
            }
        }
        orders
    }

    /// Whether the deletion of a key of an app is an order, or is no loss whoever made it.
    pub fn has(&self, key: &str, good: &Values) -> bool {
        match keys::meaning(key) {
            Some(Meaning::Record(app) | Meaning::Settings(app)) => self.ended.contains(&app),
            Some(Meaning::DefaultApp) => self.ended.iter().any(|app| holds(good, key, app.as_str())),
            _ => true,
        }
    }
}

fn holds(good: &Values, key: &str, text: &str) -> bool {
    good.get(key).is_some_and(|(value, _)| value.trim_ascii() == text.as_bytes())
}

impl Losses {
    /// Holds a key.
    pub fn hold(&mut self, key: &str, now: Duration) {
        if !self.held.contains_key(key) {
            self.held.insert(key.to_owned(), HeldKey { since: now, ..HeldKey::default() });
            tracing::error!(
                key,
                "the key was deleted in the store, and nobody ordered that: what it held is served on; `rolling-router store \
                 restore` writes it back, `rolling-router store accept` takes the deletion as an order"
            );
        }
    }

    /// A key is back, or is meant to be gone; `why` is for the record that notes it.
    pub fn settle(&mut self, key: &str, why: &str) -> bool {
        let Some(HeldKey { noted_by, .. }) = self.held.remove(key) else { return false };
        if !noted_by.is_empty() {
            self.dropped.insert(key.to_owned(), DroppedKey { why: why.to_owned(), noted_by });
        }
        true
    }

    /// Takes what the record of an app notes. What it notes, and is neither registered nor dropped here, is held: gives the keys
    /// that were not held before. What it does not note any more is let go of: gives those keys too.
    pub fn take_noted(
        &mut self,
        app: &AppName,
        record: &Record,
        is_registered: impl Fn(&UnregisteredEndpoint) -> bool,
        since: impl Fn(u64) -> Duration,
    ) -> NotedChanges {
        let noted: BTreeMap<String, &UnregisteredEndpoint> =
            record.unregistered.iter().map(|endpoint| (endpoint.key(), endpoint)).collect();
        let mut changes = NotedChanges::default();
        for (key, endpoint) in &noted {
            let is_held = self.held.contains_key(key);
            if self.dropped.contains_key(key) || !is_held && is_registered(endpoint) {
                continue;
            }
            let held = self.held.entry(key.clone()).or_insert_with(|| {
                tracing::error!(
                    key,
                    "the rollout record says that the key vanished in the store: the endpoint serves on"
                );
                changes.held.push((key.clone(), endpoint.address));
                HeldKey { since: since(endpoint.since), ..HeldKey::default() }
            });
            held.noted_by.insert(app.clone());
            held.address = Some(endpoint.address);
        }
        for (key, held) in &mut self.held {
            let was_noted = !noted.contains_key(key) && held.noted_by.remove(app);
            if was_noted && held.noted_by.is_empty() {
                changes.gone.push(key.clone());
            }
        }
        changes.gone.iter().for_each(|key| drop(self.held.remove(key)));
        self.dropped.retain(|key, dropped| {
            if !noted.contains_key(key) {
                dropped.noted_by.remove(app);
            }
            !dropped.noted_by.is_empty()
        });
        changes
    }

    /// What a record does not say yet: endpoints that are held for a while, and those that are dropped. `routes` tells whether an
    /// app routes a release.
    pub fn findings(
        &self,
        apps: &[AppName],
        now: Duration,
        routes: impl Fn(&AppName, &ReleaseId) -> bool,
        address_of: impl Fn(&ReleaseId, &str) -> Option<Address>,
    ) -> BTreeMap<AppName, UnregisteredFindings> {
        let mut found: BTreeMap<AppName, UnregisteredFindings> = BTreeMap::new();
        for (key, held) in &self.held {
            let Some(Meaning::Endpoint(release, container)) = keys::meaning(key) else { continue };
            let Some(address) = address_of(&release, &container) else { continue };
            if now.saturating_sub(held.since) < UNREGISTERED_NOTED_AFTER {
                continue;
            }
            let unnoted = |app: &&AppName| !held.noted_by.contains(*app) && routes(app, &release);
            for app in apps.iter().filter(unnoted) {
                let lost = &mut found.entry(app.clone()).or_default().lost;
                lost.insert((release.clone(), container.clone()), (address, now.saturating_sub(held.since)));
            }
        }
        for (key, dropped) in &self.dropped {
            let Some(Meaning::Endpoint(release, container)) = keys::meaning(key) else { continue };
            for app in &dropped.noted_by {
                let gone = &mut found.entry(app.clone()).or_default().gone;
                gone.insert((release.clone(), container.clone()), dropped.why.clone());
            }
        }
        found
    }

    /// Whether a record may have to be told something.
    pub fn has_endpoints(&self) -> bool {
        !self.dropped.is_empty()
            || self.keys().any(|key| matches!(keys::meaning(key), Some(Meaning::Endpoint(..))))
    }

    /// The address that a record says of an endpoint that is held.
    pub fn noted_address(&self, key: &str) -> Option<Address> {
        self.held.get(key)?.address
    }

    /// Whether nothing is held.
    pub fn is_empty(&self) -> bool {
        self.held.is_empty()
    }

    /// The keys that are held.
    pub fn keys(&self) -> impl Iterator<Item = &str> {
        self.held.keys().map(String::as_str)
    }

    /// The apps whose record is held.
    pub fn records(&self) -> BTreeSet<AppName> {
        let record = |key: &str| match keys::meaning(key) {
            Some(Meaning::Record(app)) => Some(app),
            _ => None,
        };
        self.keys().filter_map(record).collect()
    }

    /// The keys of a release's endpoints that are held.
    pub fn endpoints_of(&self, release: &ReleaseId) -> Vec<String> {
        let prefix = format!("{release}/");
        self.keys().filter(|key| key.starts_with(&prefix)).map(str::to_owned).collect()
    }

    /// The releases of which endpoints are held.
    pub fn releases(&self) -> BTreeSet<ReleaseId> {
        let release = |key: &str| match keys::meaning(key) {
            Some(Meaning::Endpoint(release, _)) => Some(release),
            _ => None,
        };
        self.keys().filter_map(release).collect()
    }

    /// Whether an endpoint is held.
    pub fn holds_endpoint(&self, release: &ReleaseId, container: &str) -> bool {
        self.held.contains_key(&format!("{release}/{container}"))
    }

    /// For how long a key is held.
    pub fn held_for(&self, key: &str, now: Duration) -> Duration {
        self.held.get(key).map(|held| now.saturating_sub(held.since)).unwrap_or_default()
    }

    /// They as they are shown.
    pub fn shown(&self) -> Vec<LostKey> {
        self.keys().map(|key| LostKey { key: key.to_owned() }).collect()
    }

    /// Compares a whole listing with the last good values: holds what is missing without an order, and lets go of all else.
    pub fn compare(&mut self, listing: &Listing, good: &Values, now: Duration) {
        let before = std::mem::take(&mut self.held);
        let missing = good.keys().filter(|key| entry(listing, key).is_none());
        let mut lost: Vec<&str> = Vec::new();
        let mut endpoints: BTreeMap<ReleaseId, Vec<&str>> = BTreeMap::new();
        let mut orders = Orders::default();
        orders.ended.extend(listing.entries.iter().filter_map(|entry| ended_app(entry.key.as_str())));
        for key in missing {
            match keys::meaning(key) {
                Some(Meaning::Endpoint(release, _)) => endpoints.entry(release).or_default().push(key),
                _ if !orders.has(key, good) => lost.push(key),
                _ => {}
            }
        }
        let tracks = tracks(listing, good, &lost);
        endpoints.retain(|release, keys| {
            // Beside one that was registered since, those that are held stay until that one passes its checks.
            let is_first = !has_endpoint(listing, release);
            keys.retain(|key| is_first || before.contains_key(*key));
            tracks.contains(release) && !is_counted(listing, good, release)
        });
        for key in lost.into_iter().chain(endpoints.into_values().flatten()) {
            match before.get(key) {
                Some(held) => drop(self.held.insert(key.to_owned(), held.clone())),
                None => self.hold(key, now),
            }
        }
    }
}

/// The releases on the tracks of the records that are listed or lost.
fn tracks(listing: &Listing, good: &Values, lost: &[&str]) -> BTreeSet<ReleaseId> {
    let is_record = |key: &str| matches!(keys::meaning(key), Some(Meaning::Record(_)));
    let listed = listing.entries.iter().filter(|entry| is_record(entry.key.as_str()));
    let lost = lost.iter().filter(|key| is_record(key)).filter_map(|key| good.get(*key));
    let values = listed.map(|entry| &entry.value).chain(lost.map(|(value, _)| value));
    let records = values.filter_map(|value| Record::parse(value).ok());
    let on_tracks =
        |record: Record| record.stable.into_iter().chain(record.candidate).map(|stay| stay.release);
    records.flat_map(on_tracks).collect()
}

fn has_endpoint(listing: &Listing, release: &ReleaseId) -> bool {
    let prefix = format!("{release}/");
    let at = listing.entries.partition_point(|entry| entry.key.as_str() < prefix.as_str());
    listing.entries.get(at).is_some_and(|entry| entry.key.as_str().starts_with(&prefix))
        || set_of(entry(listing, &keys::endpoint_set(release)).map(|entry| &entry.value[..]))
            .pending
            .is_some()
}

/// Whether the endpoints of a release were changed through the API since the last good values.
fn is_counted(listing: &Listing, good: &Values, release: &ReleaseId) -> bool {
    let key = keys::endpoint_set(release);
    let listed = set_of(entry(listing, &key).map(|entry| &entry.value[..]));
    listed.count > set_of(good.get(key.as_str()).map(|(value, _)| &value[..])).count
}

fn set_of(value: Option<&[u8]>) -> EndpointSet {
    value.and_then(|value| EndpointSet::parse(value).ok()).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use bytes::Bytes;
    use keyvalues::Entry;

    use super::*;

    const RECORD: &str = "rolling/shop/rollout";
    const SETTINGS: &str = "rolling/shop/settings";
    const ONE: &str = "apps/shop-1-80/containers/c1";
    const TWO: &str = "apps/shop-1-80/containers/c2";
    const SET: &str = "apps/shop-1-80/set";
    const OTHER: &str = "apps/shop-2-80/containers/c1";

    fn record() -> String {
        let stay = serde_json::json!({ "release": "apps/shop-1-80/containers", "tenure": 1 });
        let tenures = crate::rollout::record::Tenures { last: 1, left: Vec::new() };
        let stable = serde_json::from_value(stay).unwrap();
        let record = Record { seq: 1, stable, tenures, ..Record::empty() };
        serde_json::to_string(&record).unwrap()
    }

    fn served() -> Vec<(&'static str, String)> {
        let texts = [(SETTINGS, "{}"), (ONE, "10.0.0.1:80"), (TWO, "10.0.0.2:80"), (OTHER, "10.0.0.3:80")];
        let texts = texts.into_iter().map(|(key, value)| (key, value.to_owned()));
        texts.chain([(RECORD, record())]).collect()
    }

    /// What is held after a listing of what is served without some keys, and with others.
    fn held(without: &[&str], with: &[(&str, &str)]) -> Vec<String> {
        let bytes = |value: &str| Bytes::copy_from_slice(value.as_bytes());
        let served = served();
        let good: Values = served.iter().map(|(key, value)| (Arc::from(*key), (bytes(value), 1))).collect();
        let left = served.iter().filter(|(key, _)| !without.contains(key));
        let left = left.map(|(key, value)| (*key, value.as_str())).chain(with.iter().copied());
        let entry = |(key, value): (&str, &str)| Entry {
            key: key.parse().unwrap(),
            value: bytes(value),
            created: 1,
            modified: 1,
            lease: None,
        };
        let mut entries: Vec<Entry> = left.map(entry).collect();
        entries.sort_by(|one, other| one.key.cmp(&other.key));
        let mut losses = Losses::default();
        losses.compare(&Listing { revision: 2, entries }, &good, Duration::ZERO);
        losses.keys().map(str::to_owned).collect()
    }

    #[test]
    fn what_is_missing_without_an_order_is_held() {
        assert_eq!(held(&[], &[]), [""; 0]);
        assert_eq!(held(&[RECORD, SETTINGS], &[]), [RECORD, SETTINGS]);
        let ended = ("rolling/router/ended/shop", r#"{"seq":1,"tenure":1}"#);
        assert_eq!(held(&[RECORD, SETTINGS], &[ended]), [""; 0], "the app was meant to end");
    }

    #[test]
    fn endpoints_are_held_only_where_a_release_on_a_track_would_have_none() {
        assert_eq!(held(&[ONE, TWO], &[]), [ONE, TWO]);
        assert_eq!(held(&[ONE, TWO, RECORD], &[]), [ONE, TWO, RECORD], "the lost record's tracks count");
        assert_eq!(held(&[ONE], &[]), [""; 0], "one is left");
        assert_eq!(held(&[OTHER], &[]), [""; 0], "it is on no track");
        assert_eq!(held(&[ONE, TWO], &[(SET, r#"{"count":1}"#)]), [""; 0], "they were removed by name");
        assert_eq!(held(&[ONE, TWO], &[("apps/shop-1-80/containers/c9", "10.0.0.9:80")]), [""; 0]);
    }
}
