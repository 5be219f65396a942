//! The last good table on disk: what a router starts from when its store does not answer.
//!
//! It holds the keyvalues that the table was built from, each as it was last valid, so that the same code builds the
//! same table from it. Beside them are the deployments: no route depends on them, and they alone say what runs at engines.
//! Pin keys are in a file of their own beside it, and so are the aborts that the store has not taken yet, the hooks, since
//! whoever is told by them wants to know that the store does not answer, or is another one, and the certificates that a CA
//! has issued.

use std::{borrow::Cow, collections::BTreeMap, sync::Arc, time::Duration};

use bytes::Bytes;
use keyvalues::{Entry, Listing, sealed::is_sealed};
use serde::{Deserialize, Serialize};
use tokio::task::JoinHandle;

use super::{identity::Identity, kept_deployments::KeptDeployments, kept_entries::KeptEntries};
use crate::{
    control::{
        limits::LAST_GOOD_EVERY,
        shared::{
            access::{sessions::SESSIONS_PREFIX, stored_tokens::TOKENS_PREFIX},
            acme::stored::CERTIFICATES_PREFIX,
            hooks::hook::HOOKS_PREFIX,
            hooks_in::hook_in::HOOKS_IN_PREFIX,
            local_abort::LocalAbort,
            pin_keys,
            state_dir::StateDir,
            store::Values,
        },
    },
    rollout::{
        app::AppName,
        pin::{PinFormat, PinKeys},
    },
};

/// The file with the table.
pub const TABLE: &str = "table";
const PIN_KEYS: &str = "pinkeys";
const PIN_FORMAT: &str = "pinformat";
const LOCAL_ABORTS: &str = "localaborts";
const HOOKS: &str = "hooks";
const HOOKS_IN: &str = "hooks-in";
const CERTIFICATES: &str = "certificates";
const TOKENS: &str = "stored-tokens";
const SESSIONS: &str = "sessions";

/// What the table file holds.
#[derive(Debug, Serialize, Deserialize)]
pub struct SavedTable {
    /// Which store it is from, and how far that was read.
    pub identity: Identity,
    /// Key, value, revision of the value.
    pub entries: Vec<(String, String, u64)>,
    /// The same of each deployment. None: a version before this one wrote the file, and did not keep them.
    #[serde(default)]
    pub deployments: Option<Vec<(String, String, u64)>>,
}

/// The last good keyvalues, and the file they are kept in (none with `--store memory`).
#[derive(Debug)]
pub struct LastGood {
    dir: Option<Arc<StateDir>>,
    values: Values,
    /// The deployments, whether they can be read or not.
    pub deployments: KeptDeployments,
    /// Written since the last build, which alone tells whether they are valid.
    unbuilt: BTreeMap<String, Option<(Bytes, u64)>>,
    /// Values have changed since the file was written.
    dirty: bool,
    /// When it was last written (monotonic).
    written: Option<Duration>,
    writing: Option<JoinHandle<()>>,
    pin_keys: Option<PinKeys>,
    pin_format: PinFormat,
    /// The hooks, so that people are told of what happens while the store is down.
    pub hooks: KeptEntries,
    /// The hooks in, for as long as this process lives.
    pub hooks_in: KeptEntries,
    /// The certificates of a CA.
    pub certificates: KeptEntries,
    /// The tokens of the store.
    pub tokens: KeptEntries,
    /// The sessions of browsers.
    pub sessions: KeptEntries,
    /// The state directory holds no readable table, and none was written since.
    is_missing: bool,
}

impl LastGood {
    pub fn new(dir: Option<Arc<StateDir>>) -> Self {
        let pin_keys =
            dir.as_ref().and_then(|dir| dir.read(PIN_KEYS)).and_then(|json| pin_keys::decode(&json));
        let format = dir.as_ref().and_then(|dir| dir.read(PIN_FORMAT));
        let pin_format = format.and_then(|text| pin_keys::decode_format(&text)).unwrap_or_default();
        Self {
            hooks: KeptEntries::new(dir.clone(), HOOKS, HOOKS_PREFIX),
            hooks_in: KeptEntries::new(None, HOOKS_IN, HOOKS_IN_PREFIX),
            certificates: KeptEntries::new(dir.clone(), CERTIFICATES, CERTIFICATES_PREFIX),
            tokens: KeptEntries::new(dir.clone(), TOKENS, TOKENS_PREFIX),
            sessions: KeptEntries::new(dir.clone(), SESSIONS, SESSIONS_PREFIX),
            dir,
            pin_format,
            values: Values::default(),
            deployments: KeptDeployments::default(),
            unbuilt: BTreeMap::new(),
            dirty: false,
            written: None,
            writing: None,
            pin_keys,
            is_missing: false,
        }
    }

