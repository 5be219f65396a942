//! Staying with the endpoint to which a client's connection is bound by a login (docs/design.md section 6).
//!
//! The pin decides, as for everybody. A client that keeps no cookies has the pin that it was given, as long as the login lasts:
//! otherwise each request of a handshake would be drawn anew, and none would ever end. Where no pin decides among endpoints, the
//! login does.

use crate::{
    proxy::worker::local::LocalApp,
    rollout::{
        assign::{Assignment, PinEvidence, Reason},
        table::{EndpointRoute, Standing},
        target::{EndpointIndex, ReleaseIndex, Target},
    },
    upstream::login::LoginLink,
};

/// The pin by which a client goes: its own, or without one that which it was given when it logged in.
#[cold]
pub fn pin_with(login: &LoginLink, app: &LocalApp, own: PinEvidence) -> PinEvidence {
    match (own, login.pin) {
        (PinEvidence::None, Some(pin)) if login.app == app.routes.slot => PinEvidence::Valid(pin),
        _ => own,
    }
}

/// Lets a request that no pin sends to an endpoint go to that of the login, if a request like it may go there.
#[cold]
pub fn follow(login: &LoginLink, app: &LocalApp, assignment: &mut Assignment) {
    let overridden = assignment.reason == Reason::Override;
    if app.routes.sticky && !overridden {
        return;
    }
    let release = assignment.target.release;
    let allowed = |index: ReleaseIndex| match app.routes.release(index).standing {
        _ if index == release => true,
        Standing::Stable => !overridden,
        Standing::Candidate => !overridden && app.routes.blend.hundredths() > 0,
        _ => false,
    };
    let releases = (0..app.releases.len()).map(ReleaseIndex).filter(|index| allowed(*index));
    let mut targets =
        releases.filter_map(|release| Some(Target { release, endpoint: endpoint_of(login, app, release)? }));
    if let Some(target) = targets.next() {
        assignment.target = target;
    }
}

/// The endpoint of the login, if this release has it and it takes requests.
fn endpoint_of(login: &LoginLink, app: &LocalApp, release: ReleaseIndex) -> Option<EndpointIndex> {
    let endpoints = &app.release(release).endpoints;
    let takes_requests = |route: &EndpointRoute| !route.draining && route.slot == login.to.slot;
    let place =
        endpoints.iter().position(|endpoint| takes_requests(&endpoint.route) && endpoint.state.serves());
    place.map(EndpointIndex)
}
