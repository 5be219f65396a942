//! The forms of the store that a router serves to others. They are those of `keyvalues::wire`, which knows nothing of
//! this document; what real calls answer is held to it by `tests/control/api/description.rs`.

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

/// Which store contract is served, and how well it is kept.
#[derive(Default, Serialize, Deserialize, ToSchema)]
#[serde(default)]
pub struct StoreContract {
    /// `rolling-router-store/1`.
    contract: String,
    /// The name of this lifetime of the contents.
    epoch: String,
    /// Whether a commit is all or nothing.
    atomic_commit: bool,
    /// Whether keys can be bound to a lease.
    lease: bool,
}

/// Ask for one value.
#[derive(Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct StoreGetRequest {
    /// The key.
    key: String,
}

/// One value.
#[derive(Default, Serialize, Deserialize, ToSchema)]
#[serde(default)]
pub struct StoreValue {
    /// The entry; null: there is none.
    entry: Option<StoreEntry>,
}

/// Ask for everything below some prefixes.
#[derive(Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct StoreListRequest {
    /// Plain string prefixes; the empty one is everything.
    prefixes: Vec<String>,
    /// With `limit`: only what comes behind this key.
    after: Option<String>,
    /// At most so many entries, of one prefix; left out: all.
    limit: Option<u64>,
}

/// Everything below some prefixes, at one revision.
#[derive(Default, Serialize, Deserialize, ToSchema)]
#[serde(default)]
pub struct StoreListing {
    /// The revision of the store that this is a view of.
    revision: u64,
    /// The entries, ordered by key.
    entries: Vec<StoreEntry>,
}

/// An entry of the store.
#[derive(Default, Serialize, Deserialize, ToSchema)]
#[serde(default)]
pub struct StoreEntry {
    /// Its key.
    key: String,
    /// Its value as base64.
    value: String,
    /// The revision that created the key.
    created: u64,
    /// The revision that wrote this value.
    modified: u64,
    /// The lease that it ends with.
    #[serde(skip_serializing_if = "Option::is_none")]
    lease: Option<u64>,
}

/// Write all or nothing.
#[derive(Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct StoreCommitRequest {
    /// What must hold.
    checks: Vec<StoreCheck>,
    /// What is written if it does; at most 100 writes.
    writes: Vec<StoreWrite>,
}

/// A condition of a commit.
#[derive(Serialize, Deserialize, ToSchema)]
#[serde(untagged, deny_unknown_fields)]
pub enum StoreCheck {
    /// There is no such key.
    Absent {
        /// The key.
        absent: String,
    },
    /// The key was not written since.
    Unchanged {
        /// The key.
        unchanged: String,
        /// The revision that wrote it.
        modified: u64,
    },
}

/// A write of a commit.
#[derive(Serialize, Deserialize, ToSchema)]
#[serde(untagged, deny_unknown_fields)]
pub enum StoreWrite {
    /// A value is written.
    Put {
        /// The key.
        put: String,
        /// The value as base64.
        value: String,
        /// The lease that it ends with.
        lease: Option<u64>,
    },
    /// A key is deleted.
    Delete {
        /// The key.
        delete: String,
    },
}

/// What came of a commit.
#[derive(Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "lowercase")]
pub enum StoreOutcome {
    /// It was written, at this revision.
    Done(u64),
    /// The check of this key failed, so nothing was written.
    Conflict(String),
    /// It is not known whether it was written, for this reason.
    Unknown(String),
}

/// Ask for changes after a revision.
#[derive(Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct StoreWatchRequest {
    /// Plain string prefixes; the empty one is everything.
    prefixes: Vec<String>,
    /// The revision after which the changes begin.
    after: u64,
}

/// One line of a watch.
#[derive(Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "lowercase")]
pub enum StoreWatchLine {
    /// The changes of one revision.
    Batch {
        /// The revision.
        revision: u64,
        /// The changes.
        events: Vec<StoreEvent>,
    },
    /// Everything up to this revision was told.
    Progress(u64),
    /// Changes were missed: list again.
    Resync {},
    /// The watch is over, for this reason.
    Error(String),
}

/// A change of the store.
#[derive(Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "lowercase")]
pub enum StoreEvent {
    /// A value was written.
    Put(StoreEntry),
    /// This key was deleted.
    Deleted(String),
}

/// Ask for a lease.
#[derive(Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct StoreLeaseRequest {
    /// How long it lives unless it is kept alive, 1 to 86400000 ms.
    ttl_ms: u64,
}

/// A granted lease.
#[derive(Default, Serialize, Deserialize, ToSchema)]
#[serde(default)]
pub struct StoreLease {
    /// Its number.
    lease: u64,
}
