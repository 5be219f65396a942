//! Who moves: which of the clients seen lately a change of the record would move, from where to where, and when.
//!
//! It asks [`assign`] for each sampled client, on the table as it is and on the table as it would be; nothing here knows
//! a rule of its own, so that what is foretold is what then happens. What would happen without the change as well (a
//! drain that is under way) is not the change's and is left out.

use serde::Serialize;

use super::{
    assign::{Asked, Draw, Health, PinEvidence, assign},
    pin::Pin,
    record::Tenure,
    table::AppRoutes,
};

/// Clients seen lately that have the same pin as far as routing goes.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Seen {
    /// The tenure they are pinned to.
    pub tenure: Tenure,
    /// Their bucket.
    pub bucket: u16,
    /// `shielded` or `fallback` moved them off the candidate.
    pub left_candidate: bool,
    /// How many they stand for.
    pub clients: f64,
}

/// When a client moves.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum When {
    /// With its next request, whatever that is.
    AtOnce,
    /// With its next top-level navigation.
    NextPage,
    /// With its first top-level navigation after `drainseconds`, and at the latest when its release retires.
    AfterDrain,
}

/// Clients that go the same way.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Move {
    /// The tenure they leave.
    pub from: Tenure,
    /// The tenure they go to.
    pub to: Tenure,
    /// When.
    pub when: When,
    /// How many.
    pub clients: f64,
}

/// One side of the comparison: routes, and how their releases do.
#[derive(Clone, Copy)]
pub struct Side<'a> {
    /// The routes.
    pub app: &'a AppRoutes,
    /// Their health, by their own slots.
    pub health: &'a dyn Health,
}

/// Who moves when `now` becomes `after`, the most first. `hour` is in hours since the Unix epoch.
pub fn moves(now: Side<'_>, after: Side<'_>, seen: &[Seen], hour: u32) -> Vec<Move> {
    let mut moves: Vec<Move> = Vec::new();
    // Without pins nobody has a place to move from.
    for seen in seen.iter().filter(|_| now.app.sticky && after.app.sticky) {
        let Some((when, to)) = fate(after, seen, hour) else { continue };
        if fate(now, seen, hour) == Some((when, to)) {
            continue;
        }
        let same = |each: &&mut Move| (each.from, each.to, each.when) == (seen.tenure, to, when);
        match moves.iter_mut().find(same) {
            Some(known) => known.clients += seen.clients,
            None => moves.push(Move { from: seen.tenure, to, when, clients: seen.clients }),
        }
    }
    moves.sort_by(|a, b| a.when.cmp(&b.when).then(b.clients.total_cmp(&a.clients)));
    moves
}

/// Where a client goes that does not stay, and when.
fn fate(side: Side<'_>, seen: &Seen, hour: u32) -> Option<(When, Tenure)> {
    let steps = [(When::AtOnce, false, false), (When::NextPage, true, false), (When::AfterDrain, true, true)];
    steps.into_iter().find_map(|(when, navigation, drained)| {
        let asked = Asked { pin: PinEvidence::Valid(pin(seen)), navigation, hour };
        let health = Later { health: side.health, drained };
        let to = assign(side.app, &asked, &health, &mut Any).ok()?;
        let tenure = side.app.releases[to.release].tenure;
        (tenure != seen.tenure).then_some((when, tenure))
    })
}

/// A pin that is routed as theirs are. An endpoint is none of its release's: it only says where inside the release.
fn pin(seen: &Seen) -> Pin {
    Pin {
        bucket: seen.bucket,
        client: 0,
        tenure: seen.tenure,
        endpoint: 0,
        hour: 0,
        move_day: 0,
        moves: 0,
        left_candidate: seen.left_candidate,
    }
}

/// The same health, when the drains may be over.
struct Later<'a> {
    health: &'a dyn Health,
    drained: bool,
}

impl Health for Later<'_> {
    fn serves(&self, endpoint: usize) -> bool {
        self.health.serves(endpoint)
    }

    fn in_flight(&self, endpoint: usize) -> u32 {
        self.health.in_flight(endpoint)
    }

    fn drain_over(&self, release: usize) -> bool {
        self.drained || self.health.drain_over(release)
    }
}

/// Which endpoint is chosen does not matter here.
struct Any;

impl Draw for Any {
    fn bucket(&mut self, _: &AppRoutes) -> u16 {
        0
    }

    fn random(&mut self) -> u64 {
        0
    }
}
