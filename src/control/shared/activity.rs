//! What every routed release does now, as the sampler last counted it: rates and quantiles.

use std::collections::HashMap;

pub use crate::schema::activity::{Activity, Moves};
use crate::{
    live::activity::ReleaseTotal,
    rollout::{app::AppName, assign::Reason, table::ReleaseKey},
};

impl Activity {
    /// Nothing is open, and no pin came back lately.
    pub fn nobody_is_left(&self) -> bool {
        (self.open_requests, self.open_sockets, self.pinned) == (0, 0, 0)
    }
}

/// All activity at one moment.
#[derive(Debug, Default)]
pub struct ActivityBoard {
    pub releases: HashMap<ReleaseKey, Activity>,
    /// Percent of unpinned clients that were sent to the candidate since candidate or blend last changed.
    pub drawn: HashMap<AppName, f64>,
    /// Of the clients whose pins for stable or for the candidate came back lately, the percent with the candidate's.
    pub confirmed: HashMap<AppName, f64>,
    /// How many clients were moved, and why: the router's promise, measured.
    pub moves: HashMap<AppName, Moves>,
}

impl Moves {
    /// Adds the moves to one release.
    pub fn add(&mut self, total: &ReleaseTotal) {
        self.bounces += total.bounces;
        self.bounces_without_pin += total.bounces_without_pin;
        for (reason, count) in total.moves.iter().flat_map(|counts| Reason::ALL.iter().zip(counts)) {
            if *count > 0 {
                self.total += count;
                *self.reasons.entry(reason.as_str().to_owned()).or_default() += count;
            }
        }
    }
}
