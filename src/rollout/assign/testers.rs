//! Overrides: the endpoint for a request whose release a tester chose.

use super::{
    Assignment, Draw, Health, PinChange, Reason, Unroutable,
    decide::Place,
    endpoints::{another_endpoint, any_endpoint, preferred},
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
    let takes = |endpoint: &EndpointRoute| !endpoint.draining && health.serves(endpoint.slot);
    let kept = affinity.and_then(|affinity| preferred(&app.releases[release].endpoints, affinity, takes));
    let endpoint = kept
        .or_else(|| another_endpoint(app, release, &[], health, draw))
        .or_else(|| any_endpoint(app, release, health, draw))
        .ok_or(Unroutable::NoRelease)?;
    Ok(Place { release, endpoint, reason: Reason::Override }.with(PinChange::Keep))
}
