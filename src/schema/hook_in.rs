//! Hooks in: what other systems may tell this router.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::app::Done;
use crate::rollout::blend::Blend;

/// All hooks in.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(test, derive(utoipa::ToSchema))]
pub struct HooksIn {
    /// Each with its last deliveries, ordered by name.
    pub hooks: Vec<HookInState>,
}

/// A hook in as it is stored: one that can be read, or one that cannot.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(test, derive(utoipa::ToSchema))]
#[serde(untagged)]
pub enum HookInState {
    /// What is stored cannot be read.
    Unreadable(UnreadableHookIn),
    /// It can.
    Readable(Box<HookIn>),
}

/// A hook in of which the stored value cannot be read.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(test, derive(utoipa::ToSchema))]
pub struct UnreadableHookIn {
    /// Its name.
    pub name: String,
    /// Why the stored value cannot be read.
    pub fault: String,
    /// The store revision that wrote it: its ETag, for If-Match.
    #[serde(default)]
    pub revision: u64,
}

/// A hook in. Its secret is never shown but once.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[cfg_attr(test, derive(utoipa::ToSchema))]
#[serde(default)]
pub struct HookIn {
    /// Its name.
    pub name: String,
    /// Where the sender posts to, below the address of the admin port or of `hooks_listen`.
    pub path: String,
    /// Who sends: `github`, `gitlab`, `standard` or `token`.
    pub sender: String,
    /// The app that it acts on.
    pub app: String,
    /// The networks that the sender may come from; null: any.
    pub networks: Option<Vec<String>>,
    /// The events that count; empty: all.
    pub events: Vec<String>,
    /// The branches that count, `*` for anything; empty with empty `tags`: all.
    pub branches: Vec<String>,
    /// The tags that count.
    pub tags: Vec<String>,
    /// What else the payload must have, as `/pointer=pattern`.
    pub matches: Vec<String>,
    /// What is done: `set-candidate` or `deploy`.
    #[serde(rename = "do")]
    pub action: String,
    /// The image that is deployed: a template; null: none is.
    pub image: Option<String>,
    /// How many containers are deployed; null: 1, or none is.
    pub replicas: Option<u32>,
    /// The path of their health check; null: as the app's settings say, or none is deployed.
    pub health_path: Option<String>,
    /// Their environment: templates by name; empty: the image's own, or none is deployed.
    pub environment: BTreeMap<String, String>,
    /// The release that becomes the candidate: a template such as `{/release/tag_name}`.
    pub release: String,
    /// The port in the id of a new release; null: 80.
    pub port: Option<u16>,
    /// The release's endpoints: templates; empty: they stay.
    pub endpoints: Vec<String>,
    /// Percent of new clients that go to it; null: 0.
    pub blend: Option<Blend>,
    /// The plan by which its blend rises; null: none.
    pub plan: Option<String>,
    /// Why, for the history: a template; null: the hook's name, the event and the delivery.
    pub reason: Option<String>,
    /// Whether it takes nothing for now.
    pub paused: bool,
    /// The name of the token that wrote it last.
    pub by: String,
    /// When it was written last, Unix ms.
    pub at: u64,
    /// The store revision that wrote it: its ETag, for If-Match.
    pub revision: u64,
    /// The last 20 deliveries, newest first.
    pub deliveries: Vec<InDelivery>,
    /// The secret, only when the router has just made it: it is shown this once.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub secret: Option<String>,
}

/// One delivery to a hook in.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(test, derive(utoipa::ToSchema))]
#[serde(default)]
pub struct InDelivery {
    /// Its name: the same for each repeat.
    pub id: String,
    /// When it came, Unix ms.
    pub at: u64,
    /// How it ended: `done`, `unchanged`, `ignored`, `refused`, or `begun` when it has not.
    pub result: String,
    /// The event, as the sender calls it.
    pub event: String,
    /// The status that was answered; 0: it has not ended.
    pub status: u16,
    /// What came of it, in words.
    pub message: String,
    /// The release that it named; null: it came to none.
    pub release: Option<String>,
    /// The deployment that it began or named; null: none.
    pub deployment: Option<String>,
    /// The seq of the app after it; null: nothing was changed.
    pub seq: Option<u64>,
    /// Where it came from.
    pub client: String,
    /// The name of the router that took it.
    pub router: String,
}

