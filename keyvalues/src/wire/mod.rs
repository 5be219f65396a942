//! The contract as JSON: what a router that serves its store and one that uses it say to each other.
//!
//! Values are base64, since they may be any bytes; numbers are plain. A watch is a line of JSON for each item. The
//! calls stand in `docs/openapi.json` below `/api/v1/store`.

mod forms;

use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::{
    contract::{Capabilities, Check, Durability, Entry, Epoch, LeaseId, Listing, Revision, WatchMode, Write},
    key::Key,
};

use self::forms::key;
pub use self::forms::{BadKey, Base64, CheckForm, EntryForm, EventForm, OutcomeForm, WatchForm, WriteForm};

/// Where the store is served.
pub const ROOT: &str = "/api/v1/store";

/// What a server that keeps the whole contract calls it; another number is another contract.
pub const CONTRACT: &str = "rolling-router-store/1";

/// The first answer: which contract, and how well it is kept.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct About {
    /// [`CONTRACT`].
    pub contract: String,
    /// The name of this lifetime of the contents.
    pub epoch: String,
    /// [`Capabilities::atomic_commit`].
    pub atomic_commit: bool,
    /// [`Capabilities::lease`].
    pub lease: bool,
}

impl About {
    /// What is said of a store.
    pub fn of(capabilities: Capabilities, epoch: Epoch) -> Self {
        let Capabilities { atomic_commit, lease, .. } = capabilities;
        Self { contract: CONTRACT.to_owned(), epoch: epoch.0, atomic_commit, lease }
    }

    /// What a client of it can promise. How durable it is, is the server's business.
    pub fn capabilities(&self) -> Capabilities {
        Capabilities {
            atomic_commit: self.atomic_commit,
            lease: self.lease,
            watch: WatchMode::Streamed,
            durability: Durability::Server,
        }
    }
}

/// Asks for one value.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct GetCall {
    /// The key.
    pub key: String,
}

/// One value, or none.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Got {
    /// The entry, if there is one.
    pub entry: Option<EntryForm>,
}

/// Asks for everything below some prefixes.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ListCall {
    /// Plain string prefixes; the empty one is everything.
    pub prefixes: Vec<String>,
}

/// A [`Listing`].
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Listed {
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

/// A granted lease.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct LeaseGranted {
    /// Its id.
    pub lease: u64,
}

impl GetCall {
    /// The key.
    pub fn read(self) -> Result<Key, BadKey> {
        key(self.key)
    }
}

impl From<Listing> for Listed {
    fn from(listing: Listing) -> Self {
        let entries = listing.entries.into_iter().map(EntryForm::from).collect();
        Self { revision: listing.revision, entries }
    }
}

impl TryFrom<Listed> for Listing {
    type Error = BadKey;

    fn try_from(listed: Listed) -> Result<Self, BadKey> {
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
            CheckForm::Absent { absent } => key(absent).map(Check::Absent),
            CheckForm::Unchanged { unchanged, modified } => {
                key(unchanged).map(|key| Check::Unchanged(key, modified))
            }
        };
        let write = |form| match form {
            WriteForm::Put { put, value, lease } => {
                key(put).map(|key| Write::Put { key, value: value.0, lease: lease.map(LeaseId) })
            }
            WriteForm::Delete { delete } => key(delete).map(Write::delete),
        };
        let checks = self.checks.into_iter().map(check).collect::<Result<_, _>>()?;
        Ok((checks, self.writes.into_iter().map(write).collect::<Result<_, _>>()?))
    }
}

/// The time to live that a call names.
pub fn ttl(call: &LeaseCall) -> Duration {
    Duration::from_millis(call.ttl_ms)
}

#[cfg(test)]
mod tests {
    use bytes::Bytes;

    use super::*;
    use crate::contract::{Batch, Event, Outcome, WatchItem};

    fn name(text: &str) -> Key {
        Key::new(text).unwrap()
    }

    fn entry(value: &[u8]) -> Entry {
        let value = Bytes::copy_from_slice(value);
        Entry { key: name("a/b"), value, created: 1, modified: 2, lease: Some(LeaseId(u64::MAX)) }
    }

    #[test]
    fn a_commit_is_said_and_understood() {
        let checks = vec![Check::Absent(name("x")), Check::Unchanged(name("y"), 7)];
        let put = Write::Put { key: name("k"), value: vec![0, 255].into(), lease: Some(LeaseId(9)) };
        let writes = vec![put, Write::delete(name("gone"))];
        let json = serde_json::to_string(&CommitCall::of(checks.clone(), writes.clone())).unwrap();
        let expected = r#"{"checks":[{"absent":"x"},{"unchanged":"y","modified":7}],"writes":[{"put":"k","value":"AP8=","lease":9},{"delete":"gone"}]}"#;
        assert_eq!(json, expected);
        let said: CommitCall = serde_json::from_str(&json).unwrap();
        assert_eq!(said.read().unwrap(), (checks, writes));
    }

    #[test]
    fn what_is_not_of_the_contract_is_refused() {
        let refused = [
            r#"{"checks":[],"writes":[{"put":"k"}]}"#,
            r#"{"checks":[],"writes":[{"put":"k","value":"!"}]}"#,
            r#"{"checks":[{"unchanged":"k"}],"writes":[]}"#,
            r#"{"checks":[],"writes":[],"force":true}"#,
            r#"{"checks":[],"writes":[{"delete":"k","value":""}]}"#,
        ];
        for json in refused {
            assert!(serde_json::from_str::<CommitCall>(json).is_err(), "{json}");
        }
        let odd: CommitCall = serde_json::from_str(r#"{"checks":[],"writes":[{"delete":"a//b"}]}"#).unwrap();
        assert!(odd.read().unwrap_err().to_string().contains("a//b"));
    }

    #[test]
    fn a_watch_is_one_line_for_each_item() {
        let events = vec![Event::Put(entry(b"line\nfeed")), Event::Deleted { key: name("c") }];
        let batch = Batch { revision: 5, events: events.clone() };
        let line = WatchForm::from(WatchItem::Batch(batch)).line();
        assert_eq!(line.matches('\n').count(), 1);
        let WatchForm::Batch { revision, events: said } = serde_json::from_str(&line).unwrap() else {
            panic!("{line}")
        };
        let said = said.into_iter().map(|event| Event::try_from(event).unwrap()).collect::<Vec<_>>();
        assert_eq!((revision, said), (5, events));
        for (item, expected) in
            [(WatchItem::Progress(3), "{\"progress\":3}\n"), (WatchItem::Resync, "{\"resync\":{}}\n")]
        {
            assert_eq!(WatchForm::from(item).line(), expected);
        }
    }

    #[test]
    fn outcomes_and_entries_survive() {
        for outcome in [Outcome::Done(3), Outcome::Conflict(name("k")), Outcome::Unknown("lost".into())] {
            let json = serde_json::to_string(&OutcomeForm::from(outcome.clone())).unwrap();
            let said: OutcomeForm = serde_json::from_str(&json).unwrap();
            assert_eq!(Outcome::try_from(said).unwrap(), outcome);
        }
        let json = serde_json::to_string(&EntryForm::from(entry(&[0, 13, 10]))).unwrap();
        let said: EntryForm = serde_json::from_str(&json).unwrap();
        assert_eq!(Entry::try_from(said).unwrap(), entry(&[0, 13, 10]));
    }
}
