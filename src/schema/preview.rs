//! Preview links, which show a release to testers.

use serde::{Deserialize, Serialize};

use super::{app::Done, apply_status::ApplyStatus};

/// Make a preview link.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
#[cfg_attr(test, derive(utoipa::ToSchema))]
#[serde(deny_unknown_fields)]
pub struct PreviewRequest {
    /// The track whose release is shown; or send `release`.
    pub track: Option<PreviewTrack>,
    /// The release that is shown, by id or name; it must be routed.
    pub release: Option<String>,
    /// How many seconds the link lives, 1 to 2592000; left out: 86400.
    pub seconds: Option<u64>,
    /// For whom or what it is, in at most 200 bytes.
    pub note: Option<String>,
}

/// A track whose release can be shown.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(test, derive(utoipa::ToSchema))]
#[serde(rename_all = "lowercase")]
pub enum PreviewTrack {
    /// The stable release.
    Stable,
    /// The candidate.
    Candidate,
}

/// The preview links of an app that have not ended.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(test, derive(utoipa::ToSchema))]
#[serde(default)]
pub struct Previews {
    /// Each without its token.
    pub previews: Vec<Preview>,
}

/// A preview link.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(test, derive(utoipa::ToSchema))]
#[serde(default)]
pub struct Preview {
    /// The app's name.
    pub app: String,
    /// Its id: 20 hexadecimal digits.
    pub id: String,
    /// The release's id.
    pub release: String,
    /// The tenure of the release that it shows.
    pub tenure: u32,
    /// Where the release is now: `stable`, `candidate` or `draining`.
    pub track: String,
    /// When it ends, Unix ms.
    pub expires: u64,
    /// For whom or what it is; empty if nothing was said.
    pub note: String,
    /// The name of the token that made it.
    pub by: String,
    /// When it was made, Unix ms.
    pub at: u64,
    /// In the answer to the call that made it, and nowhere else: the link's path and query,
    /// `/_rolling/preview?token=...`. `&to=/path` may be added, and is where it goes on to.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub path: Option<String>,
    /// In the answer to the call that made it, with `wait=fleet`: how far the fleet applied it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub applied: Option<ApplyStatus>,
}

/// The answer to the revocation of a preview link.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[cfg_attr(test, derive(utoipa::ToSchema))]
pub struct PreviewRevocation {
    /// The app's name.
    pub app: String,
    /// The link's id.
    pub id: String,
    /// Always `done`.
    pub result: Done,
    /// With `wait=fleet`: how far the fleet applied it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub applied: Option<ApplyStatus>,
}
