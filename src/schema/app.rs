//! An app and all that is known of it: the answer to every question about it, and to every change.

use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::{
    activity::Moves, apply_status::ApplyStatus, endpoint::EndpointAnswer, plan::Plan, release::Release,
    verdict::VerdictSentence,
};
pub use crate::rollout::{
    blend::Blend,
    halt::{Halt, HaltKind},
    keyspace::Problem,
    pipeline_lock::Waiter,
    record::Lock,
};

/// All apps.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[cfg_attr(test, derive(utoipa::ToSchema))]
#[serde(default)]
pub struct Apps {
    /// Each app with its state, ordered by name.
    pub apps: Vec<App>,
    /// The app that serves every host that no app has claimed; null: none does.
    pub default_app: Option<String>,
    /// The app that this router was started with as `--app`, made or not; null: it was started without.
    pub configured_app: Option<String>,
}

/// The state of one app.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[cfg_attr(test, derive(utoipa::ToSchema))]
#[serde(default)]
pub struct App {
    /// Its name.
    pub app: String,
    /// How often its rollout record was changed; 0 before the first change. It is the ETag, and what If-Match takes.
    pub seq: u64,
    /// The release that serves everyone by default; null: the app has none yet.
    pub stable: Option<Release>,
    /// The release on trial; null: there is none.
    pub candidate: Option<Release>,
    /// The release that a rollback without a target goes to; null: there is none.
    pub previous: Option<Release>,
    /// Releases off their track that still serve the clients pinned to them, oldest first.
    pub draining: Vec<Release>,
    /// Percent of new clients that go to the candidate, 0 to 100 with at most two decimals.
    pub blend: Blend,
    /// Whether clients are pinned.
    pub sticky: bool,
    /// The candidate's share of the clients: as configured, as drawn, as seen.
    pub shares: Shares,
    /// Whether the candidate is worse than stable; null: there is no candidate, or nobody has looked yet.
    pub verdict: Option<VerdictSentence>,
    /// How often clients of the app changed release at this router since it started.
    pub moves: Moves,
    /// What holds `ci` tokens back; null: nothing does.
    pub lock: Option<Lock>,
    /// Why requests of the app wait or are answered by a page; null: they go on.
    pub halt: Option<Halt>,
    /// The plan that raises the blend; null: none was started, or it is over.
    pub plan: Option<Plan>,
    /// The runs of pipelines that wait for the lock, in the order in which they get it.
    pub lock_queue: Vec<Waiter>,
    /// The freeze that holds `ci` tokens back; null: none stands.
    pub frozen: Option<Frozen>,
    /// The abort that the asked router alone applies, since its store has not taken it yet; left out: there is none.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub local_abort: Option<LocalAbort>,
    /// The freeze that begins next, within a day; null: none does.
    pub next_freeze: Option<NextFreeze>,
    /// Host names that the app claims.
    pub hosts: Vec<String>,
    /// Path prefixes that it claims on these hosts, or on all hosts that no app claims; empty: all paths.
    pub paths: Vec<String>,
    /// Whether it serves every host that no app has claimed.
    pub default: bool,
    /// The hosts that lead to it now: those of `hosts` that no other app claimed before, and `*` for every host that nobody
    /// claims, if it is the default, each with the path prefix if there is one (`shop.example/basket`). Empty: no host leads to it.
    pub leading_hosts: Vec<String>,
    /// Stored values of the app that the router cannot take.
    pub problems: Vec<Problem>,
    /// The last change; null: there was none.
    pub updated: Option<Update>,
    /// All settings, those that are not set with their defaults.
    #[cfg_attr(test, schema(value_type = super::document::Settings))]
    pub settings: Value,
    /// In the answer to a change: whether anything was changed.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub result: Option<Outcome>,
    /// In the answer to a change: `true` if the app was made by it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub created: Option<bool>,
    /// In the answer to a change that makes a release stable: what each of its endpoints answered to the health check.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub asked: Vec<EndpointAnswer>,
    /// In the answer to a change with `wait=fleet`: how far the fleet applied it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub applied: Option<ApplyStatus>,
}

/// The candidate's share of the clients, in percent.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[cfg_attr(test, derive(utoipa::ToSchema))]
#[serde(default)]
pub struct Shares {
    /// The blend.
    pub configured: f64,
    /// The candidate's share of the new clients that were drawn since blend and candidate are what they are, in percent;
    /// null before the first one.
    pub drawn: Option<f64>,
    /// The actual share: of the distinct clients whose pins came back to stable or to the candidate in the last 5 to 10
    /// minutes, how many are the candidate's, in percent, within about 7 % of itself. Bots that keep no cookie never
    /// count. Null while no pin came back.
    pub confirmed: Option<f64>,
}

/// An abort that one router alone applies while its store does not answer. The store is given it as soon as it answers, if
/// nothing came between.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(test, derive(utoipa::ToSchema))]
#[serde(default)]
pub struct LocalAbort {
    /// The id of the release that is no candidate at this router any more.
    pub id: String,
    /// Its name.
    pub release: String,
    /// The seq at which the store takes the abort; at another one it is over.
    pub seq: u64,
    /// Who ordered it: the name of a token.
    pub by: String,
    /// Why, in their words; empty if nothing was said.
    pub reason: String,
    /// When, Unix ms.
    pub at: u64,
}

/// The last change of an app.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(test, derive(utoipa::ToSchema))]
#[serde(default)]
pub struct Update {
    /// The command, such as `promote`.
    pub command: String,
    /// Who gave it: the name of a token.
    pub actor: String,
    /// Why, in the words of whoever gave it; empty if nothing was said.
    pub reason: String,
    /// When, Unix ms.
    pub at: u64,
}

/// Whether a change changed anything.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(test, derive(utoipa::ToSchema))]
#[serde(rename_all = "lowercase")]
pub enum Outcome {
    /// It did.
    Done,
    /// All was as asked already.
    Unchanged,
}

/// A freeze that stands.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(test, derive(utoipa::ToSchema))]
#[serde(default)]
pub struct Frozen {
    /// The window, as it is set.
    pub window: String,
    /// When no window stands any more, Unix ms. None: the windows leave no gap.
    pub until: Option<u64>,
}

/// A freeze that comes.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(test, derive(utoipa::ToSchema))]
#[serde(default)]
pub struct NextFreeze {
    /// The window, as it is set.
    pub window: String,
    /// When it begins, Unix ms.
    pub from: u64,
    /// When no window stands any more, Unix ms. None: the windows leave no gap.
    pub until: Option<u64>,
}

/// The answer to the removal of an app.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[cfg_attr(test, derive(utoipa::ToSchema))]
pub struct Removal {
    /// The app's name.
    pub app: String,
    /// Always `done`.
    pub result: Done,
    /// With `wait=fleet`: how far the fleet applied it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub applied: Option<ApplyStatus>,
}

/// The one word of an answer that has nothing else to say.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(test, derive(utoipa::ToSchema))]
#[serde(rename_all = "lowercase")]
pub enum Done {
    /// It is done.
    #[default]
    Done,
}

/// The answer to a call that has nothing to say but that it is done.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(test, derive(utoipa::ToSchema))]
#[serde(default)]
pub struct DoneAnswer {
    /// Always `done`.
    pub result: Done,
}