/// What a sender is answered.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(test, derive(utoipa::ToSchema))]
#[serde(default)]
pub struct HookInAnswer {
    /// How the delivery ended: `done`, `unchanged`, `ignored`, `refused`, or `begun` while a router is at it.
    pub result: String,
    /// What came of it, in words.
    pub message: String,
    /// The delivery's name.
    pub id: String,
    /// Where this can be read again, for a day.
    pub url: String,
    /// Whether it was delivered before: then it is told what came of it then, and nothing was done.
    pub repeated: bool,
    /// The release that it named; null: it came to none.
    pub release: Option<String>,
    /// The deployment that it began or named; null: none.
    pub deployment: Option<String>,
    /// The seq of the app after it; null: nothing was changed.
    pub seq: Option<u64>,
}

/// Make a hook in, or say all of one anew but its secret.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[cfg_attr(test, derive(utoipa::ToSchema))]
#[serde(deny_unknown_fields)]
pub struct HookInRequest {
    /// Who sends: `github`, `gitlab`, `standard` or `token`.
    pub sender: String,
    /// The app that it acts on.
    pub app: String,
    /// The networks that the sender may come from, such as `192.0.2.0/24`, 1 to 100; left out: any.
    pub networks: Option<Vec<String>>,
    /// The events that count, such as `push`, at most 20; left out: all.
    pub events: Option<Vec<String>>,
    /// The branches that count, such as `main` or `release/*`, at most 20; left out with `tags`: all.
    pub branches: Option<Vec<String>>,
    /// The tags that count, such as `v*`, at most 20.
    pub tags: Option<Vec<String>>,
    /// What else the payload must have, as `/pointer=pattern`, at most 20.
    pub matches: Option<Vec<String>>,
    /// What is done: `set-candidate`, which is also the default, or `deploy`.
    #[serde(rename = "do")]
    pub action: Option<String>,
    /// The release that becomes the candidate: a template such as `{/release/tag_name}` or `{/ref|last}`.
    pub release: String,
    /// The port in the id of a new release, and in its containers; left out: 80.
    pub port: Option<u16>,
    /// The image that is deployed: a template such as `registry.example/shop:{/ref|last}`. Only of `deploy`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub image: Option<String>,
    /// How many containers, 1 to 100; left out: 1. Only of `deploy`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub replicas: Option<u32>,
    /// The path of their health check; left out: as the app's settings say. Only of `deploy`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub health_path: Option<String>,
    /// Their environment: templates such as `{/commit/id}` by name, at most 20. They are shown, so no secret stands in them. Only of
    /// `deploy`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub environment: Option<BTreeMap<String, String>>,
    /// All endpoints that are registered for the release: templates such as `10.0.0.7:{/port}`, or one that points at a list;
    /// left out: they stay.
    pub endpoints: Option<Vec<String>>,
    /// Percent of new clients that go to it, 0 to 100 with at most two decimals; left out: 0.
    pub blend: Option<Blend>,
    /// The plan of the setting `plans` by which its blend rises, instead of a blend; left out: none.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub plan: Option<String>,
    /// Why, for the history: a template; left out: the hook's name, the event and the delivery.
    pub reason: Option<String>,
    /// Take nothing for now: senders are answered 409. Left out: false.
    pub paused: Option<bool>,
    /// 16 to 256 visible ASCII characters; for `standard`, `whsec_` and 24 to 64 bytes as base64. Left out: the router makes
    /// one, or keeps the one it has.
    pub secret: Option<String>,
    /// Have the router make another secret. Left out: false.
    pub new_secret: Option<bool>,
}

/// The answer to the removal of a hook in.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(test, derive(utoipa::ToSchema))]
pub struct HookInRemoval {
    /// The hook's name.
    pub name: String,
    /// Always `done`.
    pub result: Done,
}

/// Ask what a hook in would do with a payload. Nothing is done.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[cfg_attr(test, derive(utoipa::ToSchema))]
#[serde(deny_unknown_fields)]
pub struct HookInTestRequest {
    /// The payload as text: a JSON object.
    pub payload: String,
    /// The event that it is about; left out: what the payload says.
    pub event: Option<String>,
}

/// What a hook in would do with a payload.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(test, derive(utoipa::ToSchema))]
#[serde(default)]
pub struct HookInTest {
    /// `set-candidate`, `deploy`, or `ignore`.
    pub would: String,
    /// The same in words, with the reason.
    pub message: String,
    /// The event that it was taken for.
    pub event: String,
    /// The id of the release; null: it would be ignored.
    pub release: Option<String>,
    /// The endpoints that would be registered.
    pub endpoints: Vec<String>,
}
