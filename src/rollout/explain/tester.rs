//! What a tester's preview or override header comes to.

use serde::Serialize;

use super::request::Request;
use crate::rollout::{
    table::AppRoutes,
    tester::{HeaderFault, PreviewFault, choose_by_header, choose_by_preview},
};

/// What a tester's preview or override header says.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub struct TesterReport {
    /// `none`, `preview` or `header`.
    pub found: &'static str,
    /// Why it leads nowhere: `forged`, `expired`, `revoked`, `left`, `twice`, `unknown-release`; or why it is ignored:
    /// `untrusted`.
    pub fault: Option<&'static str>,
    /// When the preview ends, Unix ms.
    pub expires: Option<u64>,
}

/// What the sender of a request chose.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum TesterChoice {
    /// Nothing: pin and bucket decide.
    None,
    /// A release.
    Release {
        /// Its index.
        release: usize,
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
    const NOTHING: Self = Self { found: "none", fault: None, expires: None };

    /// Whether it decides about the request, even if the request is refused.
    pub(super) fn decides(&self) -> bool {
        self.found != "none" && self.fault != Some(UNTRUSTED)
    }
}

/// The header comes from a network that is not trusted.
const UNTRUSTED: &str = "untrusted";

/// Reads a request as the data plane does: the header first, if it comes from a trusted network, then the cookies.
pub(super) fn read(app: &AppRoutes, request: &Request<'_>) -> (TesterReport, TesterChoice) {
    let trusted = request.address.is_some_and(|address| app.settings.overriding.trusts(address));
    if trusted && let Some(read) = read_header(app, request) {
        return read;
    }
    if !request.preview_tokens.is_empty() {
        return read_preview(app, request);
    }
    let fault = (!request.override_values.is_empty()).then_some(UNTRUSTED);
    let found = if fault.is_some() { "header" } else { "none" };
    (TesterReport { found, fault, expires: None }, TesterChoice::None)
}

fn read_header(app: &AppRoutes, request: &Request<'_>) -> Option<(TesterReport, TesterChoice)> {
    let report = TesterReport { found: "header", ..TesterReport::NOTHING };
    match choose_by_header(app, request.override_values.iter().copied()) {
        Ok(None) => None,
        Ok(Some(release)) => Some((report, TesterChoice::Release { release, affinity: None })),
        Err(fault) => {
            let word = match fault {
                HeaderFault::Twice => "twice",
                HeaderFault::UnknownRelease => "unknown-release",
            };
            let refused = TesterChoice::Refused { status: fault.status() };
            Some((TesterReport { fault: Some(word), ..report }, refused))
        }
    }
}

fn read_preview(app: &AppRoutes, request: &Request<'_>) -> (TesterReport, TesterChoice) {
    let report = TesterReport { found: "preview", ..TesterReport::NOTHING };
    match choose_by_preview(app, request.preview_tokens.iter().copied(), request.now) {
        Ok(target) => {
            let report = TesterReport { expires: Some(target.expires), ..report };
            let (release, affinity) = (target.release, Some(target.affinity));
            (report, TesterChoice::Release { release, affinity })
        }
        Err(fault) => {
            let word = match fault {
                PreviewFault::Forged => "forged",
                PreviewFault::Expired => "expired",
                PreviewFault::Revoked => "revoked",
                PreviewFault::Left => "left",
            };
            let refused = TesterChoice::Refused { status: fault.status() };
            (TesterReport { fault: Some(word), ..report }, refused)
        }
    }
}
