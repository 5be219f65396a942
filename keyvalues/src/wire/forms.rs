//! The contract's types as JSON.

use serde::{Deserialize, Serialize};

use super::{
    base64::Base64,
    key::{BadKey, parse_key},
};
use crate::contract::{Batch, Entry, Event, LeaseId, Outcome, Revision, WatchItem};

/// An [`Entry`].
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct EntryForm {
    /// Its key.
    pub key: String,
    /// Its bytes.
    pub value: Base64,
    /// The revision that created the key.
    pub created: Revision,
    /// The revision that wrote this value.
    pub modified: Revision,
    /// The lease it ends with, if any.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub lease: Option<u64>,
}

/// A [`Check`].
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(untagged, deny_unknown_fields)]
pub enum CheckForm {
    /// [`Check::Absent`].
    Absent {
        /// The key.
        absent: String,
    },
    /// [`Check::Unchanged`].
    Unchanged {
        /// The key.
        unchanged: String,
        /// When it was last written.
        modified: Revision,
    },
}

/// A [`Write`].
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(untagged, deny_unknown_fields)]
pub enum WriteForm {
    /// [`Write::Put`].
    Put {
        /// The key.
        put: String,
        /// Its value.
        value: Base64,
        /// The lease it ends with, if any.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        lease: Option<u64>,
    },
    /// [`Write::Delete`].
    Delete {
        /// The key.
        delete: String,
    },
}

/// An [`Outcome`].
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum OutcomeForm {
    /// [`Outcome::Done`].
    Done(Revision),
    /// [`Outcome::Conflict`].
    Conflict(String),
    /// [`Outcome::Unknown`].
    Unknown(String),
}

/// An item of a watch, or why it ended.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum WatchForm {
    /// [`WatchItem::Batch`].
    Batch {
        /// [`Batch::revision`].
        revision: Revision,
        /// [`Batch::events`].
        events: Vec<EventForm>,
    },
    /// [`WatchItem::Progress`].
    Progress(Revision),
    /// [`WatchItem::Resync`].
    Resync {},
    /// The watch is over, for this reason.
    Error(String),
}

/// An [`Event`].
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum EventForm {
    /// [`Event::Put`].
    Put(EntryForm),
    /// [`Event::Deleted`].
    Deleted(String),
}

impl From<Entry> for EntryForm {
    fn from(entry: Entry) -> Self {
        Self {
            key: entry.key.to_string(),
            value: Base64(entry.value),
            created: entry.created,
            modified: entry.modified,
            lease: entry.lease.map(|lease| lease.0),
        }
    }
}

impl TryFrom<EntryForm> for Entry {
    type Error = BadKey;

    fn try_from(form: EntryForm) -> Result<Self, BadKey> {
        Ok(Self {
            key: parse_key(form.key)?,
            value: form.value.0,
            created: form.created,
            modified: form.modified,
            lease: form.lease.map(LeaseId),
        })
    }
}

impl From<Outcome> for OutcomeForm {
    fn from(outcome: Outcome) -> Self {
        match outcome {
            Outcome::Done(revision) => Self::Done(revision),
            Outcome::Conflict(key) => Self::Conflict(key.to_string()),
            Outcome::Unknown(why) => Self::Unknown(why),
        }
    }
}

impl TryFrom<OutcomeForm> for Outcome {
    type Error = BadKey;

    fn try_from(form: OutcomeForm) -> Result<Self, BadKey> {
        Ok(match form {
            OutcomeForm::Done(revision) => Self::Done(revision),
            OutcomeForm::Conflict(text) => Self::Conflict(parse_key(text)?),
            OutcomeForm::Unknown(why) => Self::Unknown(why),
        })
    }
}

impl WatchForm {
    /// One line: JSON and a line feed, of which JSON itself holds none.
    pub fn line(&self) -> String {
        // Text, numbers and base64 have a JSON form.
        serde_json::to_string(self).map(|json| json + "\n").unwrap_or_default()
    }
}

impl From<WatchItem> for WatchForm {
    fn from(item: WatchItem) -> Self {
        let event = |event| match event {
            Event::Put(entry) => EventForm::Put(entry.into()),
            Event::Deleted { key } => EventForm::Deleted(key.to_string()),
        };
        match item {
            WatchItem::Batch(Batch { revision, events }) => {
                Self::Batch { revision, events: events.into_iter().map(event).collect() }
            }
            WatchItem::Progress(revision) => Self::Progress(revision),
            WatchItem::Resync => Self::Resync {},
        }
    }
}

impl TryFrom<EventForm> for Event {
    type Error = BadKey;

    fn try_from(form: EventForm) -> Result<Self, BadKey> {
        match form {
            EventForm::Put(entry) => entry.try_into().map(Self::Put),
            EventForm::Deleted(text) => parse_key(text).map(|key| Self::Deleted { key }),
        }
    }
}
