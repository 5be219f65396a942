//! The choice of an endpoint inside a release: least in flight of two choices.
//!
//! Comparing two random endpoints spreads load nearly as evenly as comparing all of them, and not every router rushes to
//! the same idle endpoint. An endpoint that is new or came back gets less than its share at first. A draining endpoint
//! gets nothing. An unhealthy endpoint gets nothing either, with one exception: if less than half of stable serves,
//! the health checks are more likely wrong than the release, so every endpoint of stable is tried.
//!
//! A suspicion never outweighs a refusal: an endpoint that is only ejected is tried before a request fails or goes to another
//! release ([`suspected_endpoint`]); and where half of a release or less serves, so is every other ([`last_endpoint`]).

use super::{draw::Draw, health::Health};
use crate::rollout::{
    table::{AppRoutes, EndpointRoute},
    target::{EndpointIndex, EndpointSlot, ReleaseIndex},
};

/// Chooses an endpoint of a release that is not in `tried`: of two random ones that serve, the one with fewer requests in
/// flight. `None` where there is none.
pub fn another_endpoint(
    app: &AppRoutes,
    release: ReleaseIndex,
    tried: &[EndpointSlot],
    health: &dyn Health,
    draw: &mut dyn Draw,
) -> Option<EndpointIndex> {
    let endpoints = &app.release(release).endpoints;
    let untried = |endpoint: &EndpointRoute| is_left(endpoint, tried);
    let serves = |endpoint: &EndpointRoute| untried(endpoint) && health.serves(endpoint.slot);
    let random = draw.random();
    if let Some(found) = among_two(endpoints, random, &serves, health) {
        return Some(found);
    }
    // At least one of the two does not serve, so all endpoints have to be looked at.
    if ignores_health(app, release, health) {
        least_of_two(endpoints, random, &untried, health)
    } else {
        least_of_two(endpoints, random, &serves, health)
    }
}

/// Chooses a serving endpoint that no recycle is going to replace, where there is one that a recycle will: so whoever has to go
/// there goes once.
pub(super) fn lasting_endpoint(
    app: &AppRoutes,
    release: ReleaseIndex,
    health: &dyn Health,
    draw: &mut dyn Draw,
) -> Option<EndpointIndex> {
    let endpoints = &app.release(release).endpoints;
    if !endpoints.iter().any(|endpoint| endpoint.outgoing) {
        return None;
    }
    let lasts =
        |endpoint: &EndpointRoute| !endpoint.draining && !endpoint.outgoing && health.serves(endpoint.slot);
    least_of_two(endpoints, draw.random(), &lasts, health)
}

/// Chooses an endpoint of a release that is not in `tried` and is only suspected: ejected, and not down by its checks.
pub fn suspected_endpoint(
    app: &AppRoutes,
    release: ReleaseIndex,
    tried: &[EndpointSlot],
    health: &dyn Health,
    draw: &mut dyn Draw,
) -> Option<EndpointIndex> {
    let accept = |endpoint: &EndpointRoute| is_left(endpoint, tried) && health.suspected(endpoint.slot);
    least_of_two(&app.release(release).endpoints, draw.random(), &accept, health)
}

/// Chooses any endpoint of a release that is not in `tried`, if the release is degraded: half of it serves, or less. If not, one
/// that came back since it was last asked for.
pub fn last_endpoint(
    app: &AppRoutes,
    release: ReleaseIndex,
    tried: &[EndpointSlot],
    health: &dyn Health,
    draw: &mut dyn Draw,
) -> Option<EndpointIndex> {
    let endpoints = &app.release(release).endpoints;
    let stays = || endpoints.iter().filter(|endpoint| !endpoint.draining);
    let serving = stays().filter(|endpoint| health.serves(endpoint.slot)).count();
    let degraded = serving * 2 <= stays().count();
    let accept =
        |endpoint: &EndpointRoute| is_left(endpoint, tried) && (degraded || health.serves(endpoint.slot));
    least_of_two(endpoints, draw.random(), &accept, health)
}

/// Whether an endpoint takes requests, as far as the table says, and was not tried yet.
fn is_left(endpoint: &EndpointRoute, tried: &[EndpointSlot]) -> bool {
    !endpoint.draining && !tried.contains(&endpoint.slot)
}

/// The endpoint that a client's hash prefers among those that take requests.
pub(super) fn affine_endpoint(
    app: &AppRoutes,
    release: ReleaseIndex,
    hash: u64,
    health: &dyn Health,
) -> Option<EndpointIndex> {
    let ignored = ignores_health(app, release, health);
    let takes = |endpoint: &EndpointRoute| !endpoint.draining && (ignored || health.serves(endpoint.slot));
    preferred(&app.release(release).endpoints, hash, takes)
}

/// The acceptable endpoint that a number prefers (rendezvous hashing, Thaler and Ravishankar 1996). When an endpoint comes
/// or goes, only the numbers that prefer it change their endpoint.
pub(super) fn preferred(
    endpoints: &[EndpointRoute],
    number: u64,
    accept: impl Fn(&EndpointRoute) -> bool,
) -> Option<EndpointIndex> {
    let acceptable = endpoints.iter().enumerate().filter(|(_, endpoint)| accept(endpoint));
    acceptable
        .max_by_key(|(_, endpoint)| mixed(number ^ u64::from(endpoint.tag)))
        .map(|(index, _)| EndpointIndex(index))
}

