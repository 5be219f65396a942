//! Reasons: the closed list of why a request goes where it goes.

use serde::{Deserialize, Serialize};

use crate::rollout::record::LeaveReason;

/// Why a request went where it went: a closed list, so that a move without a reason cannot be expressed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[cfg_attr(test, derive(utoipa::ToSchema))]
#[serde(rename_all = "kebab-case")]
#[repr(u8)]
pub enum Reason {
    /// A tester's grant or header.
    Override,
    /// The pin was honoured.
    Pin,
    /// By bucket: an unpinned client.
    Bucket,
    /// The pinned release, another endpoint.
    RepinEndpoint,
    /// The pinned release drained.
    Drained,
    /// The pinned release drained and lost its endpoints before its time.
    DrainedEarly,
    /// The pinned candidate was aborted.
    Abort,
    /// The pinned release was rolled back from.
    Rollback,
    /// The pinned candidate was replaced.
    Replaced,
    /// The whole candidate is unhealthy.
    Fallback,
    /// The candidate failed this request and stable answered it.
    Shielded,
    /// The pin is newer than this router's table.
    Ahead,
    /// The pin is not ours.
    Forged,
    /// The pin is signed with an unknown key.
    ForeignKey,
    /// The client does not keep cookies, or the app is not sticky.
    NoCookie,
}

impl Reason {
    /// Every reason, in the order of their numbers.
    pub const ALL: [Self; 15] = [
        Self::Override,
        Self::Pin,
        Self::Bucket,
        Self::RepinEndpoint,
        Self::Drained,
        Self::DrainedEarly,
        Self::Abort,
        Self::Rollback,
        Self::Replaced,
        Self::Fallback,
        Self::Shielded,
        Self::Ahead,
        Self::Forged,
        Self::ForeignKey,
        Self::NoCookie,
    ];

    /// The word for logs, metrics and the API, such as `repin-endpoint`.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Override => "override",
            Self::Pin => "pin",
            Self::Bucket => "bucket",
            Self::RepinEndpoint => "repin-endpoint",
            Self::Drained => "drained",
            Self::DrainedEarly => "drained-early",
            Self::Abort => "abort",
            Self::Rollback => "rollback",
            Self::Replaced => "replaced",
            Self::Fallback => "fallback",
            Self::Shielded => "shielded",
            Self::Ahead => "ahead",
            Self::Forged => "forged",
            Self::ForeignKey => "foreign-key",
            Self::NoCookie => "no-cookie",
        }
    }
}

impl From<LeaveReason> for Reason {
    /// Why clients move whose release left for that reason.
    fn from(left: LeaveReason) -> Self {
        match left {
            LeaveReason::Drained => Self::Drained,
            LeaveReason::Abort => Self::Abort,
            LeaveReason::Rollback => Self::Rollback,
            LeaveReason::Replaced => Self::Replaced,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_reason_has_its_number_and_its_own_word() {
        for (number, reason) in Reason::ALL.into_iter().enumerate() {
            assert_eq!(reason as usize, number);
            assert_eq!(serde_json::to_value(reason).unwrap(), reason.as_str());
            assert_eq!(Reason::ALL.iter().filter(|other| other.as_str() == reason.as_str()).count(), 1);
        }
    }
}
