//! Approvals: operators who say that a release may become stable, or that the setting `approvals` may be lowered.
//!
//! They stand in the rollout record, and count for what was approved: the release in the tenure that it had, with the
//! endpoints that it had. A token counts once, whatever it is called. It is known by a mark that only routers of the fleet
//! can make, so that nobody who reads the record learns anything of the token.

use std::collections::BTreeSet;

use serde::{Deserialize, Serialize};

use super::{endpoint::Endpoint, release::ReleaseId};

/// One operator's approval.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(test, derive(utoipa::ToSchema))]
#[cfg_attr(test, schema(as = RecordedApproval))]
pub struct Approval {
    /// The name of the token.
    pub by: String,
    /// The mark of the token.
    pub token: String,
    /// When, Unix ms.
    pub at: u64,
}

/// The approvals of a release in one tenure.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(test, derive(utoipa::ToSchema))]
#[cfg_attr(test, schema(as = RecordedApprovals))]
pub struct ReleaseApprovals {
    /// The release.
    pub release: ReleaseId,
    /// Its tenure; 0: it was on no track.
    pub tenure: u32,
    /// Its endpoints then. With another one besides, these approvals have ended.
    #[cfg_attr(test, schema(value_type = Vec<String>))]
    pub endpoints: BTreeSet<Endpoint>,
    /// Who approved it, oldest first.
    pub given: Vec<Approval>,
}

/// The approvals of a lower value of the setting `approvals`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(test, derive(utoipa::ToSchema))]
#[cfg_attr(test, schema(as = RecordedLowering))]
pub struct LoweringApprovals {
    /// The value.
    pub to: u8,
    /// Who approved it, oldest first.
    pub given: Vec<Approval>,
}

/// Somebody with a token.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Holder<'a> {
    /// The name of the token.
    pub name: &'a str,
    /// Its mark; empty where it was not noted.
    pub token: &'a str,
}

impl Holder<'_> {
    /// Whether both hold the same token. Where a mark was not noted, the names tell.
    pub fn is(&self, other: &Holder<'_>) -> bool {
        match self.token.is_empty() || other.token.is_empty() {
            true => self.name == other.name,
            false => self.token == other.token,
        }
    }
}

impl Approval {
    /// Who gave it.
    pub fn holder(&self) -> Holder<'_> {
        Holder { name: &self.by, token: &self.token }
    }
}
