//! The old keys, parsed.

use super::old_keys::{OldKey, OldKeys};
use crate::rollout::{blend::Blend, record::Record, release::ReleaseId};

/// An old key whose value is not allowed.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{key}: `{}` is not {allowed}", value.escape_debug())]
pub struct RawFault {
    /// Which of the four: `stable/id`, `candidate/id`, `blendpercent`, `stickyness`.
    pub key: &'static str,
    /// Its value.
    pub value: String,
    /// What is allowed.
    pub allowed: &'static str,
}

/// The parsed values; `None` where a key is missing or its value is not allowed.
#[derive(Default)]
pub(super) struct ParsedKeys {
    pub(super) stable: Option<Option<ReleaseId>>,
    pub(super) candidate: Option<Option<ReleaseId>>,
    pub(super) blend: Option<Blend>,
    pub(super) sticky: Option<bool>,
    pub(super) faults: Vec<RawFault>,
}

impl ParsedKeys {
    pub(super) fn of(keys: &OldKeys) -> Self {
        let mut faults = Vec::new();
        Self {
            stable: read(keys, OldKey::Stable, &mut faults, |text| ReleaseId::parse_nullable(text).ok()),
            candidate: read(keys, OldKey::Candidate, &mut faults, |text| {
                ReleaseId::parse_nullable(text).ok()
            }),
            blend: read(keys, OldKey::Blend, &mut faults, |text| text.parse().ok()),
            sticky: read(keys, OldKey::Sticky, &mut faults, |text| match text {
                "0" => Some(false),
                "1" => Some(true),
                _ => None,
            }),
            faults,
        }
    }

    pub(super) fn is_empty(&self) -> bool {
        self.stable.is_none() && self.candidate.is_none() && self.blend.is_none() && self.sticky.is_none()
    }

    /// Leaves `stable/id` out, and returns its release, if that release may not become stable yet, and is not stable already.
    pub(super) fn hold_back_stable(
        &mut self,
        now: &Record,
        is_fit: &dyn Fn(&ReleaseId) -> bool,
    ) -> Option<ReleaseId> {
        let named = self.stable.as_ref()?.as_ref()?;
        if now.stable_release() == Some(named) || is_fit(named) {
            return None;
        }
        self.stable.take().flatten()
    }

    /// Leaves out the null of a candidate while a release waits to become stable; `true` if there was one. Whoever promotes by
    /// keys writes both: until the one is adopted, the other would only send the candidate's clients away.
    pub(super) fn hold_back_candidate(&mut self, now: &Record) -> bool {
        let drops = self.candidate == Some(None) && now.candidate.is_some();
        if drops {
            self.candidate = None;
        }
        drops
    }

    /// Leaves out the null that would leave the app without a release, and returns its key. A script that promotes twice
    /// writes it, and so does an old set-up script on a live app; both mean no harm, and all clients would get 503. A null
    /// over stable is held beside a candidate too: the clients that the candidate does not get would have nowhere to go.
    pub(super) fn hold_back_null(
        &mut self,
        now: &Record,
        endpoints: &dyn Fn(&ReleaseId) -> usize,
    ) -> Option<OldKey> {
        let serves = |release: Option<&ReleaseId>| release.is_some_and(|release| endpoints(release) > 0);
        if self.stable == Some(None) && serves(now.stable_release()) {
            self.stable = None;
            return Some(OldKey::Stable);
        }
        let has_stable = now.stable.is_some() || self.stable.as_ref().is_some_and(Option::is_some);
        if self.candidate == Some(None) && !has_stable && serves(now.candidate_release()) {
            self.candidate = None;
            return Some(OldKey::Candidate);
        }
        None
    }
}

/// Parses one key. White space around the value is left out: scripts sometimes end values with a line break.
fn read<T>(
    keys: &OldKeys,
    key: OldKey,
    faults: &mut Vec<RawFault>,
    parse: impl Fn(&str) -> Option<T>,
) -> Option<T> {
    let text = keys.get(key)?;
    let value = parse(text.trim_ascii());
    if value.is_none() {
        faults.push(RawFault { key: key.name(), value: text.to_owned(), allowed: key.allowed() });
    }
    value
}
