//! What every routed release does now, as the sampler last counted it: rates and quantiles for whoever asks.

use std::collections::{BTreeMap, HashMap};

use serde::Serialize;

use crate::{
    live::activity::ReleaseTotal,
    rollout::{app::AppName, assign::Reason, table::ReleaseKey},
};

/// What one release does now.
#[derive(Debug, Clone, Default, PartialEq, Serialize)]
pub struct Activity {
    /// Over the last ten seconds.
    pub requests_per_second: f64,
    /// 5xx among the answers of the last ten seconds, 0..1.
    pub error_share: f64,
    /// Durations of the last ten seconds, in ms; null without requests.
    pub p50_ms: Option<f64>,
    pub p95_ms: Option<f64>,
    pub p99_ms: Option<f64>,
    /// Answers and 5xx among them since this stay began on this router.
    pub requests: u64,
    pub errors: u64,
    /// Open now.
    pub open_requests: u64,
    pub open_sockets: u64,
    /// Distinct clients whose pins came back in the last minutes.
    pub pinned: u64,
    /// It drains, and nobody is left: nothing is open, no pin came back lately, and this router has watched for as long.
    pub can_be_stopped: bool,
}

impl Activity {
    /// Nothing is open, and no pin came back lately.
    pub fn nobody_is_left(&self) -> bool {
        (self.open_requests, self.open_sockets, self.pinned) == (0, 0, 0)
    }
}

/// All activity at one moment.
#[derive(Debug, Default)]
pub struct Board {
    pub releases: HashMap<ReleaseKey, Activity>,
    /// Percent of unpinned clients that were sent to the candidate since blend and candidate are what they are.
    pub drawn: HashMap<AppName, f64>,
    /// Percent of the clients whose pins came back lately, to stable or to the candidate, that are the candidate's.
    pub confirmed: HashMap<AppName, f64>,
    /// The promise measured.
    pub moves: HashMap<AppName, Moves>,
}

/// How often clients of an app changed release at this router since it started, whatever became of the releases.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct Moves {
    pub total: u64,
    /// Third moves of a client within one day.
    pub bounces: u64,
    /// By reason.
    pub reasons: BTreeMap<&'static str, u64>,
}

impl Moves {
    pub fn add(&mut self, total: &ReleaseTotal) {
        self.bounces += total.bounces;
        for (reason, count) in total.moves.iter().flat_map(|counts| Reason::ALL.iter().zip(counts)) {
            if *count > 0 {
                self.total += count;
                *self.reasons.entry(reason.as_str()).or_default() += count;
            }
        }
    }
}
