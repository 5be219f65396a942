//! Latency: does the candidate keep people waiting longer than stable?
//!
//! The same test as for failures, with the event "waited longer than a threshold for the first byte". There are three
//! thresholds, which stable's own answers set: how long half of them took, 95 % and 99 %. The evidence is the mean of the three.

use serde::{Deserialize, Serialize};

use super::{
    block::{Block, ln_sum, number},
    evidence::{ENOUGH, Evidence},
    rules::{FAILING_SESSIONS_LEAST, Rules},
};

/// Which shares of stable's answers set the thresholds.
pub const QUANTILES: [f64; 3] = [0.5, 0.95, 0.99];
/// How many thresholds there are.
pub const THRESHOLDS: usize = QUANTILES.len();

/// What is known about one threshold.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct ThresholdEvidence {
    /// The evidence that more of the candidate's requests take longer.
    pub evidence: Evidence,
    /// Requests that were compared with it, by [`Arm`](super::Arm): up to the first slow one of a session within the time that a
    /// threshold stands.
    pub judged: [u64; 2],
    /// Those among them that took longer.
    pub slow: [u64; 2],
    /// The threshold that stands now, in microseconds; 0: none yet.
    pub threshold_us: u64,
}

/// What one router has counted of the waits, or all have.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct LatencyEvidence {
    /// By the thresholds of [`QUANTILES`].
    pub thresholds: [ThresholdEvidence; THRESHOLDS],
}

impl LatencyEvidence {
    /// Nothing counted yet, where a candidate that is slow `tolerate` times as often as stable is tolerated.
    pub fn new(tolerate: f64) -> Self {
        let none = || ThresholdEvidence {
            evidence: Evidence::new(tolerate),
            judged: [0; 2],
            slow: [0; 2],
            threshold_us: 0,
        };
        Self { thresholds: std::array::from_fn(|_| none()) }
    }

    /// Adds what was counted between two looks at one router, beside one threshold.
    pub fn add(&mut self, threshold: usize, block: &Block) {
        let known = &mut self.thresholds[threshold];
        known.evidence.add(block);
        for arm in 0..2 {
            known.judged[arm] += block.requests[arm];
            known.slow[arm] += block.failures[arm];
        }
    }

    /// Adds another router's. What tolerated something else, or cannot be read, is not added.
    pub fn merge(&mut self, other: &Self) {
        for (sum, other) in self.thresholds.iter_mut().zip(&other.thresholds) {
            if !sum.evidence.merge(&other.evidence) {
                continue;
            }
            for arm in 0..2 {
                sum.judged[arm] += other.judged[arm];
                sum.slow[arm] += other.slow[arm];
            }
            if sum.threshold_us == 0 {
                sum.threshold_us = other.threshold_us;
            }
        }
    }

    /// The logarithm of the evidence that the candidate is slower: of the mean over the thresholds.
    pub fn ln_slower(&self) -> f64 {
        ln_sum(self.thresholds.iter().map(|known| known.evidence.ln_worse())) - number(THRESHOLDS as u64).ln()
    }
}

/// What is found about the waits.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Slowness {
    /// The candidate is slower than stable.
    Slower,
    /// It looks so, but it is not certain.
    Suspected,
    /// Nothing says so.
    #[default]
    Unseen,
}

/// What is found about the waits, and the numbers that lead to it.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Latency {
    /// What is found.
    pub slowness: Slowness,
    /// The logarithm of the evidence that the candidate is slower.
    pub ln_slower: f64,
    /// What each threshold says, by [`QUANTILES`].
    pub thresholds: [ThresholdCount; THRESHOLDS],
}

/// What one threshold says.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct ThresholdCount {
    /// In microseconds; 0: none yet.
    pub threshold_us: u64,
    /// Requests that were compared with it, by [`Arm`](super::Arm).
    pub judged: [u64; 2],
    /// Those among them that took longer.
    pub slow: [u64; 2],
    /// The logarithm of its evidence that the candidate is slower.
    pub ln_slower: f64,
}

impl Latency {
    /// Judges the waits.
    pub(super) fn of(evidence: &LatencyEvidence, rules: Rules, is_blind: bool) -> Self {
        let thresholds = std::array::from_fn(|at| {
            let known: &ThresholdEvidence = &evidence.thresholds[at];
            ThresholdCount {
                threshold_us: known.threshold_us,
                judged: known.judged,
                slow: known.slow,
                ln_slower: known.evidence.ln_worse(),
            }
        });
        let mut found = Self { slowness: Slowness::Unseen, ln_slower: evidence.ln_slower(), thresholds };
        let says_something =
            !is_blind && found.plainest().is_some_and(|most| most.slow[0] >= FAILING_SESSIONS_LEAST);
        found.slowness = match found.ln_slower {
            ln if says_something && ln >= rules.ln_needed() => Slowness::Slower,
            ln if says_something && ln >= ENOUGH.ln() => Slowness::Suspected,
            _ => Slowness::Unseen,
        };
        found
    }

    /// The threshold that says the most.
    pub fn plainest(&self) -> Option<&ThresholdCount> {
        self.thresholds.iter().max_by(|a, b| a.ln_slower.total_cmp(&b.ln_slower))
    }
}

impl ThresholdCount {
    /// The slow share of each arm, 0 to 1.
    pub fn shares(&self) -> [Option<f64>; 2] {
        [0, 1].map(|arm| (self.judged[arm] > 0).then(|| number(self.slow[arm]) / number(self.judged[arm])))
    }
}
