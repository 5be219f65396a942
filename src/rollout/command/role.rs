//! Roles: what a token may do.

use std::fmt;

use serde::{Deserialize, Serialize};

/// The role of a token. Ordered: each role may do whatever the roles before it may, except that the store which a router
/// serves is for [`Role::Router`] and [`Role::Admin`] alone.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Role {
    /// Another router, which uses this router's store and nothing else.
    Router,
    /// Reads.
    Viewer,
    /// Releases, within locks and caps.
    Ci,
    /// Releases, locks, settings.
    Operator,
    /// Everything.
    Admin,
}

impl Role {
    /// All of them, the least first.
    pub const ALL: [Self; 5] = [Self::Router, Self::Viewer, Self::Ci, Self::Operator, Self::Admin];
    /// All of them, for people.
    pub const ALLOWED: &str = "viewer, ci, operator, admin, router";

    /// The role of this name.
    pub fn of(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|role| role.to_string() == name)
    }
}

impl fmt::Display for Role {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Router => "router",
            Self::Viewer => "viewer",
            Self::Ci => "ci",
            Self::Operator => "operator",
            Self::Admin => "admin",
        })
    }
}
