//! An app as the store holds it: what a command decides on, and the checks that hold its commit to that.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
};

use keyvalues::{Check, Entry, Listing, Revision, Write};
use serde_json::Value;

use super::{
    commit::Commit,
    release_endpoints::{ReleaseEndpoints, prefixes, valid_endpoints},
    stored_default::StoredDefault,
};
use crate::{
    control::shared::{
        core::Core,
        entries::{as_read, decode, encode, end_mark, entry, own_key, text, unchanged},
        error::ApiError,
    },
    rollout::{
        adopt::{OldKey, OldKeys, WriteRevisions},
        app::AppName,
        command::{Background, Holds, RegistrationRules},
        commit,
        end_mark::EndMark,
        endpoint::Endpoint,
        freeze::{self, FreezeWindow},
        history::{self, PastStable},
        keys::{self, Meaning},
        pipeline_lock::PipelineLock,
        record::{HistoryEvent, Record},
        release::ReleaseId,
        settings::Settings,
        unknown_fields,
    },
};

/// Endpoints by release.
pub type EndpointsOfReleases = BTreeMap<ReleaseId, BTreeSet<Endpoint>>;

/// What the marker of a store that is set up holds.
const MARKER: &str = "-";

/// One reading of an app.
#[derive(Debug)]
pub struct StoredApp {
    pub name: AppName,
    /// The record. If the stored one cannot be read, the last good one, so that a damaged value disables no command.
    pub record: Option<Record>,
    record_entry: Option<Entry>,
    old: [Option<Entry>; 4],
    pub settings: Settings,
    pub settings_entry: Option<Entry>,
    lock_entry: Option<Entry>,
    /// The freeze windows of all apps.
    freeze_windows: Arc<Vec<FreezeWindow>>,
    default_app: StoredDefault,
    /// The mark of its former end.
    end_mark: Option<Entry>,
    /// Its record was deleted, and nobody ordered that.
    pub is_lost: bool,
    /// Its record is of a newer version, and this one cannot read it.
    pub is_unreadable: bool,
    /// What it was then, if this router knows it.
    lost_record: Option<Record>,
    /// The store's revision at this reading.
    pub read_at: Revision,
}

impl StoredApp {
    /// Reads the app's own keys, all at one revision.
    pub async fn read(core: &Core, name: &AppName) -> Result<Self, ApiError> {
        let keys: Vec<String> = OldKey::ALL
            .iter()
            .map(|old| old.key(name))
            .chain([
                keys::record(name),
                keys::settings(name),
                keys::pipeline_lock(name),
                keys::DEFAULT_APP.to_owned(),
                keys::FREEZE_WINDOWS.to_owned(),
                end_mark(name),
            ])
            .collect();
        let prefixes: Vec<&str> = keys.iter().map(String::as_str).collect();
        let listing = core.store.list(&prefixes).await?;
        let find = |key: &str| entry(&listing, key).cloned();
        let record_entry = find(&keys::record(name));
        let settings_entry = find(&keys::settings(name));
        let record = match &record_entry {
            Some(stored) => Record::parse(&stored.value).ok().or_else(|| last_good_record(core, name)),
            None => None,
        };
        let settings = settings_entry.as_ref().and_then(|stored| Settings::read(&stored.value).ok());
        let is_unreadable =
            record_entry.as_ref().is_some_and(|stored| is_unreadable(&stored.value, record.as_ref()));
        let end_mark = find(&end_mark(name));
        let is_lost = record_entry.is_none() && end_mark.is_none() && has_traces(core, name).await?;
        Ok(Self {
            name: name.clone(),
            end_mark,
            is_lost,
            is_unreadable,
            lost_record: is_lost.then(|| last_good_record(core, name)).flatten(),
            record,
            record_entry,
            old: OldKey::ALL.map(|old| find(&old.key(name))),
            settings: settings.unwrap_or_else(|| last_good_settings(core, name)),
            settings_entry,
            lock_entry: find(&keys::pipeline_lock(name)),
            freeze_windows: freeze_windows(core, find(keys::FREEZE_WINDOWS)),
            default_app: StoredDefault::of(find(keys::DEFAULT_APP), name, &core.replica.reading.load()),
            read_at: listing.revision,
        })
    }

