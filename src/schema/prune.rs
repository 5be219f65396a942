//! The removal of releases that nobody needs any more.

use serde::{Deserialize, Serialize};

use super::{app::Outcome, apply_status::ApplyStatus};

/// Remove the app's releases that no app routes or would roll back to, but for the newest.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(test, derive(utoipa::ToSchema))]
#[serde(deny_unknown_fields)]
pub struct PruneRequest {
    /// How many of them stay: those that were registered last. What an app names stays in any case, and does not count.
    pub keep: u32,
    /// Only say which would go.
    pub dry_run: Option<bool>,
    /// Why, for the log and the audit.
    pub reason: Option<String>,
}

/// The releases that were removed.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[cfg_attr(test, derive(utoipa::ToSchema))]
#[serde(default)]
pub struct PrunedReleases {
    /// The app.
    pub app: String,
    /// The ids of those that were removed, or would be in a dry run; the newest first.
    pub removed: Vec<String>,
    /// The ids of those that stay although no app names them; the newest first.
    pub kept: Vec<String>,
    /// How many more would go by the same call again: one call removes at most 200.
    pub left: usize,
    /// Whether anything was changed.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub result: Option<Outcome>,
    /// With `wait=fleet`: how far the fleet applied it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub applied: Option<ApplyStatus>,
}
