//! The routers that share a store.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::{
    app::{Done, Outcome},
    apply_status::ApplyStatus,
};

/// The routers that share a store.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[cfg_attr(test, derive(utoipa::ToSchema))]
#[serde(default)]
pub struct Fleet {
    /// The node id of the router that answers.
    pub node: String,
    /// Every router of the fleet.
    pub members: Vec<Member>,
    /// What is wrong with the fleet.
    pub alarms: Vec<Alarm>,
    /// Whether a next pin key waits for every member to know it.
    pub rotating: bool,
    /// How the secrets of the store are encrypted; null: they are not, and never were.
    pub secrets: Option<StoredSecrets>,
}

/// How the secrets of a store are encrypted.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(test, derive(utoipa::ToSchema))]
#[serde(default)]
pub struct StoredSecrets {
    /// The key by which they are written: its id and a fingerprint, or `plain`; null: none yet.
    pub key: Option<String>,
    /// The key that takes its place once every member has it first in its file; null: none waits.
    pub next: Option<String>,
    /// The names of the members that do not have that one first.
    pub waits_for: Vec<String>,
    /// How many secrets there are.
    pub all: u64,
    /// How many of them are written with the key of today.
    pub written: u64,
    /// How many the answering router cannot read.
    pub unreadable: u64,
}

/// One router of a fleet.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[cfg_attr(test, derive(utoipa::ToSchema))]
#[serde(default)]
pub struct Member {
    /// Its node id.
    pub node: String,
    /// Its `--node`, or its node id.
    pub name: String,
    /// Whether it is the router that answers.
    pub own: bool,
    /// The version of its program.
    pub version: String,
    /// Whether it gives signs of life.
    pub heard: bool,
    /// Whether it has been silent for so long that it is presumed gone (`member_gone_seconds`).
    pub gone: bool,
    /// For how many seconds it was not heard from; null: it is, or nobody knows.
    pub silent_seconds: Option<u64>,
    /// Its wall clock less this router's, in ms; null: of the router that answers, and where it is not known.
    pub skew_ms: Option<i64>,
    /// How many seconds ago it confirmed a read of the store; null: that is not known.
    pub staleness_seconds: Option<u64>,
    /// The store revision that it serves; null: that is not known.
    pub revision: Option<u64>,
    /// Whether it has served another state than this router for a while.
    pub behind: bool,
    /// The apps that it serves at another seq than this router, by name; null: it does not say at which.
    pub differs: BTreeMap<String, Option<u64>>,
    /// What it serves, by app; left out in the live stream.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub apps: Option<BTreeMap<String, ServedApp>>,
}

/// What a member serves of one app.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(test, derive(utoipa::ToSchema))]
#[serde(default)]
pub struct ServedApp {
    /// The seq of the record that its routes come from.
    pub seq: u64,
    /// The newest store revision among the app's keys.
    pub revision: u64,
}

/// Something that is wrong with a fleet.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(test, derive(utoipa::ToSchema))]
#[serde(default)]
pub struct Alarm {
    /// What kind of fault it is: `clock_skew`, `stale`, `silent`, `behind`, `same_name`, `hook`,
    /// `misdirected`, `history`, `local_abort`, `engine_lost`, `candidate_worse`, `endpoint_name`, `certificate` or `secrets`.
    pub kind: String,
    /// The member's node id.
    pub node: String,
    /// The member's name.
    pub name: String,
    /// What of the member it is about: a hook, an app or an engine. Empty: the member.
    #[serde(default)]
    pub subject: String,
    /// A sentence for the person who has to act.
    pub message: String,
}

/// The answer to the removal of a member.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(test, derive(utoipa::ToSchema))]
pub struct MemberRemoval {
    /// The member's node id.
    pub node: String,
    /// Always `done`.
    pub result: Done,
}

/// The answer to the removal of every member that is presumed gone.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(test, derive(utoipa::ToSchema))]
pub struct GoneRemoval {
    /// The node ids of the members that were removed.
    pub removed: Vec<String>,
    /// `unchanged` when none was presumed gone.
    pub result: Outcome,
}

/// Make the next pin key the one that signs.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[cfg_attr(test, derive(utoipa::ToSchema))]
#[serde(deny_unknown_fields)]
pub struct RotateKeysRequest {
    /// Although pins may still be signed by the key before the last, whose clients are then forgotten.
    pub force: Option<bool>,
}

/// How far a rotation of the pin keys is.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(test, derive(utoipa::ToSchema))]
pub struct Rotation {
    /// `done`: the next key signs; `waiting`: some member does not know it yet.
    pub result: RotationResult,
    /// The same in words.
    pub text: String,
    /// How far the fleet applied it.
    pub applied: ApplyStatus,
}

/// How far a rotation of the pin keys is, in a word.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(test, derive(utoipa::ToSchema))]
#[serde(rename_all = "lowercase")]
pub enum RotationResult {
    /// The next key signs.
    Done,
    /// Some member does not know it yet: ask again.
    Waiting,
}
