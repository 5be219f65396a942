//! The tally: the plain counts of a candidate's cohort, which people read. By [`Arm`](super::Arm).

use serde::{Deserialize, Serialize};

/// What was counted since the candidate's tenure began, by one router or by all.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(default)]
pub struct Tally {
    /// Distinct sessions, within a few percent.
    pub sessions: [u64; 2],
    /// Requests of sessions that had not failed before.
    pub requests: [u64; 2],
    /// Sessions that met a failure.
    pub failing: [u64; 2],
    /// Those among them that count for "worse": one of each network and draw epoch.
    pub counted: [u64; 2],
    /// Requests that the candidate failed, and stable was asked.
    pub shielded: u64,
    /// Those among them that stable answered well.
    pub answered: u64,
}

impl Tally {
    /// Adds another router's.
    pub fn add(&mut self, other: &Self) {
        for (sum, count) in [
            (&mut self.sessions, &other.sessions),
            (&mut self.requests, &other.requests),
            (&mut self.failing, &other.failing),
            (&mut self.counted, &other.counted),
        ] {
            sum[0] += count[0];
            sum[1] += count[1];
        }
        self.shielded += other.shielded;
        self.answered += other.answered;
    }

    /// Distinct sessions of both arms. Those that failed are counted one by one, so there are at least as many.
    pub fn sessions(&self) -> [u64; 2] {
        [self.sessions[0].max(self.failing[0]), self.sessions[1].max(self.failing[1])]
    }

    /// The failing share of each arm, 0 to 1; `None` without a session.
    #[allow(clippy::cast_precision_loss, reason = "counts far below 2^52")]
    pub fn shares(&self) -> [Option<f64>; 2] {
        let sessions = self.sessions();
        [0, 1].map(|arm| (sessions[arm] > 0).then(|| self.failing[arm] as f64 / sessions[arm] as f64))
    }
}
