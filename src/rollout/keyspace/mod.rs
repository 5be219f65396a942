//! The keyspace: every keyvalue a table is built from, with the last good reading of each.
//!
//! A stored value is never trusted. What cannot be read harms only itself: it keeps its last good reading (or is
//! left out), and is listed as a [`Problem`]. Each value is parsed once, when it is written; building a table then
//! looks only at the apps that something was written for.
//!
//! Events, and the router's own keys, are no part of it: no route depends on them.

mod claims;
mod compile;
mod problem;
mod read;
mod slots;
#[cfg(test)]
mod tests;

use std::{
    collections::{BTreeMap, BTreeSet, HashMap, HashSet},
    net::SocketAddr,
    sync::Arc,
};

pub use self::problem::Problem;
use self::{claims::Claims, slots::Slots};
use super::{
    adopt::{OldKeys, WriteRevisions},
    app::AppName,
    endpoint::AddressPolicy,
    keys::{self, Meaning},
    pin::PinKeys,
    preview::Previews,
    record::Record,
    release::ReleaseId,
    settings::Settings,
    table::{AppRoutes, EndpointKey, ReleaseKey, RoutingTable},
};

/// What a keyspace is told besides the keyvalues.
#[derive(Debug, Clone)]
pub struct KeyspaceOptions {
    /// The app for unknown hosts (`--app`); none: the only app, if there is one.
    pub default_app: Option<AppName>,
    /// Which addresses may be endpoints.
    pub addresses: AddressPolicy,
    /// The fleet's pin keys.
    pub pin_keys: PinKeys,
    /// Whether http redirects to https, which makes pins `Secure`.
    pub https: bool,
}

/// Everything read from the store, parsed once per value.
#[derive(Debug)]
pub struct Keyspace {
    options: KeyspaceOptions,
    /// Every value as it was written, by key.
    values: BTreeMap<String, Stored>,
    apps: BTreeMap<AppName, AppKeys>,
    releases: BTreeMap<ReleaseId, Endpoints>,
    /// Keys whose value cannot be taken.
    faulty: BTreeSet<String>,
    /// Releases whose endpoints changed since the last build, and at which store revision.
    changed_releases: HashMap<ReleaseId, u64>,
    /// Apps that something was written for since the last build.
    touched: BTreeSet<AppName>,
    /// Which apps list a release, as of the last build.
    listed_by: HashMap<ReleaseId, BTreeSet<AppName>>,
    /// Apps whose old keys say something else than their record, as of the last build.
    unsettled: BTreeSet<AppName>,
    /// What builds have taken in since it was last asked for.
    changes: Changes,
    claims: Claims,
    /// Apps may claim something else than when that was last settled.
    claims_stale: bool,
    /// As of the last build.
    table: RoutingTable,
    /// Counts whole listings, so that what a listing lacks can be told.
    listing: u64,
    endpoint_slots: Slots<EndpointKey>,
    release_slots: Slots<ReleaseKey>,
    /// Never given back: counters by app outlive the app.
    app_slots: HashMap<AppName, usize>,
}

/// What was written for since somebody last asked: no more is to be looked at again.
#[derive(Debug, Default)]
pub struct Changes {
    /// Apps of which any key was written or deleted, or endpoints of a release that they list.
    pub apps: BTreeSet<AppName>,
    /// Releases of which endpoints were written or deleted.
    pub releases: HashSet<ReleaseId>,
}

/// A value as it was written.
#[derive(Debug)]
struct Stored {
    raw: Box<[u8]>,
    modified: u64,
    listing: u64,
    /// What is allowed, where the value cannot be taken.
    fault: Option<String>,
}

/// One endpoint of a release.
#[derive(Debug, Clone, Copy)]
struct StoredEndpoint {
    address: SocketAddr,
    modified: u64,
}

/// The valid endpoints of one release, by container.
type Endpoints = BTreeMap<String, StoredEndpoint>;

/// The last good reading of one app's keys.
#[derive(Debug, Default)]
struct AppKeys {
    record: Option<Record>,
    settings: Arc<Settings>,
    settings_modified: u64,
    previews: Arc<Previews>,
    old: OldKeys,
    /// The newest store revision among the app's own keys.
    revision: u64,
    /// As of the last build; none where something was written since.
    compiled: Option<Arc<AppRoutes>>,
    /// The last compiled form, whose slots the next one keeps.
    last: Option<Arc<AppRoutes>>,
}

impl AppKeys {
    fn is_empty(&self) -> bool {
        self.record.is_none() && self.old == OldKeys::default()
    }
}

impl Keyspace {
    /// An empty keyspace.
    pub fn new(options: KeyspaceOptions) -> Self {
        Self {
            options,
            values: BTreeMap::new(),
            apps: BTreeMap::new(),
            releases: BTreeMap::new(),
            faulty: BTreeSet::new(),
            changed_releases: HashMap::new(),
            touched: BTreeSet::new(),
            listed_by: HashMap::new(),
            unsettled: BTreeSet::new(),
            changes: Changes::default(),
            claims: Claims::default(),
            claims_stale: true,
            table: RoutingTable::default(),
            listing: 0,
            endpoint_slots: Slots::default(),
            release_slots: Slots::default(),
            app_slots: HashMap::new(),
        }
    }