    /// Whether nothing at all is stored of it.
    pub fn is_absent(&self) -> bool {
        self.record_entry.is_none() && self.old.iter().all(Option::is_none)
    }

    /// The old keys as stored, less white space around the values.
    pub fn old_keys(&self) -> OldKeys {
        let [stable, candidate, blend, sticky] = self.old.each_ref().map(|entry| entry.as_ref().map(text));
        let [_, candidate_entry, blend_entry, _] = &self.old;
        let modified = |entry: &Option<Entry>| entry.as_ref().map_or(0, |entry| entry.modified);
        let written = WriteRevisions { candidate: modified(candidate_entry), blend: modified(blend_entry) };
        OldKeys { stable, candidate, blend, sticky, written }
    }

    /// The revision at which `stable/id` was written; 0 if it is missing.
    pub fn stable_written(&self) -> Revision {
        self.old[0].as_ref().map_or(0, |entry| entry.modified)
    }

    /// Checks that nothing which a command decides on has changed since this reading.
    pub fn checks(&self) -> Vec<Check> {
        let own = OldKey::ALL.iter().map(|old| old.key(&self.name)).zip(&self.old);
        let record = (keys::record(&self.name), &self.record_entry);
        let lock = (keys::pipeline_lock(&self.name), &self.lock_entry);
        own.chain([record, lock])
            .map(|(key, entry)| match entry {
                Some(entry) => Check::Unchanged(entry.key.clone(), entry.modified),
                None => Check::Absent(own_key(&key)),
            })
            .collect()
    }

    /// Checks that the record has not changed since this reading.
    pub fn record_check(&self) -> Check {
        as_read(self.record_entry.as_ref(), &keys::record(&self.name))
    }

    /// What holds `ci` back beside the lock of the record.
    pub fn holds(&self) -> Holds {
        let lock = self.lock_entry.as_ref();
        Holds {
            pipeline_lock: lock.and_then(|entry| PipelineLock::parse(&entry.value).ok()).unwrap_or_default(),
            freeze_windows: self.settings.own_freezes(),
            freeze_windows_of_all: Arc::clone(&self.freeze_windows),
        }
    }

    /// Checks that the lock of a pipeline has not changed since this reading, nor the record's.
    pub fn lock_checks(&self) -> Vec<Check> {
        let key = keys::pipeline_lock(&self.name);
        vec![as_read(self.lock_entry.as_ref(), &key), self.record_check()]
    }

    /// Whether a release becomes stable as soon as it has an endpoint, since a raw write named it.
    pub fn awaits(&self, release: &ReleaseId) -> bool {
        let stable = self.record.as_ref().and_then(Record::stable_release);
        let old = self.old[0].as_ref().map(text);
        stable != Some(release) && old.as_deref() == Some(release.as_str())
    }

