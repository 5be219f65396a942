//! The contents of a keyspace: every value with its last good reading, and what is known of it.

use std::{
    collections::{BTreeMap, BTreeSet, HashMap, HashSet},
    sync::Arc,
};

use super::{addresses::AddressIndex, claims::Claims, slots::Slots};
use crate::rollout::{
    address::Address,
    adopt::{OldKeys, WriteRevisions},
    app::AppName,
    endpoint::{AddressPolicy, Endpoint},
    endpoint_name::EndpointName,
    freeze::FreezeWindow,
    keys::{self, Meaning},
    pin::{PinFormat, PinKeys},
    pipeline_lock::PipelineLock,
    preview::Previews,
    record::Record,
    release::ReleaseId,
    resolved_names::ResolvedNames,
    settings::Settings,
    table::{AppRoutes, EndpointKey, ReleaseKey, RoutingTable},
};

/// What a keyspace needs beside the keyvalues.
#[derive(Debug, Clone)]
pub struct KeyspaceOptions {
    /// The app for unknown hosts (`--app`). None: the stored one, or the only app.
    pub default_app: Option<AppName>,
    /// Which addresses may be endpoints.
    pub addresses: AddressPolicy,
    /// The fleet's pin keys.
    pub pin_keys: PinKeys,
    /// The format in which pins are signed.
    pub pin_format: PinFormat,
    /// Whether http redirects to https, which makes the cookies of testers `Secure`.
    pub https: bool,
}

/// Everything that was read from the store, each value parsed once.
#[derive(Debug)]
pub struct Keyspace {
    pub(super) options: KeyspaceOptions,
    /// Every value as it was written, by key.
    pub(super) values: BTreeMap<String, StoredValue>,
    pub(super) apps: BTreeMap<AppName, AppKeys>,
    /// The valid endpoints below `containers/`, by release.
    pub(super) releases: BTreeMap<ReleaseId, Endpoints>,
    /// The app for unknown hosts, as it is stored.
    pub(super) default_app: Option<AppName>,
    /// The freeze windows of all apps; no route depends on them.
    pub(super) freeze_windows: Arc<Vec<FreezeWindow>>,
    /// The valid endpoints of sets whose keys are still to be written. They count instead of the others.
    pub(super) pending: BTreeMap<ReleaseId, PendingEndpoints>,
    /// Keys whose values are not allowed.
    pub(super) faulty: BTreeSet<String>,
    /// Releases whose endpoints changed since the last build, and at which store revision.
    pub(super) changed_releases: HashMap<ReleaseId, u64>,
    /// Apps that something was written for since the last build.
    pub(super) touched: BTreeSet<AppName>,
    /// Which apps list a release, as of the last build.
    pub(super) listed_by: HashMap<ReleaseId, BTreeSet<AppName>>,
    /// Apps whose old keys differed from their record at the last build.
    pub(super) unsettled: BTreeSet<AppName>,
    /// What builds have taken in since [`Keyspace::take_changes`].
    pub(super) changes: Changes,
    pub(super) claims: Claims,
    /// Whether a claim may have changed since claims were last settled.
    pub(super) claims_stale: bool,
    /// The table of the last build.
    pub(super) table: RoutingTable,
    /// The number of whole listings so far. Each value notes the last one that had it.
    pub(super) listing: u64,
    pub(super) endpoint_slots: Slots<EndpointKey>,
    pub(super) endpoints_by_address: AddressIndex,
    pub(super) release_slots: Slots<ReleaseKey>,
    /// What names of endpoints stand for.
    pub(super) names: Arc<ResolvedNames>,
    /// The releases that have endpoints by name, as of the last build.
    pub(super) named: BTreeMap<ReleaseId, BTreeSet<EndpointName>>,
    /// Apps that keep their last routes until the names of their new ones were looked up.
    pub(super) waiting_for_names: BTreeSet<AppName>,
    /// Slots of apps are never given up: the counters of an app outlive it.
    pub(super) app_slots: HashMap<AppName, usize>,
}

/// The apps and releases that were written since the changes were last taken.
#[derive(Debug, Default)]
pub struct Changes {
    /// Apps with a key that was written or deleted, or with a release whose endpoints were.
    pub apps: BTreeSet<AppName>,
    /// Releases with endpoints that were written or deleted.
    pub releases: HashSet<ReleaseId>,
}

