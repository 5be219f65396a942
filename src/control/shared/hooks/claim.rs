//! The claim to tell hooks, as it is stored: of all routers that share a store, one holds it.

use keyvalues::{Entry, Revision};

/// Where it is stored.
pub const CLAIM: &str = "rolling/router/hooks-claim";

/// Who holds it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Claim {
    /// The member's node id.
    pub node: String,
    pub revision: Revision,
    /// It ends by itself; without that it is a leftover.
    leased: bool,
}

impl Claim {
    /// What is stored.
    pub fn of(entry: &Entry) -> Self {
        let node = String::from_utf8_lossy(&entry.value).into_owned();
        Self { node, revision: entry.modified, leased: entry.lease.is_some() }
    }

    /// Whether it is another's, who may live.
    pub fn is_taken(&self, node: &str) -> bool {
        self.leased && self.node != node
    }
}