/// The last step of SplitMix64: every bit of the number influences every bit of the result.
fn mixed(number: u64) -> u64 {
    let mut mixed = number.wrapping_add(0x9E37_79B9_7F4A_7C15);
    mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
    mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
    mixed ^ (mixed >> 31)
}

/// Chooses any endpoint of a release, whatever its health; a draining one only if there is no other.
pub(super) fn any_endpoint(
    app: &AppRoutes,
    release: ReleaseIndex,
    health: &dyn Health,
    draw: &mut dyn Draw,
) -> Option<EndpointIndex> {
    let (endpoints, random) = (&app.release(release).endpoints, draw.random());
    let stays = |endpoint: &EndpointRoute| !endpoint.draining;
    least_of_two(endpoints, random, &stays, health)
        .or_else(|| least_of_two(endpoints, random, &|_| true, health))
}

/// Whether any endpoint of a release serves, or may serve.
pub(super) fn any_serves(app: &AppRoutes, release: ReleaseIndex, health: &dyn Health) -> bool {
    let may_serve = |slot| health.serves(slot) || health.suspected(slot);
    let takes = |endpoint: &EndpointRoute| !endpoint.draining && may_serve(endpoint.slot);
    app.release(release).endpoints.iter().any(takes)
}

/// Whether this is the stable release, and less than half of it serves.
pub(super) fn ignores_health(app: &AppRoutes, release: ReleaseIndex, health: &dyn Health) -> bool {
    let endpoints = || app.release(release).endpoints.iter().filter(|endpoint| !endpoint.draining);
    app.stable == Some(release)
        && endpoints().filter(|endpoint| health.serves(endpoint.slot)).count() * 2 < endpoints().count()
}

/// The less loaded of two random endpoints, if both are acceptable. This is the usual case, and its cost does not grow
/// with the release.
fn among_two(
    endpoints: &[EndpointRoute],
    random: u64,
    accept: &dyn Fn(&EndpointRoute) -> bool,
    health: &dyn Health,
) -> Option<EndpointIndex> {
    let (one, other) = two_of(endpoints.len(), random)?;
    let both = accept(&endpoints[one]) && accept(&endpoints[other]);
    both.then(|| less_loaded(endpoints, (one, other), random, health))
}

/// The less loaded of two random acceptable endpoints, each found by its rank among the acceptable ones.
fn least_of_two(
    endpoints: &[EndpointRoute],
    random: u64,
    accept: &dyn Fn(&EndpointRoute) -> bool,
    health: &dyn Health,
) -> Option<EndpointIndex> {
    let acceptable = || endpoints.iter().enumerate().filter(|(_, endpoint)| accept(endpoint));
    let (one, other) = two_of(acceptable().count(), random)?;
    let ranked = |rank: usize| acceptable().nth(rank).map(|(index, _)| index);
    // Health may change between the two passes; the first is then as good as any.
    let one = ranked(one).or_else(|| ranked(0))?;
    let other = ranked(other).unwrap_or(one);
    Some(less_loaded(endpoints, (one, other), random, health))
}

/// The endpoint with fewer requests in flight. If one of the two is still starting slowly, it is chosen in proportion to
/// its weight instead: at a light load both would have nothing in flight.
fn less_loaded(
    endpoints: &[EndpointRoute],
    (one, other): (usize, usize),
    random: u64,
    health: &dyn Health,
) -> EndpointIndex {
    let weight = |index: usize| u64::from(health.weight(endpoints[index].slot));
    let (weight_of_one, weight_of_other) = (weight(one), weight(other));
    if weight_of_one != weight_of_other {
        let (slow, usual) = if weight_of_one < weight_of_other { (one, other) } else { (other, one) };
        let (least, most) = (weight_of_one.min(weight_of_other), weight_of_one.max(weight_of_other));
        // The places were drawn from the high bits of both halves, so the low bits are an independent draw.
        return EndpointIndex(if random % most < least { slow } else { usual });
    }
    let load = |index: usize| health.in_flight(endpoints[index].slot);
    EndpointIndex(if load(other) < load(one) { other } else { one })
}

/// Two different places below `count`, all equally likely; the same place twice if `count` is 1.
fn two_of(count: usize, random: u64) -> Option<(usize, usize)> {
    let scaled = |random: u64, below: usize| {
        usize::try_from(((random & 0xFFFF_FFFF) * below as u64) >> 32).unwrap_or_default()
    };
    match count {
        0 => None,
        1 => Some((0, 0)),
        _ => {
            let one = scaled(random >> 32, count);
            Some((one, (one + 1 + scaled(random, count - 1)) % count))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn two_places_differ_and_are_in_range() {
        assert_eq!(two_of(0, 1), None);
        assert_eq!(two_of(1, u64::MAX), Some((0, 0)));
        for count in [2, 3, 10, 10_000] {
            for random in (0..1_000u64).map(|step| step.wrapping_mul(0x9E37_79B9_7F4A_7C15)).chain([u64::MAX])
            {
                let (one, other) = two_of(count, random).unwrap();
                assert!(one != other && one < count && other < count, "{one} {other} of {count}");
            }
        }
    }
}