/// A value as it was written.
#[derive(Debug)]
pub(super) struct StoredValue {
    pub(super) raw: Box<[u8]>,
    pub(super) modified: u64,
    pub(super) listing: u64,
    /// What is allowed, if the value is not.
    pub(super) fault: Option<String>,
}

/// One endpoint of a release.
#[derive(Debug, Clone)]
pub(super) struct StoredEndpoint {
    pub(super) endpoint: Endpoint,
    pub(super) modified: u64,
}

/// The valid endpoints of one release, by container.
pub(super) type Endpoints = BTreeMap<String, StoredEndpoint>;

/// The endpoints of a release that count although their keys are still to be written.
#[derive(Debug)]
pub(super) struct PendingEndpoints {
    pub(super) endpoints: Endpoints,
    /// The id of the router that writes the keys.
    pub(super) by: String,
}

/// The last good reading of one app's keys.
#[derive(Debug, Default)]
pub(super) struct AppKeys {
    pub(super) record: Option<Record>,
    pub(super) settings: Arc<Settings>,
    pub(super) settings_modified: u64,
    pub(super) previews: Arc<Previews>,
    pub(super) old: OldKeys,
    /// The lock of its pipelines; no route depends on it.
    pub(super) pipeline_lock: Option<Arc<PipelineLock>>,
    /// The newest store revision among the app's own keys.
    pub(super) revision: u64,
    /// The routes of the last build; `None` if something was written since.
    pub(super) compiled: Option<Arc<AppRoutes>>,
    /// The last compiled routes, whose slots the next ones keep.
    pub(super) last: Option<Arc<AppRoutes>>,
}

