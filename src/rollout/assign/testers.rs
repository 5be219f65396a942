//! Overrides: the endpoint for a request whose release a tester chose.

use super::{
    assignment::{Assignment, PinChange, Unroutable},
    decide::Place,
    draw::Draw,
    endpoints::{another_endpoint, any_endpoint, preferred},
    health::Health,
    reason::Reason,
};
use crate::rollout::{
    table::{AppRoutes, EndpointRoute},
    target::{ReleaseIndex, Target},
};

/// Sends a request to the release that a tester chose (docs/design.md section 5).
///
/// The pin is neither read nor set. A release without a serving endpoint still gets the request, since a tester wants to
/// see what was chosen. Requests with the same `affinity` keep to one endpoint as long as it serves.
///
/// # Errors
/// The release has no endpoint.
pub fn assign_override(
    app: &AppRoutes,
    release: ReleaseIndex,
    affinity: Option<u64>,
    health: &dyn Health,
    draw: &mut dyn Draw,
) -> Result<Assignment, Unroutable> {
    let takes = |endpoint: &EndpointRoute| !endpoint.draining && health.serves(endpoint.slot);
    let kept = affinity.and_then(|affinity| preferred(&app.release(release).endpoints, affinity, takes));
    let endpoint = kept
        .or_else(|| another_endpoint(app, release, &[], health, draw))
        .or_else(|| any_endpoint(app, release, health, draw))
        .ok_or(Unroutable::NoRelease)?;
    Ok(Place { target: Target { release, endpoint }, reason: Reason::Override }.with(PinChange::Keep))
}
