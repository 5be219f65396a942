//! The words of an explanation: closed lists, so that who reads one can rely on them.

use std::fmt;

use serde::{Deserialize, Serialize};

use crate::rollout::table::Standing;

/// What decided about a request.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[cfg_attr(test, derive(utoipa::ToSchema))]
#[serde(rename_all = "kebab-case")]
pub enum Rule {
    /// A tester's preview or header, also one that leads nowhere.
    Override,
    /// The pin.
    Pin,
    /// The bucket.
    Bucket,
    /// Neither: the request says nothing about its client, so it goes to stable.
    Anonymous,
    /// Nothing: no release is routed.
    #[default]
    None,
}

/// What a release is to its app.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(test, derive(utoipa::ToSchema))]
#[serde(rename_all = "kebab-case")]
pub enum TrackName {
    /// It is the stable release.
    Stable,
    /// It is the candidate.
    Candidate,
    /// It is off its track, and still serves the clients pinned to it.
    Draining,
    /// A rollback without a target goes to it.
    Previous,
}

impl TrackName {
    /// The word for it in the API and in sentences.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Stable => "stable",
            Self::Candidate => "candidate",
            Self::Draining => "draining",
            Self::Previous => "previous",
        }
    }
}

impl fmt::Display for TrackName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl From<Standing> for TrackName {
    fn from(standing: Standing) -> Self {
        match standing {
            Standing::Stable => Self::Stable,
            Standing::Candidate => Self::Candidate,
            Standing::Draining { .. } => Self::Draining,
            Standing::Previous => Self::Previous,
        }
    }
}

/// What is known of a pin cookie.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[cfg_attr(test, derive(utoipa::ToSchema))]
#[serde(rename_all = "kebab-case")]
pub enum PinState {
    /// The request has none.
    #[default]
    None,
    /// It was signed for this app.
    Valid,
    /// It was not signed for this app, or was changed afterwards.
    Forged,
    /// It was signed with a key that this router does not know.
    ForeignKey,
    /// It is not read: the app is not sticky or knows its clients by something else, or a tester chose the release.
    Unread,
}

/// Where a bucket comes from.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[cfg_attr(test, derive(utoipa::ToSchema))]
#[serde(rename_all = "kebab-case")]
pub enum BucketSource {
    /// The pin.
    Pin,
    /// The header that the client is known by.
    Header,
    /// The address that the client is known by.
    Address,
    /// What this router would draw for its next new client.
    Next,
    /// Any bucket: every request draws, or what the client is known by is not given.
    #[default]
    Any,
}

/// What a response does with the pin cookie.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[cfg_attr(test, derive(utoipa::ToSchema))]
#[serde(rename_all = "kebab-case")]
pub enum CookieChange {
    /// The pin stays as it is.
    #[default]
    Keep,
    /// The client gets its first pin.
    First,
    /// Another pin takes its place.
    Replace,
    /// The same pin is sent again, so that it lasts.
    Refresh,
}

/// How a tester chose a release.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[cfg_attr(test, derive(utoipa::ToSchema))]
#[serde(rename_all = "kebab-case")]
pub enum TesterMeans {
    /// Nobody did.
    #[default]
    None,
    /// By the cookie of a preview link.
    Preview,
    /// By the app's override header.
    Header,
}

/// Why a tester's choice does not lead to a release.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(test, derive(utoipa::ToSchema))]
#[serde(rename_all = "kebab-case")]
pub enum TesterFault {
    /// The preview was not signed for this app, or was changed afterwards.
    Forged,
    /// The preview has ended.
    Expired,
    /// The preview was revoked.
    Revoked,
    /// The preview's release is not routed any more.
    Left,
    /// The header is there twice.
    Twice,
    /// The header names no routed release.
    UnknownRelease,
    /// The header is ignored: it comes from a network that is not trusted.
    Untrusted,
}
