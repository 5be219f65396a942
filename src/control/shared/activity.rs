//! What every routed release does now, as the sampler last counted it: rates and quantiles for whoever asks.

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
    /// Percent of unpinned clients that were sent to the candidate since blend and candidate are what they are.
    pub drawn: HashMap<AppName, f64>,
    /// Percent of the clients whose pins came back lately, to stable or to the candidate, that are the candidate's.
    pub confirmed: HashMap<AppName, f64>,
    /// The promise measured.
    pub moves: HashMap<AppName, Moves>,
}

impl Moves {
    /// Adds the moves to one release.
    pub fn add(&mut self, total: &ReleaseTotal) {
        self.bounces += total.bounces;
        for (reason, count) in total.moves.iter().flat_map(|counts| Reason::ALL.iter().zip(counts)) {
            if *count > 0 {
                self.total += count;
                *self.reasons.entry(reason.as_str().to_owned()).or_default() += count;
            }
        }
    }
}
