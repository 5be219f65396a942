//! The contract that every backend keeps.

use std::{fmt, time::Duration};

use async_trait::async_trait;
use bytes::Bytes;

use crate::key::Key;

/// The backend's own order of writes. Revisions compare only within one [`Epoch`].
pub type Revision = u64;

/// The name of one lifetime of a store's contents, as far as the backend knows it (etcd: the cluster's id; embedded: the file's
/// id; memory: a random id). Empty if the backend has no such name.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Default)]
pub struct Epoch(pub String);

/// One stored value.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Entry {
    /// Its key.
    pub key: Key,
    /// Its bytes.
    pub value: Bytes,
    /// The revision that created the key.
    pub created: Revision,
    /// The revision that wrote this value.
    pub modified: Revision,
    /// The lease whose end deletes it, if any.
    pub lease: Option<LeaseId>,
}

/// A consistent view of some prefixes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Listing {
    /// Everything up to this revision is in the view, nothing after it.
    pub revision: Revision,
    /// Entries ordered by key, each key once.
    pub entries: Vec<Entry>,
}

/// A condition of a commit.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Check {
    /// The key does not exist.
    Absent(Key),
    /// The key exists and was last written at this revision.
    Unchanged(Key, Revision),
}

/// One change in a commit. A commit names each key at most once among its writes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Write {
    /// Sets a value, bound to a lease if one is given.
    Put {
        /// The key.
        key: Key,
        /// The value.
        value: Bytes,
        /// The lease whose end deletes the key.
        lease: Option<LeaseId>,
    },
    /// Removes a key. Removing a missing key is neither an error nor an event.
    Delete {
        /// The key.
        key: Key,
    },
}

impl Check {
    /// The key it looks at.
    pub fn key(&self) -> &Key {
        match self {
            Self::Absent(key) | Self::Unchanged(key, _) => key,
        }
    }
}

impl Write {
    /// The key it changes.
    pub fn key(&self) -> &Key {
        match self {
            Self::Put { key, .. } | Self::Delete { key } => key,
        }
    }

    /// The value it sets; `None` for a deletion.
    pub fn value(&self) -> Option<&[u8]> {
        match self {
            Self::Put { value, .. } => Some(value),
            Self::Delete { .. } => None,
        }
    }

    /// Sets a value that no lease ends.
    pub fn put(key: Key, value: impl Into<Bytes>) -> Self {
        Self::Put { key, value: value.into(), lease: None }
    }

    /// Removes a key.
    pub fn delete(key: Key) -> Self {
        Self::Delete { key }
    }
}

impl Event {
    /// The key that changed.
    pub fn key(&self) -> &Key {
        match self {
            Self::Put(entry) => &entry.key,
            Self::Deleted { key } => key,
        }
    }
}

/// How a commit ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Outcome {
    /// All writes took effect at this revision.
    Done(Revision),
    /// Nothing was written, since the check on this key failed.
    Conflict(Key),
    /// The answer was lost: the commit may have taken effect or not. Reading shows which.
    Unknown(String),
}

/// One change, as a watch sees it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Event {
    /// A value was written.
    Put(Entry),
    /// A key was removed, by a commit, a lease's end or from outside.
    Deleted {
        /// The key.
        key: Key,
    },
}

/// All changes of one revision to the watched prefixes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Batch {
    /// The revision that made them.
    pub revision: Revision,
    /// The changes; each key once.
    pub events: Vec<Event>,
}

/// What a watch yields.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum WatchItem {
    /// Changes in order, none left out.
    Batch(Batch),
    /// Nothing that is watched has changed up to this revision: proof that the view is current.
    Progress(Revision),
    /// The position is too old, or belongs to another epoch: list again and watch from there.
    Resync,
}

/// A running watch. Dropping it ends it.
#[async_trait]
pub trait Watch: Send {
    /// Waits for the next item. After an error the watch is over: list again and watch anew.
    async fn next(&mut self) -> Result<WatchItem, StoreError>;
}

/// The id of a granted lease.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct LeaseId(pub u64);

/// A granted lease. Dropping the handle lets it run out; [`Lease::revoke`] ends it now.
#[async_trait]
pub trait Lease: Send + Sync {
    /// Its id, for [`Write::Put`].
    fn id(&self) -> LeaseId;
    /// Restarts its time to live; an error when it has already ended.
    async fn keep_alive(&self) -> Result<(), StoreError>;
    /// Ends it and deletes the keys bound to it, seen by watches as deletions.
    async fn revoke(self: Box<Self>) -> Result<(), StoreError>;
}

