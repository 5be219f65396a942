//! Commands that drain single endpoints: an endpoint that somebody is going to stop gets no new clients.

use super::{
    case::{Case, Effect},
    draft::Draft,
    refusal::Refusal,
};
use crate::{
    limits::{DRAIN_SECONDS_MAX, ENDPOINT_DRAINS_MAX},
    rollout::{address::Address, record::EndpointDrain, release::ReleaseId},
};

/// `drain endpoint`. Repeating it with another time moves the deadline.
pub(super) fn drain(
    case: &Case<'_>,
    draft: &mut Draft<'_>,
    (release, address): (&ReleaseId, Address),
    seconds: Option<u64>,
    softly: bool,
) -> Result<Effect, Refusal> {
    if let Some(seconds) = seconds.filter(|seconds| *seconds > u64::from(DRAIN_SECONDS_MAX)) {
        let message = format!("{seconds} is not a whole number of seconds from 0 to {DRAIN_SECONDS_MAX}");
        return Err(Refusal::Value { field: "seconds", message });
    }
    if !draft.next.names(release) {
        let message = format!("{release} is neither routed nor the previous release");
        return Err(Refusal::state("not_routed", message));
    }
    let since = case.asker.at;
    let length_ms = seconds.map_or(case.background.drain_max_ms, |seconds| seconds * 1_000);
    let known = draft.next.endpoint_drains.iter_mut().find(|drain| drain.is_of(release, address));
    match known {
        // Who drains it once more may cut what a soft drain spares, and not the other way round.
        Some(known) => {
            let is_moved = seconds.is_some() && known.length_ms() != length_ms;
            let softly = known.softly && softly;
            if !is_moved && known.softly == softly {
                return Ok(Effect::Unchanged);
            }
            case.check_if_match()?;
            known.softly = softly;
            if is_moved {
                known.until = known.since.saturating_add(length_ms);
            }
        }
        None => {
            case.check_if_match()?;
            if draft.next.endpoint_drains.len() >= ENDPOINT_DRAINS_MAX {
                let message = format!(
                    "{ENDPOINT_DRAINS_MAX} endpoints drain already, which is the most: end one of these drains first"
                );
                return Err(Refusal::state("too_many_drains", message));
            }
            let until = since.saturating_add(length_ms);
            let drain = EndpointDrain { release: release.clone(), address, since, until, softly };
            draft.next.endpoint_drains.push(drain);
        }
    }
    Ok(Effect::Changed)
}

/// `undrain endpoint`: it gets clients as before, and no recycle replaces it.
pub(super) fn undrain(
    case: &Case<'_>,
    draft: &mut Draft<'_>,
    (release, address): (&ReleaseId, Address),
) -> Result<Effect, Refusal> {
    let drains = draft.next.endpoint_drains.iter().any(|drain| drain.is_of(release, address));
    if !drains && !draft.next.is_outgoing(release, address) {
        return Ok(Effect::Unchanged);
    }
    case.check_if_match()?;
    draft.next.endpoint_drains.retain(|drain| !drain.is_of(release, address));
    for recycle in draft.next.recycles.iter_mut().filter(|recycle| recycle.release == *release) {
        recycle.outgoing.remove(&address);
    }
    Ok(Effect::Changed)
}