    /// What the app says about who may register endpoints of a release.
    pub fn registration_rules(&self, release: &ReleaseId) -> RegistrationRules<'_> {
        RegistrationRules {
            ci_blend_max: self.settings.ci_blend_max,
            ci_may_promote: self.settings.ci_may_promote,
            is_awaited: self.awaits(release),
            register_under_lock: &self.settings.register_under_lock,
            holds: self.holds(),
        }
    }

    /// Planned writes and further ones as one commit, which takes effect if the app has not changed since this reading.
    /// With an event a lost answer is settled by reading that event back.
    pub fn commit(
        &self,
        event: Option<&HistoryEvent>,
        mut plan: Vec<commit::Write>,
        further: Vec<Write>,
    ) -> Commit {
        self.keep_unknown_fields(&mut plan);
        let mut writes: Vec<Write> = plan.into_iter().map(planned).chain(further).collect();
        let mut checks = self.checks();
        if event.is_some() && self.record.is_none() {
            writes.push(Write::put(own_key(keys::NULL), MARKER));
            if let Some(mark) = &self.end_mark {
                checks.push(unchanged(mark));
                writes.push(Write::delete(mark.key.clone()));
            }
            self.default_app.begin(&mut checks, &mut writes);
        }
        let proof = event.map(|event| own_key(&keys::event(&self.name, event.record.seq)));
        Commit { checks, writes, proof }
    }

    /// What a member of a newer version says in the record stays in it, and is in the event that tells of the change.
    fn keep_unknown_fields(&self, plan: &mut [commit::Write]) {
        let Some(stored) = &self.record_entry else { return };
        let Ok(read) = Record::parse(&stored.value) else { return };
        let is_record = |key: &str| matches!(keys::meaning(key), Some(Meaning::Record(_)));
        let is_event = |key: &str| matches!(keys::meaning(key), Some(Meaning::Event(..)));
        let Some(value) = written(plan, is_record) else { return };
        let kept = unknown_fields::keep(&stored.value, &read, value.clone());
        if kept == *value {
            return;
        }
        value.clone_from(&kept);
        if let Some(event) = written(plan, is_event) {
            *event = with_record(event, &kept);
        }
    }

    /// The deletion of the app's own keys but its events, as one commit.
    pub fn removal(&self) -> Commit {
        let name = &self.name;
        let own = OldKey::ALL.iter().map(|old| old.key(name)).chain([
            keys::record(name),
            keys::settings(name),
            keys::previews(name),
            keys::pipeline_lock(name),
        ]);
        let mut writes: Vec<Write> = own.map(|key| Write::delete(own_key(&key))).collect();
        let mark = EndMark::of(self.record.as_ref().or(self.lost_record.as_ref()));
        writes.push(Write::put(own_key(&end_mark(name)), encode(&mark)));
        let mut checks = self.checks();
        self.default_app.end(name, &mut checks, &mut writes);
        Commit { checks, writes, proof: None }
    }

    /// The newest revision among these keys: a router that serves it serves all of this reading.
    pub fn revision(&self) -> Revision {
        let entries = self.old.iter().chain([&self.record_entry, &self.settings_entry]);
        entries.flatten().map(|entry| entry.modified).max().unwrap_or(0)
    }

    /// The newest revision of what its routes are made from: record and settings.
    pub fn routed(&self) -> Revision {
        let entries = [&self.record_entry, &self.settings_entry];
        entries.into_iter().flatten().map(|entry| entry.modified).max().unwrap_or(0)
    }

    /// The record's seq; 0 before the first.
    pub fn seq(&self) -> u64 {
        self.record.as_ref().map_or(0, |record| record.seq)
    }

    /// What a decision needs besides the record. The releases that were stable are read only when they are needed.
    pub async fn background(&self, core: &Core, with_stables: bool) -> Result<Background, ApiError> {
        let record = self.record.as_ref();
        // With an empty stable track only the history tells which releases were stable.
        let vacant = record.is_some_and(|record| record.stable.is_none() && record.previous.is_some());
        let stables = if with_stables || vacant { self.stables(core).await? } else { Vec::new() };
        Ok(Background {
            stables,
            ended: self.end_mark.as_ref().and_then(|entry| decode(&entry.value)),
            drain_max_ms: u64::from(self.settings.drainmaxseconds) * 1_000,
            ci_blend_max: self.settings.ci_blend_max,
            ci_may_promote: self.settings.ci_may_promote,
            holds: self.holds(),
            approvals: self.settings.approvals,
            plans: self.settings.plans(),
            ..Background::default()
        })
    }

    /// The releases that were stable, from the events.
    async fn stables(&self, core: &Core) -> Result<Vec<PastStable>, ApiError> {
        let prefix = format!("rolling/{}/events/", self.name);
        let listing = core.store.list(&[&prefix]).await?;
        let read = |entry: &Entry| serde_json::from_slice::<HistoryEvent>(&entry.value).ok();
        let events: Vec<HistoryEvent> = listing.entries.iter().rev().filter_map(read).collect();
        Ok(history::stables(events.iter().map(|event| &event.record)))
    }
}

