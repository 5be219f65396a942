//! What a tester's preview or override header comes to.

use serde::{Deserialize, Serialize};

use super::{
    request::Request,
    word::{TesterFault, TesterMeans},
};
use crate::rollout::{
    table::AppRoutes,
    target::ReleaseIndex,
    tester::{HeaderFault, PreviewFault, choose_by_header, choose_by_preview},
};

/// What a tester's preview or override header says.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[cfg_attr(test, derive(utoipa::ToSchema))]
#[serde(default)]
pub struct TesterReport {
    /// How the tester chose.
    pub found: TesterMeans,
    /// Why that leads nowhere; `untrusted`: the header is ignored, since it comes from elsewhere than the app's
    /// `override.networks`; null: nothing is wrong.
    pub fault: Option<TesterFault>,
    /// When the preview ends, Unix ms; null: there is none.
    pub expires: Option<u64>,
}

/// What the sender of a request chose.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum TesterChoice {
    /// Nothing: pin and bucket decide.
    None,
    /// A release.
    Release {
        /// The release.
        release: ReleaseIndex,
        /// The number by which its endpoint is chosen.
        affinity: Option<u64>,
    },
    /// Something that leads to no release.
    Refused {
        /// The HTTP status of the answer.
        status: u16,
    },
}

impl TesterReport {
    /// Whether it decides about the request, even if the request is refused.
    pub(super) fn decides(&self) -> bool {
        self.found != TesterMeans::None && self.fault != Some(TesterFault::Untrusted)
    }
}

/// Reads a request as the data plane does: the header first, if it comes from a trusted network, then the cookies.
pub(super) fn read(app: &AppRoutes, request: &Request<'_>) -> (TesterReport, TesterChoice) {
    let trusted = request.address.is_some_and(|address| app.settings.overriding.trusts(address));
    if trusted && let Some(read) = read_header(app, request) {
        return read;
    }
    if !request.preview_tokens.is_empty() {
        return read_preview(app, request);
    }
    let fault = (!request.override_values.is_empty()).then_some(TesterFault::Untrusted);
    let found = if fault.is_some() { TesterMeans::Header } else { TesterMeans::None };
    (TesterReport { found, fault, expires: None }, TesterChoice::None)
}

fn read_header(app: &AppRoutes, request: &Request<'_>) -> Option<(TesterReport, TesterChoice)> {
    let report = TesterReport { found: TesterMeans::Header, ..TesterReport::default() };
    match choose_by_header(app, request.override_values.iter().copied()) {
        Ok(None) => None,
        Ok(Some(release)) => Some((report, TesterChoice::Release { release, affinity: None })),
        Err(fault) => {
            let found = match fault {
                HeaderFault::Twice => TesterFault::Twice,
                HeaderFault::UnknownRelease => TesterFault::UnknownRelease,
            };
            let refused = TesterChoice::Refused { status: fault.status() };
            Some((TesterReport { fault: Some(found), ..report }, refused))
        }
    }
}

fn read_preview(app: &AppRoutes, request: &Request<'_>) -> (TesterReport, TesterChoice) {
    let report = TesterReport { found: TesterMeans::Preview, ..TesterReport::default() };
    match choose_by_preview(app, request.preview_tokens.iter().copied(), request.now) {
        Ok(target) => {
            let report = TesterReport { expires: Some(target.expires), ..report };
            let (release, affinity) = (target.release, Some(target.affinity));
            (report, TesterChoice::Release { release, affinity })
        }
        Err(fault) => {
            let found = match fault {
                PreviewFault::Forged => TesterFault::Forged,
                PreviewFault::Expired => TesterFault::Expired,
                PreviewFault::Revoked => TesterFault::Revoked,
                PreviewFault::Left => TesterFault::Left,
            };
            let refused = TesterChoice::Refused { status: fault.status() };
            (TesterReport { fault: Some(found), ..report }, refused)
        }
    }
}