impl AppKeys {
    pub(super) fn is_empty(&self) -> bool {
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
            default_app: None,
            freeze_windows: Arc::default(),
            pending: BTreeMap::new(),
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
            endpoints_by_address: AddressIndex::default(),
            release_slots: Slots::default(),
            names: Arc::default(),
            named: BTreeMap::new(),
            waiting_for_names: BTreeSet::new(),
            app_slots: HashMap::new(),
        }
    }

    /// Replaces the pin keys and the format that is signed; the next table uses them.
    pub fn set_pin_signing(&mut self, keys: PinKeys, format: PinFormat) {
        if (&self.options.pin_keys, self.options.pin_format) != (&keys, format) {
            self.options.pin_keys = keys;
            self.options.pin_format = format;
            self.apps.values_mut().for_each(|app| app.compiled = None);
            self.touched.extend(self.apps.keys().cloned());
        }
    }

    /// Replaces what may be an endpoint. Values for which that makes a difference are read again.
    pub fn set_addresses(&mut self, addresses: AddressPolicy) {
        self.options.addresses = addresses;
        let differ = self.values.iter().filter_map(|(key, stored)| {
            let meaning = keys::routed_meaning(key)?;
            let endpoint = matches!(meaning, Meaning::Endpoint(..) | Meaning::EndpointSet(_));
            (endpoint && self.fault_of(&meaning, &stored.raw) != stored.fault).then(|| key.clone())
        });
        for key in differ.collect::<Vec<_>>() {
            if let Some(stored) = self.values.remove(&key) {
                self.put(&key, &stored.raw, stored.modified);
            }
        }
    }

    /// Takes in one written value.
    pub fn put(&mut self, key: &str, value: &[u8], modified: u64) {
        let listing = self.listing;
        if let Some(known) = self.values.get_mut(key)
            && known.modified == modified
            && *known.raw == *value
        {
            known.listing = listing;
            return;
        }
        let Some(meaning) = keys::routed_meaning(key) else { return };
        let fault = self.read(meaning, value, modified);
        if fault.is_none() {
            self.faulty.remove(key);
        } else if !self.faulty.contains(key) {
            self.faulty.insert(key.to_owned());
        }
        let stored = StoredValue { raw: value.into(), modified, listing, fault };
        self.values.insert(key.to_owned(), stored);
    }

    /// Takes in one deletion.
    pub fn delete(&mut self, key: &str, revision: u64) {
        if self.values.remove(key).is_some()
            && let Some(meaning) = keys::routed_meaning(key)
        {
            self.faulty.remove(key);
            self.forget(meaning, revision);
        }
    }

    /// Takes in a whole listing. Keys that are not in it count as deleted.
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

    /// Whether a release is on a track of an app, as of the last build.
    pub fn is_on_track(&self, release: &ReleaseId) -> bool {
        let records = self.listed_by.get(release).into_iter().flatten().filter_map(|app| self.record(app));
        records.into_iter().any(|record| {
            record.stable_release() == Some(release) || record.candidate_release() == Some(release)
        })
    }

    /// Whether an app routes a release or would roll back to it, as of the last build.
    pub fn is_listed(&self, release: &ReleaseId) -> bool {
        self.listed_by.contains_key(release)
    }

    /// The containers of a release that count.
    pub fn containers(&self, release: &ReleaseId) -> impl Iterator<Item = &str> {
        listed(&self.releases, &self.pending, release)
            .into_iter()
            .flat_map(BTreeMap::keys)
            .map(String::as_str)
    }

    /// Where a container of a release is registered.
    pub fn endpoint_of(&self, release: &ReleaseId, container: &str) -> Option<&Endpoint> {
        let endpoints = listed(&self.releases, &self.pending, release)?;
        endpoints.get(container).map(|stored| &stored.endpoint)
    }

    /// The releases and containers that have an address.
    pub fn registered_at(&self, address: Address) -> impl Iterator<Item = (&ReleaseId, &str)> {
        let all = self.releases.iter();
        let all =
            all.flat_map(|(release, endpoints)| endpoints.iter().map(move |endpoint| (release, endpoint)));
        let there = all.filter(move |(_, (_, stored))| self.is_at(&stored.endpoint, address));
        there.map(|(release, (container, _))| (release, container.as_str()))
    }

    /// The apps whose old keys differed from their record when the table was last built.
    pub fn unsettled(&self) -> impl Iterator<Item = &AppName> {
        self.unsettled.iter()
    }

    /// Takes what builds have taken in since this was last called.
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

    /// The freeze windows of all apps, in their last good reading.
    pub fn freeze_windows(&self) -> Arc<Vec<FreezeWindow>> {
        Arc::clone(&self.freeze_windows)
    }

    /// The lock of the app's pipelines, in its last good reading.
    pub fn pipeline_lock(&self, app: &AppName) -> Arc<PipelineLock> {
        self.apps.get(app).and_then(|app| app.pipeline_lock.clone()).unwrap_or_default()
    }

    /// The four old keys of an app, without white space around the values.
    pub fn old_keys(&self, app: &AppName) -> OldKeys {
        let mut old = self.apps.get(app).map(|app| app.old.clone()).unwrap_or_default();
        let candidate = self.modified(&keys::candidate_id(app)).unwrap_or_default();
        let blend = self.modified(&keys::blendpercent(app)).unwrap_or_default();
        old.written = WriteRevisions { candidate, blend };
        old
    }

    /// The store revision at which a key was last written, whether its value is allowed or not.
    pub fn modified(&self, key: &str) -> Option<u64> {
        self.values.get(key).map(|stored| stored.modified)
    }

    /// Releases known from endpoint keys, with the number of valid endpoints of each.
    pub fn releases(&self) -> Vec<(ReleaseId, usize)> {
        let known: BTreeSet<&ReleaseId> = self.releases.keys().chain(self.pending.keys()).collect();
        known.into_iter().map(|release| (release.clone(), self.endpoints(release))).collect()
    }

    /// Releases with endpoints whose keys are still to be written, each with the id of the router that does it.
    pub fn pending(&self) -> impl Iterator<Item = (&ReleaseId, &str)> {
        self.pending.iter().map(|(release, pending)| (release, pending.by.as_str()))
    }

    /// How many valid endpoints one release has. One by name counts once, whatever it stands for.
    pub fn endpoints(&self, release: &ReleaseId) -> usize {
        self.registered(release).len()
    }

    /// The valid endpoints of one release, each once.
    pub(super) fn registered(&self, release: &ReleaseId) -> HashSet<&Endpoint> {
        let stored = listed(&self.releases, &self.pending, release).into_iter().flat_map(BTreeMap::values);
        stored.map(|stored| &stored.endpoint).collect()
    }
}

/// The endpoints of a release that count.
pub(super) fn listed<'a>(
    releases: &'a BTreeMap<ReleaseId, Endpoints>,
    pending: &'a BTreeMap<ReleaseId, PendingEndpoints>,
    release: &ReleaseId,
) -> Option<&'a Endpoints> {
    pending.get(release).map(|pending| &pending.endpoints).or_else(|| releases.get(release))
}
