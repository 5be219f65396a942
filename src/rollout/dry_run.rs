//! Dry run: which of the clients seen lately a change of the record would move, from where to where, and when.
//!
//! For each group of clients [`assign`] is asked twice: on the table as it is, and on the table as it would be. No rule is
//! repeated here, so the dry run and the change itself cannot differ. A move that would happen without the change as well
//! (by a drain that is under way) is left out.

use serde::{Deserialize, Serialize};

use super::{
    assign::{Draw, Health, PinEvidence, RequestFacts, assign},
    pin::Pin,
    record::Tenure,
    table::AppRoutes,
};
use crate::rollout::target::{EndpointSlot, ReleaseSlot};

/// Clients seen lately whose pins are the same as far as routing goes.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct ClientGroup {
    /// The tenure they are pinned to.
    pub tenure: Tenure,
    /// Their bucket, 0..10,000.
    pub bucket: u16,
    /// Whether `shielded` or `fallback` moved them off the candidate.
    pub left_candidate: bool,
    /// How many clients the group stands for. A fraction, since it is scaled up from a sample.
    pub clients: f64,
}

/// When a client moves. Ordered: the soonest first.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[cfg_attr(test, derive(utoipa::ToSchema))]
#[serde(rename_all = "kebab-case")]
pub enum MoveTime {
    /// With its next request, whatever that is.
    AtOnce,
    /// With its next top-level navigation.
    NextPage,
    /// With its first top-level navigation after `drainseconds`, and at the latest when its release retires.
    AfterDrain,
}

/// Clients that move between the same tenures at the same time.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Move {
    /// The tenure they leave.
    pub from: Tenure,
    /// The tenure they go to.
    pub to: Tenure,
    /// When they move.
    pub when: MoveTime,
    /// How many clients move.
    pub clients: f64,
}

/// One side of the comparison: an app's routes, and the health of its releases.
#[derive(Clone, Copy)]
pub struct Side<'a> {
    /// The routes.
    pub app: &'a AppRoutes,
    /// The health of endpoints and drains, by the slots of these routes.
    pub health: &'a dyn Health,
}

/// Lists the moves that follow when `now` becomes `after`: the soonest first, and of those the largest first. `hour` is in
/// hours since the Unix epoch.
pub fn list_moves(now: Side<'_>, after: Side<'_>, groups: &[ClientGroup], hour: u32) -> Vec<Move> {
    let mut moves: Vec<Move> = Vec::new();
    // Without pins no client has a release to move from.
    for group in groups.iter().filter(|_| now.app.sticky && after.app.sticky) {
        let Some((when, to)) = next_move(after, group, hour) else { continue };
        if next_move(now, group, hour) == Some((when, to)) {
            continue;
        }
        let same = |each: &&mut Move| (each.from, each.to, each.when) == (group.tenure, to, when);
        match moves.iter_mut().find(same) {
            Some(known) => known.clients += group.clients,
            None => moves.push(Move { from: group.tenure, to, when, clients: group.clients }),
        }
    }
    moves.sort_by(|a, b| a.when.cmp(&b.when).then(b.clients.total_cmp(&a.clients)));
    moves
}

/// When and where these clients move on this side; `None` if they stay.
fn next_move(side: Side<'_>, group: &ClientGroup, hour: u32) -> Option<(MoveTime, Tenure)> {
    let steps = [
        (MoveTime::AtOnce, false, false),
        (MoveTime::NextPage, true, false),
        (MoveTime::AfterDrain, true, true),
    ];
    steps.into_iter().find_map(|(when, navigation, drains_over)| {
        let seconds = u64::from(hour) * 3_600;
        let pin = PinEvidence::Valid(pin_of(group));
        let request = RequestFacts { pin, navigation, seconds, ..RequestFacts::default() };
        let health = SupposedHealth { health: side.health, drains_over };
        let to = assign(side.app, &request, &health, &mut FixedDraw).ok()?;
        let tenure = side.app.release(to.target.release).tenure;
        (tenure != group.tenure).then_some((when, tenure))
    })
}

/// A pin that is routed as the group's pins are. It names no endpoint, which decides nothing between releases.
fn pin_of(group: &ClientGroup) -> Pin {
    Pin { bucket: group.bucket, tenure: group.tenure, left_candidate: group.left_candidate, ..Pin::default() }
}

/// The present health, with all drains over if that is supposed.
struct SupposedHealth<'a> {
    health: &'a dyn Health,
    drains_over: bool,
}

impl Health for SupposedHealth<'_> {
    fn serves(&self, endpoint: EndpointSlot) -> bool {
        self.health.serves(endpoint)
    }

    fn suspected(&self, endpoint: EndpointSlot) -> bool {
        self.health.suspected(endpoint)
    }

    fn in_flight(&self, endpoint: EndpointSlot) -> u32 {
        self.health.in_flight(endpoint)
    }

    fn endpoint_drain_over(&self, endpoint: EndpointSlot) -> bool {
        self.drains_over || self.health.endpoint_drain_over(endpoint)
    }

    fn draws(&self, release: ReleaseSlot) -> bool {
        self.health.draws(release)
    }

    fn drain_over(&self, release: ReleaseSlot) -> bool {
        self.drains_over || self.health.drain_over(release)
    }
}

/// No randomness: it does not matter here which endpoint is chosen.
struct FixedDraw;

impl Draw for FixedDraw {
    fn bucket(&mut self, _: &AppRoutes) -> u16 {
        0
    }

    fn random(&mut self) -> u64 {
        0
    }
}
