//! Hooks: addresses that are told of releases and alarms.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::app::Done;

/// All hooks.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(test, derive(utoipa::ToSchema))]
pub struct Hooks {
    /// Each hook with its last deliveries, ordered by name.
    pub hooks: Vec<HookState>,
    /// The events that a hook can be told of.
    #[serde(default)]
    pub events: Vec<HookEvent>,
    /// The name of the router that sends now; null: none does.
    #[serde(default)]
    pub sender: Option<String>,
}

/// An event that a hook can be told of.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(test, derive(utoipa::ToSchema))]
#[serde(default)]
pub struct HookEvent {
    /// Its name, such as `promote`.
    pub name: String,
    /// What it says.
    pub about: String,
}

/// A hook as it is stored: one that can be read, or one that cannot.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(test, derive(utoipa::ToSchema))]
#[serde(untagged)]
pub enum HookState {
    /// What is stored cannot be read.
    Unreadable(UnreadableHook),
    /// It can.
    Readable(Hook),
}

/// A hook of which the stored value cannot be read.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(test, derive(utoipa::ToSchema))]
pub struct UnreadableHook {
    /// Its name.
    pub name: String,
    /// Why the stored value cannot be read.
    pub fault: String,
    /// The store revision that wrote it: its ETag, for If-Match.
    #[serde(default)]
    pub revision: u64,
    /// Always `unreadable`.
    #[serde(default)]
    pub state: String,
    /// The last 20 deliveries, newest first.
    #[serde(default)]
    pub deliveries: Vec<Delivery>,
}

/// A hook. Its secret is never shown but once.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[cfg_attr(test, derive(utoipa::ToSchema))]
#[serde(default)]
pub struct Hook {
    /// Its name.
    pub name: String,
    /// Where it leads, http or https.
    pub url: String,
    /// The apps that it is told of; null: all apps.
    pub apps: Option<Vec<String>>,
    /// The events that it is told of; null: all events.
    pub events: Option<Vec<String>>,
    /// The name of the further header of its messages; null: there is none. Its value is never shown.
    pub header: Option<String>,
    /// Whether it is told nothing for now.
    pub paused: bool,
    /// The name of the token that wrote it last.
    pub by: String,
    /// When it was written last, Unix ms.
    pub at: u64,
    /// How the last delivery ended, tests aside: `new`, `delivered`, `failed`, `dropped` or `paused`.
    pub state: String,
    /// The store revision that wrote it: its ETag, for If-Match.
    pub revision: u64,
    /// How many changes of each app it was not told of yet, by app.
    pub waiting: BTreeMap<String, u64>,
    /// The last 20 deliveries, newest first.
    pub deliveries: Vec<Delivery>,
    /// The secret that signs its messages, only when the router has just made it: it is shown this once.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub secret: Option<String>,
}

/// One attempt to tell a hook something.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(test, derive(utoipa::ToSchema))]
#[serde(default)]
pub struct Delivery {
    /// The header `webhook-id`: the same for each attempt.
    pub id: String,
    /// The event, such as `promote`.
    #[serde(rename = "type")]
    pub kind: String,
    /// The app that it is about; null: it is about the router.
    pub app: Option<String>,
    /// The seq of the change that it is about; null: it is about none.
    pub seq: Option<u64>,
    /// When it was sent, Unix ms.
    pub at: u64,
    /// Which attempt it was, from 1.
    pub attempt: u32,
    /// How it ended: `delivered`, `failed` (it is tried again) or `dropped` (it was given up).
    pub outcome: String,
    /// The status that the receiver answered; null: it did not answer.
    pub status: Option<u16>,
    /// How long that took, in ms.
    pub ms: u64,
    /// Why it counts as failed; null: it does not.
    pub error: Option<String>,
    /// The name of the router that sent it.
    pub router: String,
}

/// Make a hook, or say all of one anew but its secret.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(test, derive(utoipa::ToSchema))]
#[serde(deny_unknown_fields)]
pub struct HookRequest {
    /// Where it leads: http or https, without credentials, at most 2,000 bytes.
    pub url: String,
    /// The apps that it is told of, 1 to 100 names; left out: all apps.
    pub apps: Option<Vec<String>>,
    /// The events that it is told of, such as `promote`; `GET /api/v1/hooks` lists them. Left out: all events.
    pub events: Option<Vec<String>>,
    /// Tell it nothing for now; what happens meanwhile waits, at most 1,000 changes of each app. Left out: false.
    pub paused: Option<bool>,
    /// `whsec_` and 24 to 64 bytes as base64; left out: the router makes one, or keeps the one it has.
    pub secret: Option<String>,
    /// Have the router make another secret. Left out: false.
    pub new_secret: Option<bool>,
    /// A further header of each message, such as a receiver's token; left out: the one that it has. It has to be sent again
    /// when the URL leads to another host or port.
    pub header: Option<HeaderOfHook>,
    /// Send no further header any more. Left out: false.
    pub no_header: Option<bool>,
}

/// A further header of a hook's messages. Its value is never shown.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(test, derive(utoipa::ToSchema))]
#[serde(deny_unknown_fields)]
pub struct HeaderOfHook {
    /// Its name, such as `Authorization`; not one that HTTP needs itself, and none that begins with `webhook-`.
    pub name: String,
    /// Its value: 1 to 4,096 visible ASCII characters and blanks.
    pub value: String,
}

/// The answer to the removal of a hook.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(test, derive(utoipa::ToSchema))]
pub struct HookRemoval {
    /// The hook's name.
    pub name: String,
    /// Always `done`.
    pub result: Done,
}

/// What came of a test of a hook.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(test, derive(utoipa::ToSchema))]
#[serde(default)]
pub struct HookTest {
    /// Whether the receiver took it: it answered 2xx.
    pub delivered: bool,
    /// The status that it answered; null: it did not answer.
    pub status: Option<u16>,
    /// How long that took, in ms.
    pub ms: u64,
    /// Why it counts as failed; null: it does not.
    pub error: Option<String>,
    /// The beginning of the answer's body.
    pub answer: String,
}