/// How a watch learns of changes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum WatchMode {
    /// The store sends them.
    Streamed,
    /// The backend asks at this interval.
    Polled(Duration),
}

/// What an acknowledged commit survives.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Durability {
    /// Nothing survives the process.
    Process,
    /// An acknowledged commit survives `kill -9` and power loss (as far as the disk tells the truth).
    Disk,
    /// As the server is configured: it may acknowledge before the disk has it.
    Server,
}

/// What a backend promises; the conformance suite runs exactly these cases.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Capabilities {
    /// Whether commits of several keys are all or nothing, with checks. Without it the store is only followed.
    pub atomic_commit: bool,
    /// Whether there are leases, which end by themselves, and watches see it.
    pub lease: bool,
    /// How watches learn of changes.
    pub watch: WatchMode,
    /// What an acknowledged commit survives.
    pub durability: Durability,
}

impl Capabilities {
    /// Those of a server that keeps revisions, leases and the changes since.
    pub const SERVER: Self =
        Self { atomic_commit: true, lease: true, watch: WatchMode::Streamed, durability: Durability::Server };
}

/// Why an operation failed. Nothing was written unless the variant says otherwise.
#[derive(Debug, Clone, thiserror::Error)]
#[non_exhaustive]
pub enum StoreError {
    /// The store cannot be reached or did not answer in time. Safe to repeat for reads.
    #[error("the store is not reachable: {0}")]
    Unreachable(String),
    /// The store refused our credentials.
    #[error("the store refused the credentials: {0}")]
    Denied(String),
    /// The request breaks a limit of the contract or of the backend.
    #[error("the store cannot take this: {0}")]
    Invalid(String),
    /// The disk is full or broken; the last good state stays readable.
    #[error("the store cannot write: {0}")]
    Disk(String),
    /// The backend does not promise this capability.
    #[error("this store does not offer {0}")]
    Unsupported(&'static str),
    /// The lease has ended.
    #[error("the lease has ended")]
    LeaseEnded,
    /// The store holds something that it cannot have written itself.
    #[error("the store's own data is damaged: {0}")]
    Corrupt(String),
}

/// A key-value store. All methods are safe to call at once from many tasks, and cancelling one leaves the store
/// sound (a cancelled commit may or may not have taken effect).
#[async_trait]
pub trait Store: Send + Sync + fmt::Debug {
    /// What this backend promises.
    fn capabilities(&self) -> Capabilities;

    /// The backend's own name for this lifetime of its contents.
    async fn epoch(&self) -> Result<Epoch, StoreError>;

    /// One value, or `None`.
    async fn get(&self, key: &Key) -> Result<Option<Entry>, StoreError>;

    /// One consistent view of every key that starts with any of the prefixes (plain string prefixes such as
    /// `rolling/`; the empty prefix is everything).
    async fn list(&self, prefixes: &[&str]) -> Result<Listing, StoreError>;

    /// The entries that start with a prefix and come behind a key (none: from the first), in the order of keys. None means
    /// that there are no more. Pages may be of different revisions.
    ///
    /// A page has about as many entries as are asked for, so that whoever reads a long listing holds a part of it. A backend
    /// that keeps its values in this process gives all: they are shared, and cost nothing.
    async fn page(
        &self,
        prefix: &str,
        after: Option<&Key>,
        entries_max: usize,
    ) -> Result<Listing, StoreError> {
        let _ = entries_max;
        let mut listing = self.list(&[prefix]).await?;
        listing.entries.retain(|entry| after.is_none_or(|after| entry.key > *after));
        Ok(listing)
    }

    /// Writes all or nothing, if every check holds.
    async fn commit(&self, checks: Vec<Check>, writes: Vec<Write>) -> Result<Outcome, StoreError>;

    /// Changes to the prefixes after the given revision (usually [`Listing::revision`]), in order, none left out.
    async fn watch(&self, prefixes: &[&str], after: Revision) -> Result<Box<dyn Watch>, StoreError>;

    /// What about the server's own settings puts its contents at risk, for the person who runs it. Best effort: none where the
    /// server does not say.
    async fn risk(&self) -> Option<String> {
        None
    }

    /// Grants a lease of this time to live.
    async fn lease(&self, ttl: Duration) -> Result<Box<dyn Lease>, StoreError>;

    /// Whether the store still keeps what its keys were so many revisions ago. A backend that keeps a history of a fixed
    /// size, or none, says no.
    async fn has_history(&self, revisions: u64) -> Result<bool, StoreError> {
        let _ = revisions;
        Ok(false)
    }
}
