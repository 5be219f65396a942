//! Overrides: the endpoint for a request whose release a tester chose.

use super::{
    Assignment, Draw, Health, PinChange, Reason, Unroutable,
    decide::Place,
    endpoints::{another_endpoint, any_endpoint},
};
use crate::rollout::table::{AppRoutes, EndpointRoute};

/// See [`super::overridden`].
pub(super) fn choose(
    app: &AppRoutes,
    release: usize,
    affinity: Option<u64>,
    health: &dyn Health,
    draw: &mut dyn Draw,
) -> Result<Assignment, Unroutable> {
    let kept = affinity.and_then(|affinity| preferred(&app.releases[release].endpoints, affinity, health));
    let endpoint = kept
        .or_else(|| another_endpoint(app, release, &[], health, draw))
        .or_else(|| any_endpoint(app, release, health, draw))
        .ok_or(Unroutable::NoRelease)?;
    Ok(Place { release, endpoint, reason: Reason::Override }.with(PinChange::Keep))
}

/// Of the endpoints that serve, the one that this number prefers: each number has an order of its own of all
/// endpoints, so that one which goes or comes moves nobody else (rendezvous hashing).
fn preferred(endpoints: &[EndpointRoute], affinity: u64, health: &dyn Health) -> Option<usize> {
    let takes = |endpoint: &EndpointRoute| !endpoint.draining && health.serves(endpoint.slot);
    let serving = endpoints.iter().enumerate().filter(|(_, endpoint)| takes(endpoint));
    let best = serving.max_by_key(|(_, endpoint)| mixed(affinity ^ u64::from(endpoint.tag)));
    best.map(|(index, _)| index)
}

/// A number whose every bit depends on every bit of the other (the finish of SplitMix64).
fn mixed(number: u64) -> u64 {
    let number = (number ^ (number >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
    let number = (number ^ (number >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
    number ^ (number >> 31)
}
