//! Where a router serves its store, and which contract it keeps.

use serde::{Deserialize, Serialize};

use crate::contract::{Capabilities, Durability, Epoch, WatchMode};

/// Where the store is served.
pub const ROOT: &str = "/api/v1/store";

/// What a server that keeps the whole contract calls it; another number is another contract.
pub const CONTRACT: &str = "rolling-router-store/1";

/// The first answer: which contract, and how well it is kept.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct About {
    /// [`CONTRACT`].
    pub contract: String,
    /// The name of this lifetime of the contents.
    pub epoch: String,
    /// [`Capabilities::atomic_commit`].
    pub atomic_commit: bool,
    /// [`Capabilities::lease`].
    pub lease: bool,
}

impl About {
    /// What is said of a store.
    pub fn of(capabilities: Capabilities, epoch: Epoch) -> Self {
        let Capabilities { atomic_commit, lease, .. } = capabilities;
        Self { contract: CONTRACT.to_owned(), epoch: epoch.0, atomic_commit, lease }
    }

    /// What a client of it can promise. How durable it is, is the server's business.
    pub fn capabilities(&self) -> Capabilities {
        Capabilities {
            atomic_commit: self.atomic_commit,
            lease: self.lease,
            watch: WatchMode::Streamed,
            durability: Durability::Server,
        }
    }
}
