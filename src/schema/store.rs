//! What becomes of a store that is not the one the router's table came from.

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use super::{app::Outcome, change::Blend};

/// Write the router's last good state back into the store.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
#[cfg_attr(test, derive(utoipa::ToSchema))]
#[serde(deny_unknown_fields)]
pub struct RestoreRequest {
    /// Only say what would be written.
    pub dry_run: Option<bool>,
    /// Also into a store of another epoch, which may belong to other routers.
    pub replace: Option<bool>,
    /// Also if another release would become stable in the store that lacks approvals or does not pass its gate. Needs a
    /// `reason`, and is in the app's history.
    pub force: Option<bool>,
    /// Why, for the history.
    pub reason: Option<String>,
}

/// Ask whether an app may become what a file says.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
#[cfg_attr(test, derive(utoipa::ToSchema))]
#[serde(deny_unknown_fields)]
pub struct ReplacementRequest {
    /// The app.
    pub app: String,
    /// Its rollout record then; none: the app goes.
    #[cfg_attr(test, schema(value_type = Option<Object>))]
    pub record: Option<Value>,
    /// Its settings then; none: the defaults.
    #[cfg_attr(test, schema(value_type = Option<Object>))]
    pub settings: Option<Value>,
    /// The addresses of its stable release then.
    pub endpoints: Option<Vec<String>>,
    /// The ids of the releases that its history calls stable then.
    pub stables: Option<Vec<String>>,
    /// Overrule a refusal. Needs a `reason`.
    pub force: Option<bool>,
    /// Why, for the history.
    pub reason: Option<String>,
}

/// That an app may become what a file says.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[cfg_attr(test, derive(utoipa::ToSchema))]
pub struct ReplacementVerdict {
    /// If a refusal was overruled: what record and event say of that.
    #[serde(default)]
    pub event: Option<ReplacementEvent>,
}

/// What an event says of an app that was replaced in spite of a refusal, beside the record.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[cfg_attr(test, derive(utoipa::ToSchema))]
pub struct ReplacementEvent {
    /// The seq of the record.
    pub seq: u64,
    /// `restore`.
    pub command: String,
    /// Who overruled.
    pub actor: String,
    /// Why.
    pub reason: String,
    /// When, Unix ms.
    pub at: u64,
    /// What changed: field name to `[before, after]`.
    #[cfg_attr(test, schema(value_type = Object))]
    pub changed: Map<String, Value>,
}

/// What a restore did, or with `dry_run` what it would do.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(test, derive(utoipa::ToSchema))]
pub struct Restoration {
    /// `done`, or `unchanged` with `dry_run`.
    pub result: Outcome,
    /// How many keys were written.
    pub written: usize,
    /// How many keys were deleted.
    pub deleted: usize,
    /// How many keys were as they should be.
    pub unchanged: usize,
    /// The apps that the store has otherwise than this router serves them, by name.
    #[serde(default)]
    pub apps: Vec<AppDifference>,
}

/// An app that a store with another history has otherwise than it is served.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(test, derive(utoipa::ToSchema))]
#[serde(default)]
pub struct AppDifference {
    /// The app.
    pub app: String,
    /// As this router serves it; null: it does not.
    pub served: Option<AppSide>,
    /// As the store has it; null: it does not.
    pub stored: Option<AppSide>,
}

/// What one side says of an app.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(test, derive(utoipa::ToSchema))]
#[serde(default)]
pub struct AppSide {
    /// The number of its newest change.
    pub seq: u64,
    /// Its stable release; null: none.
    pub stable: Option<String>,
    /// Its candidate; null: none.
    pub candidate: Option<String>,
    /// Percent of new clients that go to the candidate.
    pub blend: Blend,
}
