//! The claim to send to hooks, as it is stored. Of all routers that share a store, the one that holds it sends.

use keyvalues::{Entry, Revision};

/// Where it is stored.
pub const CLAIM_KEY: &str = "rolling/router/hooks-claim";

/// Who holds the claim.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Claim {
    /// The member's node id.
    pub node: String,
    pub revision: Revision,
    /// Whether it ends by itself. A claim without a lease is a leftover, and counts for nothing.
    leased: bool,
}

impl Claim {
    /// Reads a stored claim.
    pub fn of(entry: &Entry) -> Self {
        let node = String::from_utf8_lossy(&entry.value).into_owned();
        Self { node, revision: entry.modified, leased: entry.lease.is_some() }
    }

    /// Whether another router holds it, which may be alive.
    pub fn is_taken(&self, node: &str) -> bool {
        self.leased && self.node != node
    }
}
