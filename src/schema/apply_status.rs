//! How far the fleet applied a change.

use serde::{Deserialize, Serialize};

/// How far the fleet applied a change.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(test, derive(utoipa::ToSchema))]
#[serde(default)]
pub struct ApplyStatus {
    /// How many routers the fleet has, less those that are left out.
    pub members: usize,
    /// How many of them are heard from, and say that their routes come from the change.
    pub applied: usize,
    /// The same in words, such as `applied 2 of 3, r3 not heard from for 12 s, may still serve 1.0`.
    pub text: String,
    /// The members that have not said so.
    pub missing: Vec<MissingMember>,
    /// The members that are presumed gone (`member_gone_seconds`), which nobody waits for.
    pub left_out: Vec<MissingMember>,
}

/// A member that has not said that it applied a change.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(test, derive(utoipa::ToSchema))]
#[serde(default)]
pub struct MissingMember {
    /// Its node id.
    pub node: String,
    /// Its name.
    pub name: String,
    /// Whether it gives signs of life.
    pub heard: bool,
    /// For how many seconds it was not heard from; null: it is, or nobody knows.
    pub silent_seconds: Option<u64>,
    /// The earlier seq that it serves; null: that is not known.
    pub seq: Option<u64>,
    /// Names of the releases that it may still send new clients to.
    pub may_serve: Vec<String>,
}
