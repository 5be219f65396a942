//! Entries of the store that a router needs when the store is down, and that are no part of the table: a file of the state
//! directory each (none with `--store memory`).

use std::{collections::BTreeMap, sync::Arc};

use bytes::Bytes;
use keyvalues::{Entry, Listing, sealed::is_sealed};

use crate::control::shared::state_dir::StateDir;

/// Value and revision of each entry, by its key.
type Kept = BTreeMap<String, (String, u64)>;

/// The entries below one prefix.
#[derive(Debug)]
pub struct KeptEntries {
    dir: Option<Arc<StateDir>>,
    file: &'static str,
    prefix: &'static str,
    /// None: they are as the last process left them.
    known: Option<Kept>,
}

impl KeptEntries {
    /// The entries below a prefix, in this file.
    pub fn new(dir: Option<Arc<StateDir>>, file: &'static str, prefix: &'static str) -> Self {
        Self { dir, file, prefix, known: None }
    }

    /// Those last known, as a store would list them.
    pub fn listing(&self) -> Listing {
        let kept = self.known.clone().unwrap_or_else(|| self.read());
        listing(kept.into_iter().map(|(key, (value, modified))| (key, Bytes::from(value), modified)))
    }

    /// The last known value of a key.
    pub fn value(&self, key: &str) -> Option<Bytes> {
        if !key.starts_with(self.prefix) {
            return None;
        }
        let kept = match &self.known {
            Some(known) => known.get(key).cloned(),
            None => self.read().remove(key),
        };
        kept.map(|(value, _)| Bytes::from(value)).filter(|value| !is_sealed(value))
    }

    /// Keeps those of a whole listing, in place of all.
    pub fn keep_all(&mut self, listing: &Listing) {
        let ours = listing.entries.iter().filter(|entry| entry.key.as_str().starts_with(self.prefix));
        let kept = ours.map(kept).collect();
        self.change(kept);
    }

    /// Keeps what became of a key, if it is one of these (`None`: deleted).
    pub fn keep(&mut self, key: &str, entry: Option<&Entry>) {
        if !key.starts_with(self.prefix) {
            return;
        }
        let mut all = self.known.clone().unwrap_or_else(|| self.read());
        all.remove(key);
        all.extend(entry.map(kept));
        self.change(all);
    }

    fn read(&self) -> Kept {
        let json = self.dir.as_ref().and_then(|dir| dir.read(self.file));
        json.and_then(|json| serde_json::from_slice(&json).ok()).unwrap_or_default()
    }

    fn change(&mut self, all: Kept) {
        if self.known.as_ref() == Some(&all) {
            return;
        }
        let has_changed = self.known.is_some() || self.read() != all;
        if let Some(dir) = self.dir.as_ref().filter(|_| has_changed) {
            let written = serde_json::to_vec(&all).map_err(std::io::Error::other);
            if let Err(error) = written.and_then(|json| dir.write(self.file, &json)) {
                tracing::error!(%error, "`{}` cannot be kept in the state directory", self.file);
            }
        }
        self.known = Some(all);
    }
}

/// Keys, values and revisions that were kept, as a store would list them.
pub fn listing<K: AsRef<str>>(kept: impl Iterator<Item = (K, Bytes, u64)>) -> Listing {
    let entry = |(key, value, modified): (K, Bytes, u64)| {
        let key = key.as_ref().parse().ok()?;
        Some(Entry { key, value, created: modified, modified, lease: None })
    };
    Listing { revision: 0, entries: kept.filter_map(entry).collect() }
}

fn kept(entry: &Entry) -> (String, (String, u64)) {
    let value = String::from_utf8_lossy(&entry.value).into_owned();
    (entry.key.to_string(), (value, entry.modified))
}
