//! Calls, and the answers that are no form of the contract's own types.

use std::time::Duration;

use serde::{Deserialize, Serialize};

use super::{
    base64::Base64,
    forms::{CheckForm, EntryForm, WriteForm},
    key::{BadKey, parse_key},
};
use crate::{
    contract::{Check, Entry, LeaseId, Listing, Revision, Write},
    key::Key,
};

/// Asks for one value.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct GetCall {
    /// The key.
    pub key: String,
}

/// The answer to [`GetCall`]: one value, or none.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct GetAnswer {
    /// The entry, if there is one.
    pub entry: Option<EntryForm>,
}

/// Asks for everything below some prefixes.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ListCall {
    /// Plain string prefixes; the empty one is everything.
    pub prefixes: Vec<String>,
    /// With `limit`: only what comes behind this key.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub after: Option<String>,
    /// At most so many entries, of one prefix ([`crate::Store::page`]); left out: all.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub limit: Option<usize>,
}

/// The answer to [`ListCall`]: a [`Listing`].
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ListAnswer {
    /// [`Listing::revision`].
    pub revision: Revision,
    /// [`Listing::entries`].
    pub entries: Vec<EntryForm>,
}

/// Asks for a commit.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct CommitCall {
    /// The conditions.
    pub checks: Vec<CheckForm>,
    /// The changes.
    pub writes: Vec<WriteForm>,
}

/// Asks for a watch.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct WatchCall {
    /// Plain string prefixes; the empty one is everything.
    pub prefixes: Vec<String>,
    /// The revision after which it begins.
    pub after: Revision,
}

/// Asks for a lease.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct LeaseCall {
    /// Its time to live, in milliseconds.
    pub ttl_ms: u64,
}

/// The answer to [`LeaseCall`]: a granted lease.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct LeaseAnswer {
    /// Its id.
    pub lease: u64,
}

impl GetCall {
    /// The key.
    pub fn read(self) -> Result<Key, BadKey> {
        parse_key(self.key)
    }
}

impl ListCall {
    /// The key behind which it begins.
    pub fn after(&self) -> Result<Option<Key>, BadKey> {
        self.after.clone().map(parse_key).transpose()
    }
}

impl LeaseCall {
    /// The time to live.
    pub fn ttl(&self) -> Duration {
        Duration::from_millis(self.ttl_ms)
    }
}

impl From<Listing> for ListAnswer {
    fn from(listing: Listing) -> Self {
        let entries = listing.entries.into_iter().map(EntryForm::from).collect();
        Self { revision: listing.revision, entries }
    }
}

impl TryFrom<ListAnswer> for Listing {
    type Error = BadKey;

    fn try_from(listed: ListAnswer) -> Result<Self, BadKey> {
        let entries = listed.entries.into_iter().map(Entry::try_from).collect::<Result<_, _>>()?;
        Ok(Self { revision: listed.revision, entries })
    }
}

impl CommitCall {
    /// What is asked for by these checks and writes.
    pub fn of(checks: Vec<Check>, writes: Vec<Write>) -> Self {
        let check = |check| match check {
            Check::Absent(key) => CheckForm::Absent { absent: key.to_string() },
            Check::Unchanged(key, modified) => CheckForm::Unchanged { unchanged: key.to_string(), modified },
        };
        let write = |write| match write {
            Write::Put { key, value, lease } => WriteForm::Put {
                put: key.to_string(),
                value: Base64(value),
                lease: lease.map(|lease| lease.0),
            },
            Write::Delete { key } => WriteForm::Delete { delete: key.to_string() },
        };
        Self {
            checks: checks.into_iter().map(check).collect(),
            writes: writes.into_iter().map(write).collect(),
        }
    }

    /// The checks and writes.
    pub fn read(self) -> Result<(Vec<Check>, Vec<Write>), BadKey> {
        let check = |form| match form {
            CheckForm::Absent { absent } => parse_key(absent).map(Check::Absent),
            CheckForm::Unchanged { unchanged, modified } => {
                parse_key(unchanged).map(|key| Check::Unchanged(key, modified))
            }
        };
        let write = |form| match form {
            WriteForm::Put { put, value, lease } => {
                parse_key(put).map(|key| Write::Put { key, value: value.0, lease: lease.map(LeaseId) })
            }
            WriteForm::Delete { delete } => parse_key(delete).map(Write::delete),
        };
        let checks = self.checks.into_iter().map(check).collect::<Result<_, _>>()?;
        Ok((checks, self.writes.into_iter().map(write).collect::<Result<_, _>>()?))
    }
}
