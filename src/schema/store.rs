//! What becomes of a store that is not the one the router's table came from.

use serde::{Deserialize, Serialize};

use super::app::Outcome;

/// Write the router's last good state back into the store.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
#[cfg_attr(test, derive(utoipa::ToSchema))]
#[serde(deny_unknown_fields)]
pub struct RestoreRequest {
    /// Only say what would be written.
    pub dry_run: Option<bool>,
    /// Also into a store of another epoch, which may belong to other routers.
    pub replace: Option<bool>,
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
}
