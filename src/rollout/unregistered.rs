//! Endpoints that are registered nowhere any more, since their keys vanished although nobody ordered that, and that serve on.

use serde::{Deserialize, Serialize};

use super::release::ReleaseId;
use crate::rollout::address::Address;

/// One of them.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(test, derive(utoipa::ToSchema))]
#[cfg_attr(test, schema(as = RecordedUnregisteredEndpoint))]
pub struct UnregisteredEndpoint {
    /// Its release.
    pub release: ReleaseId,
    /// What its key was called below the release.
    pub container: String,
    /// Its address.
    #[cfg_attr(test, schema(value_type = String))]
    pub address: Address,
    /// Since when, Unix ms.
    pub since: u64,
}

impl UnregisteredEndpoint {
    /// The key that vanished.
    pub fn key(&self) -> String {
        format!("{}/{}", self.release, self.container)
    }
}