fn planned((key, value): commit::Write) -> Write {
    let key = own_key(&key);
    match value {
        Some(value) => Write::put(key, value),
        None => Write::delete(key),
    }
}

/// The valid endpoints that each of these releases has in the store.
pub async fn registered_endpoints(
    core: &Core,
    releases: &[ReleaseId],
) -> Result<EndpointsOfReleases, ApiError> {
    let listing = endpoints_of(core, releases).await?;
    let policy = core.addresses.load();
    let found = |release: &ReleaseId| {
        (release.clone(), valid_endpoints(ReleaseEndpoints::of(release, &listing).containers(), &policy))
    };
    Ok(releases.iter().map(found).collect())
}

/// The endpoint keys of these releases, and the sets that count instead of them.
pub async fn endpoints_of(core: &Core, releases: &[ReleaseId]) -> Result<Listing, ApiError> {
    let prefixes: Vec<String> = releases.iter().flat_map(prefixes).collect();
    let prefixes: Vec<&str> = prefixes.iter().map(String::as_str).collect();
    if prefixes.is_empty() {
        return Ok(Listing { revision: 0, entries: Vec::new() });
    }
    Ok(core.store.list(&prefixes).await?)
}

/// Whether anything says that an app without a record had one: this router's last reading, or its events.
async fn has_traces(core: &Core, name: &AppName) -> Result<bool, ApiError> {
    if last_good_record(core, name).is_some() {
        return Ok(true);
    }
    let listing = core.store.list(&[&format!("rolling/{name}/events/")]).await?;
    Ok(!listing.entries.is_empty())
}

/// Whether a value that is no record to this version is one to a newer version: it goes on from what was read last. Any other
/// value is garbage, which the next command writes over.
fn is_unreadable(value: &[u8], last_good: Option<&Record>) -> bool {
    Record::parse(value).is_err()
        && serde_json::from_slice::<Value>(value)
            .is_ok_and(|record| record["seq"].as_u64() > Some(last_good.map_or(0, |record| record.seq)))
}

/// The value that a plan writes at a key of a kind.
fn written(plan: &mut [commit::Write], is_it: impl Fn(&str) -> bool) -> Option<&mut Vec<u8>> {
    plan.iter_mut().find(|(key, value)| value.is_some() && is_it(key)).and_then(|(_, value)| value.as_mut())
}

/// An event with another text of the record that it tells of.
fn with_record(event: &[u8], record: &[u8]) -> Vec<u8> {
    let texts = (serde_json::from_slice::<Value>(event), serde_json::from_slice::<Value>(record));
    let (Ok(mut told), Ok(record)) = texts else { return event.to_vec() };
    told["record"] = record;
    encode(&told)
}

fn last_good_record(core: &Core, name: &AppName) -> Option<Record> {
    core.replica.reading.load().apps.get(name)?.record.as_deref().cloned()
}

/// The stored windows of all apps; if they cannot be read, the last good ones.
fn freeze_windows(core: &Core, stored: Option<Entry>) -> Arc<Vec<FreezeWindow>> {
    let Some(stored) = stored else { return Arc::default() };
    match freeze::parse_list(&stored.value) {
        Ok(windows) => Arc::new(windows),
        Err(_) => Arc::clone(&core.replica.reading.load().freeze_windows),
    }
}

fn last_good_settings(core: &Core, name: &AppName) -> Settings {
    core.replica.reading.load().apps.get(name).map(|reading| (*reading.settings).clone()).unwrap_or_default()
}
