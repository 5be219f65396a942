//! Commands that say which endpoints of a release are replaced one by one. Whoever has to leave one of them is sent to none that
//! goes too.

use std::collections::BTreeSet;

use super::{
    case::{Case, Effect},
    draft::Draft,
    refusal::Refusal,
};
use crate::{
    limits::APPROVED_ENDPOINTS_MAX,
    rollout::{
        address::Address, approval_standing::tenure_of, endpoint::Endpoint, record::EndpointRecycle,
        release::ReleaseId,
    },
};

/// `begin recycle`. A release that the app does not name has no clients who could be sent anywhere.
pub(super) fn begin(
    case: &Case<'_>,
    draft: &mut Draft<'_>,
    release: &ReleaseId,
    outgoing: &BTreeSet<Address>,
    ends_approvals: bool,
) -> Result<Effect, Refusal> {
    if !draft.next.names(release) {
        return Ok(Effect::Unchanged);
    }
    let next = EndpointRecycle { release: release.clone(), outgoing: outgoing.clone() };
    let approved = draft.next.approvals.len();
    draft.next.approvals.retain(|approvals| !ends_approvals || approvals.release != *release);
    if approved == draft.next.approvals.len() && draft.next.recycles.contains(&next) {
        return Ok(Effect::Unchanged);
    }
    case.check_if_match()?;
    draft.next.recycles.retain(|recycle| recycle.release != *release);
    draft.next.recycles.push(next);
    Ok(Effect::Changed)
}

/// `replace endpoint`. Whoever approved what goes has approved what comes.
pub(super) fn replace_endpoint(
    case: &Case<'_>,
    draft: &mut Draft<'_>,
    release: &ReleaseId,
    old: Address,
    new: Address,
) -> Result<Effect, Refusal> {
    let tenure = tenure_of(&draft.next, release);
    let (old, new) = (Endpoint::from(old), Endpoint::from(new));
    let holds = draft.next.approvals.iter_mut().find(|approvals| {
        let endpoints = &approvals.endpoints;
        approvals.release == *release
            && approvals.tenure == tenure
            && endpoints.contains(&old)
            && !endpoints.contains(&new)
            && endpoints.len() < APPROVED_ENDPOINTS_MAX
    });
    let Some(approvals) = holds else { return Ok(Effect::Unchanged) };
    case.check_if_match()?;
    approvals.endpoints.insert(new);
    Ok(Effect::Changed)
}

/// `end recycle`. What it had sent clients away from and did not replace takes them again.
pub(super) fn end(case: &Case<'_>, draft: &mut Draft<'_>, release: &ReleaseId) -> Result<Effect, Refusal> {
    let Some(at) = draft.next.recycles.iter().position(|recycle| recycle.release == *release) else {
        return Ok(Effect::Unchanged);
    };
    case.check_if_match()?;
    let outgoing = draft.next.recycles.remove(at).outgoing;
    draft
        .next
        .endpoint_drains
        .retain(|drain| !(drain.softly && drain.release == *release && outgoing.contains(&drain.address)));
    Ok(Effect::Changed)
}
