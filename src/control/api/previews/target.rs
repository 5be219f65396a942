//! Which release a preview is to show.

use crate::{
    control::{
        commands::release_name::ReleaseName,
        shared::{
            core::Core,
            error::{ApiError, Kind},
        },
    },
    rollout::{
        app::AppName,
        record::{Record, Tenure},
        release::ReleaseId,
    },
    schema::preview::PreviewTrack,
};

/// Which release a preview is to show.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum PreviewTarget {
    Stable,
    Candidate,
    Release(ReleaseId),
}

impl PreviewTarget {
    /// `track`, or `release` by id or name.
    pub(super) async fn resolve(
        core: &Core,
        app: &AppName,
        track: Option<PreviewTrack>,
        release: Option<String>,
    ) -> Result<Self, ApiError> {
        match (track, release) {
            (Some(PreviewTrack::Stable), None) => Ok(Self::Stable),
            (Some(PreviewTrack::Candidate), None) => Ok(Self::Candidate),
            (None, Some(name)) => {
                Ok(Self::Release(ReleaseName::new("release", name).resolve(core, app).await?))
            }
            _ => {
                let message = "send either `track`, which is `stable` or `candidate`, or `release`";
                Err(ApiError::value("track", message))
            }
        }
    }

    /// The release in an app's record, with its tenure.
    pub(super) fn find<'a>(&self, record: &'a Record) -> Result<(&'a ReleaseId, Tenure), ApiError> {
        let (stay, missing) = match self {
            Self::Stable => (record.stable.as_ref(), "the app has no stable release"),
            Self::Candidate => (record.candidate.as_ref(), "the app has no candidate"),
            Self::Release(release) => {
                let routed = record.routed().find(|(routed, _)| *routed == release);
                let missing = || format!("the release `{release}` is neither on a track nor draining");
                return routed.ok_or_else(|| not_routed(missing()));
            }
        };
        stay.map(|stay| (&stay.release, stay.tenure)).ok_or_else(|| not_routed(missing.to_owned()))
    }
}

/// The release that is meant is not routed.
pub(super) fn not_routed(message: String) -> ApiError {
    ApiError::new(Kind::Refused("not_routed"), message)
}