    /// A listing with the last good value in the place of each secret that cannot be read.
    pub fn in_place_of_unreadable<'a>(&self, listing: &'a Listing) -> Cow<'a, Listing> {
        if !listing.entries.iter().any(|entry| is_sealed(&entry.value)) {
            return Cow::Borrowed(listing);
        }
        let entries = listing.entries.iter().map(|entry| self.in_place_of(entry).into_owned());
        Cow::Owned(Listing { revision: listing.revision, entries: entries.collect() })
    }

    /// An entry with its last good value, if it is a secret that cannot be read and there is one.
    pub fn in_place_of<'a>(&self, entry: &'a Entry) -> Cow<'a, Entry> {
        if !is_sealed(&entry.value) {
            return Cow::Borrowed(entry);
        }
        let all = [&self.hooks, &self.hooks_in, &self.certificates];
        match all.into_iter().find_map(|kept| kept.value(entry.key.as_str())) {
            Some(value) => Cow::Owned(Entry { value, ..entry.clone() }),
            None => Cow::Borrowed(entry),
        }
    }

    /// The table that the last process left; none if there is none. An unreadable file is reported only once.
    pub fn load(&mut self) -> Option<SavedTable> {
        if self.is_missing {
            return None;
        }
        let saved = self.read();
        self.is_missing = saved.is_none();
        saved
    }

    /// Takes the values that the last process left for those last known.
    pub fn take_saved(&mut self, saved: &SavedTable) {
        self.values = read_values(&saved.entries);
        self.take_saved_deployments(saved);
    }

    /// Takes the deployments that the last process left.
    pub fn take_saved_deployments(&mut self, saved: &SavedTable) {
        self.deployments = KeptDeployments::of(saved.deployments.as_deref().map(read_values));
    }

    fn read(&self) -> Option<SavedTable> {
        let json = self.dir.as_ref()?.read(TABLE)?;
        let saved = serde_json::from_slice(&json);
        if let Err(error) = &saved {
            tracing::warn!(%error, "the last good table in the state directory cannot be read and is ignored");
        }
        saved.ok()
    }

    /// The last good keyvalues: value and revision by key.
    pub fn values(&self) -> &Values {
        &self.values
    }

    /// The pin keys last known.
    pub fn pin_keys(&self) -> Option<&PinKeys> {
        self.pin_keys.as_ref()
    }

    /// Keeps the pin keys; at once, since pins are signed with them from now on.
    pub fn keep_pin_keys(&mut self, keys: &PinKeys) {
        if self.pin_keys.as_ref() == Some(keys) {
            return;
        }
        self.pin_keys = Some(keys.clone());
        if let Some(dir) = &self.dir
            && let Err(error) = dir.write(PIN_KEYS, &pin_keys::encode(keys))
        {
            tracing::error!(%error, "the pin keys cannot be kept in the state directory");
        }
    }

    /// The format last signed.
    pub fn pin_format(&self) -> PinFormat {
        self.pin_format
    }

    /// Keeps the format that is signed.
    pub fn keep_pin_format(&mut self, format: PinFormat) {
        if std::mem::replace(&mut self.pin_format, format) == format {
            return;
        }
        if let Some(dir) = &self.dir
            && let Err(error) = dir.write(PIN_FORMAT, &pin_keys::encode_format(format))
        {
            tracing::error!(%error, "the format of pins cannot be kept in the state directory");
        }
    }

    /// The aborts that the last process applied and the store has not taken.
    pub fn local_aborts(&self) -> BTreeMap<AppName, LocalAbort> {
        let json = self.dir.as_ref().and_then(|dir| dir.read(LOCAL_ABORTS));
        json.and_then(|json| serde_json::from_slice(&json).ok()).unwrap_or_default()
    }

    /// Keeps the aborts that the store has not taken; at once, since whoever ordered one relies on it.
    pub fn keep_local_aborts(&self, aborts: &BTreeMap<AppName, LocalAbort>) {
        let Some(dir) = &self.dir else { return };
        let written = serde_json::to_vec(aborts).map_err(std::io::Error::other);
        if let Err(error) = written.and_then(|json| dir.write(LOCAL_ABORTS, &json)) {
            tracing::error!(%error, "the aborts that this router alone applies cannot be kept in the state directory");
        }
    }

    /// A value was written (`None`: deleted).
    pub fn put(&mut self, key: &str, value: Option<(Bytes, u64)>) {
        self.unbuilt.insert(key.to_owned(), value);
    }

    /// A whole listing takes the place of everything.
    pub fn replace<'a>(&mut self, entries: impl Iterator<Item = (&'a str, &'a Bytes, u64)>) {
        self.unbuilt = self.values.keys().map(|key| (key.to_string(), None)).collect();
        let listed = entries.map(|(key, value, modified)| (key.to_owned(), Some((value.clone(), modified))));
        self.unbuilt.extend(listed);
    }

    /// Keeps the values that a build took without a problem.
    pub fn keep_built(&mut self, is_faulty: impl Fn(&str) -> bool) {
        for (key, value) in std::mem::take(&mut self.unbuilt) {
            match value {
                None => drop(self.values.remove(key.as_str())),
                Some(value) if !is_faulty(&key) => drop(self.values.insert(key.into(), value)),
                Some(_) => {}
            }
        }
        self.dirty = true;
    }

    /// Writes the file if there is something new, not more often than once a second and never twice at once.
    pub fn tick(&mut self, identity: Option<&Identity>, now: Duration) {
        let resting = self.written.is_some_and(|written| now.saturating_sub(written) < LAST_GOOD_EVERY);
        let busy = self.writing.as_ref().is_some_and(|writing| !writing.is_finished());
        let Some((dir, identity)) = self.dir.clone().zip(identity) else { return };
        if !self.is_dirty() || resting || busy {
            return;
        }
        self.written = Some(now);
        self.writing = Some(self.begin_write(dir, identity.clone()));
    }

    fn is_dirty(&self) -> bool {
        self.dirty || self.deployments.is_dirty
    }

    fn begin_write(&mut self, dir: Arc<StateDir>, identity: Identity) -> JoinHandle<()> {
        (self.dirty, self.deployments.is_dirty, self.is_missing) = (false, false, false);
        let (values, deployments) = (self.values.clone(), self.deployments.values().cloned());
        tokio::task::spawn_blocking(move || write(&dir, identity, &values, deployments.as_ref()))
    }

    /// Writes what has changed since the last write, before the process ends.
    pub async fn finish(&mut self, identity: Option<&Identity>) {
        if let Some(writing) = self.writing.take() {
            let _ = writing.await;
        }
        if let (Some(dir), Some(identity), true) = (self.dir.clone(), identity, self.is_dirty()) {
            let _ = self.begin_write(dir, identity.clone()).await;
        }
    }
}

fn read_values(entries: &[(String, String, u64)]) -> Values {
    let value = |(key, value, modified): &(String, String, u64)| {
        (Arc::<str>::from(key.as_str()), (Bytes::copy_from_slice(value.as_bytes()), *modified))
    };
    entries.iter().map(value).collect()
}

fn written_values(values: &Values) -> Vec<(String, String, u64)> {
    // No valid value is anything but text.
    let text = |(key, (value, modified)): (&Arc<str>, &(Bytes, u64))| {
        Some((key.to_string(), std::str::from_utf8(value).ok()?.to_owned(), *modified))
    };
    values.iter().filter_map(text).collect()
}

fn write(dir: &StateDir, identity: Identity, values: &Values, deployments: Option<&Values>) {
    let saved = SavedTable {
        identity,
        entries: written_values(values),
        deployments: deployments.map(written_values),
    };
    let written =
        serde_json::to_vec(&saved).map_err(std::io::Error::other).and_then(|json| dir.write(TABLE, &json));
    if let Err(error) = written {
        tracing::error!(%error, "the last good table cannot be written to the state directory");
    }
}