    /// Replaces the pin keys; the next table uses them.
    pub fn set_pin_keys(&mut self, keys: PinKeys) {
        if self.options.pin_keys != keys {
            self.options.pin_keys = keys;
            self.apps.values_mut().for_each(|app| app.compiled = None);
            self.touched.extend(self.apps.keys().cloned());
        }
    }

    /// Takes one written value.
    pub fn put(&mut self, key: &str, value: &[u8], modified: u64) {
        let listing = self.listing;
        if let Some(known) = self.values.get_mut(key)
            && known.modified == modified
            && *known.raw == *value
        {
            known.listing = listing;
            return;
        }
        let Some(meaning) = routed(key) else { return };
        let fault = self.read(meaning, value, modified);
        if fault.is_none() {
            self.faulty.remove(key);
        } else if !self.faulty.contains(key) {
            self.faulty.insert(key.to_owned());
        }
        let stored = Stored { raw: value.into(), modified, listing, fault };
        self.values.insert(key.to_owned(), stored);
    }

    /// Takes one deletion.
    pub fn delete(&mut self, key: &str, revision: u64) {
        if self.values.remove(key).is_some()
            && let Some(meaning) = routed(key)
        {
            self.faulty.remove(key);
            self.forget(meaning, revision);
        }
    }

    /// Takes a whole listing: keys that are not in it are deletions.
    pub fn replace(&mut self, entries: &mut dyn Iterator<Item = (&str, &[u8], u64)>, revision: u64) {
        self.listing += 1;
        for (key, value, modified) in entries {
            self.put(key, value, modified);
        }
        let gone = self.values.iter().filter(|(_, stored)| stored.listing != self.listing);
        let gone: Vec<String> = gone.map(|(key, _)| key.clone()).collect();
        for key in gone {
            self.delete(&key, revision);
        }
    }

    /// The apps that exist: those with a record or any old key.
    pub fn apps(&self) -> Vec<AppName> {
        self.apps.iter().filter(|(_, app)| !app.is_empty()).map(|(name, _)| name.clone()).collect()
    }

    /// Whether an app exists: it has a record or any old key.
    pub fn has_app(&self, app: &AppName) -> bool {
        self.apps.get(app).is_some_and(|app| !app.is_empty())
    }

    /// The apps whose old keys said something else than their record when the table was built.
    pub fn unsettled(&self) -> impl Iterator<Item = &AppName> {
        self.unsettled.iter()
    }

    /// What builds have taken in since this was last asked.
    pub fn take_changes(&mut self) -> Changes {
        std::mem::take(&mut self.changes)
    }

    /// An app's record in its last good reading.
    pub fn record(&self, app: &AppName) -> Option<&Record> {
        self.apps.get(app)?.record.as_ref()
    }

    /// An app's settings in their last good reading; the defaults where there are none.
    pub fn settings(&self, app: &AppName) -> Arc<Settings> {
        self.apps.get(app).map(|app| Arc::clone(&app.settings)).unwrap_or_default()
    }

    /// An app's live preview grants in their last good reading.
    pub fn previews(&self, app: &AppName) -> Arc<Previews> {
        self.apps.get(app).map(|app| Arc::clone(&app.previews)).unwrap_or_default()
    }

    /// The four old keys of an app as stored, less white space around the values.
    pub fn old_keys(&self, app: &AppName) -> OldKeys {
        let mut old = self.apps.get(app).map(|app| app.old.clone()).unwrap_or_default();
        let candidate = self.modified(&keys::candidate_id(app)).unwrap_or_default();
        let blend = self.modified(&keys::blendpercent(app)).unwrap_or_default();
        old.written = WriteRevisions { candidate, blend };
        old
    }

    /// The store revision at which a key was last written, whether its value could be taken or not.
    pub fn modified(&self, key: &str) -> Option<u64> {
        self.values.get(key).map(|stored| stored.modified)
    }

    /// Releases known from endpoint keys, with the number of valid endpoints of each.
    pub fn releases(&self) -> Vec<(ReleaseId, usize)> {
        self.releases.keys().map(|release| (release.clone(), self.endpoints(release))).collect()
    }

    /// The valid endpoints of one release.
    pub fn endpoints(&self, release: &ReleaseId) -> usize {
        self.addresses(release).len()
    }

    /// The addresses of the valid endpoints of one release, in order, each once.
    pub fn addresses(&self, release: &ReleaseId) -> Vec<SocketAddr> {
        let endpoints = self.releases.get(release).into_iter().flat_map(BTreeMap::values);
        let mut addresses: Vec<SocketAddr> = endpoints.map(|endpoint| endpoint.address).collect();
        addresses.sort_unstable();
        addresses.dedup();
        addresses
    }
}

/// What a key means, if a route can depend on it.
fn routed(key: &str) -> Option<Meaning> {
    keys::meaning(key)
        .filter(|meaning| !matches!(meaning, Meaning::Null | Meaning::Event(..) | Meaning::Router))
}
