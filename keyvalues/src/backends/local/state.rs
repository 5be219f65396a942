//! The contents of a store, and what a commit would do to them.
//!
//! Pure and synchronous: [`State::plan`] says which batch a commit makes, [`State::apply`] makes it true. The
//! durable backend writes its file in between. Time is absent; whoever holds a lease says when it ends.

use std::{
    collections::{BTreeMap, HashSet},
    ops::Bound,
};

use bytes::Bytes;

use super::{batches::filter, log::Log};
use crate::{
    contract::{Batch, Check, Entry, Event, LeaseId, Listing, Revision, StoreError, Write},
    key::Key,
};

/// A value of so many bytes has pages of its own.
const COPIED_BYTES_MAX: usize = 4 << 10;

/// What a commit comes to.
#[derive(Debug)]
pub(crate) enum Plan {
    /// The check on this key fails.
    Conflict(Key),
    /// The checks hold and nothing changes.
    Nothing(Revision),
    /// The checks hold and these are the changes.
    Change(Batch),
}

/// What comes after a position in the log.
#[derive(Debug)]
pub(crate) enum Next {
    /// These changes.
    Batch(Batch),
    /// No change up to the head.
    Nothing {
        /// The newest revision.
        head: Revision,
    },
    /// The position is not in the log.
    Gone,
}

/// The contents.
#[derive(Debug, Default)]
pub(crate) struct State {
    revision: Revision,
    entries: BTreeMap<Key, Entry>,
    log: Log,
    leases: HashSet<LeaseId>,
    last_lease: u64,
    read_error: Option<StoreError>,
}

impl State {
    /// Contents as they were stored; no lease lives.
    pub(crate) fn restored(entries: BTreeMap<Key, Entry>, log: Log) -> Self {
        Self { revision: log.head(), entries, log, ..Self::default() }
    }

    pub(crate) fn revision(&self) -> Revision {
        self.revision
    }

    pub(crate) fn log(&self) -> &Log {
        &self.log
    }

    pub(crate) fn get(&self, key: &str) -> Option<&Entry> {
        self.entries.get(key)
    }

    /// The error that every read gets while these contents may be behind the file or the server.
    pub(crate) fn read_error(&self) -> Option<StoreError> {
        self.read_error.clone()
    }

    pub(crate) fn set_read_error(&mut self, error: Option<StoreError>) {
        self.read_error = error;
    }

    pub(crate) fn list(&self, prefixes: &[&str]) -> Listing {
        let mut entries = BTreeMap::new();
        for prefix in prefixes {
            let from = (Bound::Included(*prefix), Bound::Unbounded);
            let found = self.entries.range::<str, _>(from);
            entries.extend(found.take_while(|(key, _)| key.as_str().starts_with(prefix)));
        }
        Listing { revision: self.revision, entries: entries.into_values().cloned().collect() }
    }

    /// What this commit would do now. Limits have been checked before.
    pub(crate) fn plan(&self, checks: &[Check], writes: Vec<Write>) -> Result<Plan, StoreError> {
        if let Some(check) = checks.iter().find(|check| !self.holds(check)) {
            return Ok(Plan::Conflict(check.key().clone()));
        }
        let mut events = Vec::with_capacity(writes.len());
        for write in writes {
            events.extend(self.event(write)?);
        }
        Ok(self.change(events))
    }

    /// The deletions that the end of a lease makes.
    pub(crate) fn plan_end(&self, lease: LeaseId) -> Plan {
        let bound = self.entries.values().filter(|entry| entry.lease == Some(lease));
        self.change(bound.map(|entry| Event::Deleted { key: entry.key.clone() }).collect())
    }

    /// The deletions that the end of every lease makes.
    pub(crate) fn plan_end_all(&self) -> Plan {
        let bound = self.entries.values().filter(|entry| entry.lease.is_some());
        self.change(bound.map(|entry| Event::Deleted { key: entry.key.clone() }).collect())
    }

    fn change(&self, events: Vec<Event>) -> Plan {
        if events.is_empty() {
            return Plan::Nothing(self.revision);
        }
        Plan::Change(Batch { revision: self.revision + 1, events })
    }

    fn holds(&self, check: &Check) -> bool {
        match check {
            Check::Absent(key) => !self.entries.contains_key(key),
            Check::Unchanged(key, revision) => {
                self.entries.get(key).is_some_and(|entry| entry.modified == *revision)
            }
        }
    }

    fn event(&self, write: Write) -> Result<Option<Event>, StoreError> {
        match write {
            Write::Put { lease: Some(lease), .. } if !self.leases.contains(&lease) => {
                Err(StoreError::LeaseEnded)
            }
            Write::Put { key, value, lease } => {
                let (modified, value) = (self.revision + 1, kept_value(value));
                let (key, created) = match self.entries.get_key_value(&key) {
                    Some((kept, entry)) => (kept.clone(), entry.created),
                    None => (key.copied(), modified),
                };
                Ok(Some(Event::Put(Entry { key, value, created, modified, lease })))
            }
            Write::Delete { key } => {
                let kept = self.entries.get_key_value(&key);
                Ok(kept.map(|(key, _)| Event::Deleted { key: key.clone() }))
            }
        }
    }

    /// Makes a planned batch true.
    pub(crate) fn apply(&mut self, batch: Batch) {
        self.revision = batch.revision;
        for event in &batch.events {
            match event {
                Event::Put(entry) => drop(self.entries.insert(entry.key.clone(), entry.clone())),
                Event::Deleted { key } => drop(self.entries.remove(key)),
            }
        }
        self.log.push(batch);
    }

    /// Names a new lease that lives.
    pub(crate) fn grant(&mut self) -> LeaseId {
        self.last_lease += 1;
        let lease = LeaseId(self.last_lease);
        self.leases.insert(lease);
        lease
    }

    /// No key can be bound to this lease any more.
    pub(crate) fn end(&mut self, lease: LeaseId) {
        self.leases.remove(&lease);
    }

    /// What a watch of these prefixes at this position has to learn.
    pub(crate) fn next(&self, prefixes: &[String], after: Revision) -> Next {
        let Some(mut batches) = self.log.after(after) else { return Next::Gone };
        batches
            .find_map(|batch| filter(batch, prefixes))
            .map_or(Next::Nothing { head: self.revision }, Next::Batch)
    }
}

/// A value as it is kept: a small one is copied.
///
/// What callers hand in lies between what they needed for the call. A small block that stays would keep all that from going
/// back to the system; copies lie beside what the store's own thread keeps.
fn kept_value(value: Bytes) -> Bytes {
    if value.len() >= COPIED_BYTES_MAX {
        return value;
    }
    let copy = Bytes::copy_from_slice(&value);
    // The first clone makes the counter of clones, whose place is here too.
    drop(copy.clone());
    copy
}
