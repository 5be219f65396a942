//! What a tester's means of choosing a release come to: a preview grant, or the override header.

use serde::Serialize;

use super::Request;
use crate::rollout::{
    preview::PreviewFault,
    table::AppRoutes,
    tester::{HeaderFault, by_grant, by_header},
};

/// What a tester's means say.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub struct TesterSaid {
    /// `none`, `preview` (a grant), or `header`.
    pub found: &'static str,
    /// Why it leads nowhere: `forged`, `expired`, `revoked`, `left`, `twice`, `unknown-release`; or why it does not
    /// count: `untrusted`.
    pub fault: Option<&'static str>,
    /// When the grant ends, Unix ms.
    pub expires: Option<u64>,
}

/// Who decides about a request.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Chooser {
    /// Pin and bucket.
    Nobody,
    /// Its sender: the release (by index), and the number by which its endpoint is chosen.
    Sender(usize, Option<u64>),
    /// Its sender, in vain: the answer has this status.
    Vain(u16),
}

impl TesterSaid {
    const NOTHING: Self = Self { found: "none", fault: None, expires: None };

    /// Whether it decides, be it in vain.
    pub(super) fn decides(&self) -> bool {
        self.found != "none" && self.fault != Some(UNTRUSTED)
    }
}

/// The header comes from where nobody trusts it.
const UNTRUSTED: &str = "untrusted";

/// Reads a request as the data plane does: the header first, if it comes from a trusted network, then the cookies.
pub(super) fn read(app: &AppRoutes, request: &Request<'_>) -> (TesterSaid, Chooser) {
    let trusted = request.address.is_some_and(|address| app.settings.overriding.trusts(address));
    if trusted && let Some(read) = by_the_header(app, request) {
        return read;
    }
    if !request.grants.is_empty() {
        return by_the_grant(app, request);
    }
    let fault = (!request.overrides.is_empty()).then_some(UNTRUSTED);
    let found = if fault.is_some() { "header" } else { "none" };
    (TesterSaid { found, fault, expires: None }, Chooser::Nobody)
}

fn by_the_header(app: &AppRoutes, request: &Request<'_>) -> Option<(TesterSaid, Chooser)> {
    let said = TesterSaid { found: "header", ..TesterSaid::NOTHING };
    match by_header(app, request.overrides.iter().copied()) {
        Ok(None) => None,
        Ok(Some(release)) => Some((said, Chooser::Sender(release, None))),
        Err(fault) => {
            let word = match fault {
                HeaderFault::Twice => "twice",
                HeaderFault::UnknownRelease => "unknown-release",
            };
            Some((TesterSaid { fault: Some(word), ..said }, Chooser::Vain(fault.status())))
        }
    }
}

fn by_the_grant(app: &AppRoutes, request: &Request<'_>) -> (TesterSaid, Chooser) {
    let said = TesterSaid { found: "preview", ..TesterSaid::NOTHING };
    match by_grant(app, request.grants.iter().copied(), request.now) {
        Ok(granted) => {
            let said = TesterSaid { expires: Some(granted.expires), ..said };
            (said, Chooser::Sender(granted.release, Some(granted.affinity)))
        }
        Err(fault) => {
            let word = match fault {
                PreviewFault::Forged => "forged",
                PreviewFault::Expired => "expired",
                PreviewFault::Revoked => "revoked",
                PreviewFault::Left => "left",
            };
            (TesterSaid { fault: Some(word), ..said }, Chooser::Vain(fault.status()))
        }
    }
}
