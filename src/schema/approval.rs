//! Approvals: what operators have said may become stable, and what is missing.

use serde::{Deserialize, Serialize};

/// Approve a release, or a lower value of the setting `approvals`; or take that back.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[cfg_attr(test, derive(utoipa::ToSchema))]
#[serde(deny_unknown_fields)]
pub struct ApprovalRequest {
    /// The release, by id or name; left out: the candidate.
    pub release: Option<String>,
    /// Instead of a release: the value that the setting `approvals` may be lowered to, 0 to 2.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub lower_to: Option<u64>,
    /// Why, for the history.
    pub reason: Option<String>,
}

/// All approvals that an app keeps.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[cfg_attr(test, derive(utoipa::ToSchema))]
#[serde(default)]
pub struct Approvals {
    /// How many a release needs before it becomes stable: the setting `approvals`.
    pub needed: u8,
    /// Of the candidate, and of other releases that somebody approved.
    pub releases: Vec<ReleaseApprovals>,
    /// Of lower values of the setting.
    pub lowerings: Vec<LoweringApprovals>,
}

/// The approvals of a release in the tenure that it has.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[cfg_attr(test, derive(utoipa::ToSchema))]
#[serde(default)]
pub struct ReleaseApprovals {
    /// Its id, `apps/<segment>/containers`.
    pub id: String,
    /// Its own name, such as `1.0.1`.
    pub release: String,
    /// How many it needs.
    pub needed: u8,
    /// Those that count, oldest first.
    pub given: Vec<GivenApproval>,
    /// How many are missing.
    pub missing: usize,
    /// Endpoints that are new since it was approved, so that those approvals have ended.
    pub new_endpoints: Vec<String>,
}

/// The approvals of a lower value of the setting `approvals`.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[cfg_attr(test, derive(utoipa::ToSchema))]
#[serde(default)]
pub struct LoweringApprovals {
    /// The value.
    pub to: u8,
    /// Who approved it, oldest first. Whoever then lowers it does not count.
    pub given: Vec<GivenApproval>,
}

/// One operator's approval.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[cfg_attr(test, derive(utoipa::ToSchema))]
#[serde(default)]
pub struct GivenApproval {
    /// The name of the token.
    pub by: String,
    /// When, Unix ms.
    pub at: u64,
}
