//! A block: what one router counted between two looks.

use serde::{Deserialize, Serialize};

/// To which release a client was drawn. It stays in its arm whatever happens to it later.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
#[repr(u8)]
pub enum Arm {
    /// To the candidate.
    Candidate,
    /// To stable, at the same time.
    Control,
}

impl Arm {
    /// Both, in the order of their numbers.
    pub const BOTH: [Self; 2] = [Self::Candidate, Self::Control];
}

/// What one router counted between two looks, by [`Arm`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Block {
    /// Requests of sessions that had not failed before.
    pub requests: [u64; 2],
    /// Those among them that were the first failure of their session.
    pub failures: [u64; 2],
}

impl Block {
    /// A block from counters that are read while others write them: no more failures than requests.
    pub fn new(requests: [u64; 2], failures: [u64; 2]) -> Self {
        let requests = [requests[0].max(failures[0]), requests[1].max(failures[1])];
        Self { requests, failures }
    }

    /// Whether it says anything about the candidate beside stable: there were failures, and requests of both arms.
    pub fn compares(&self) -> bool {
        self.failures != [0, 0] && self.requests.iter().all(|requests| *requests > 0)
    }

    /// Adds to `logs` how much likelier the block is if the candidate fails `factors[i]` times as often as stable than if it
    /// fails as often: the logarithm of the ratio, of the noncentral hypergeometric distribution with all margins given.
    pub fn add_to(&self, factors: &[f64], logs: &mut [f64]) {
        if !self.compares() {
            return;
        }
        let ways = self.ways();
        let equal = ln_sum(ways.iter().map(|(_, ln_ways)| *ln_ways));
        for (log, factor) in logs.iter_mut().zip(factors) {
            let ln_factor = factor.ln();
            *log += equal - ln_sum(ways.iter().map(|(more, ln_ways)| ln_ways + more * ln_factor));
        }
    }

    /// For each number `k` of failures that the candidate could have had of all those there were: by how much `k` is more than
    /// it had, and the logarithm of the number of ways, up to a constant. `C(n_c, k) C(n_s, y - k)` follows from its
    /// neighbour, which is exact where differences of the gamma function would cancel.
    fn ways(&self) -> Vec<(f64, f64)> {
        let [candidate, control] = self.requests;
        let failures = self.failures[0] + self.failures[1];
        let (least, most) = (failures.saturating_sub(control), failures.min(candidate));
        let mut ln_ways = 0.0;
        let mut ways = Vec::with_capacity(number(most - least) as usize + 1);
        for count in least..=most {
            ways.push((number(count) - number(self.failures[0]), ln_ways));
            let up = number(candidate - count) * number(failures - count);
            ln_ways += (up / (number(count + 1) * number(control + count + 1 - failures))).ln();
        }
        ways
    }
}

/// A count as a number to reckon with.
#[allow(clippy::cast_precision_loss, reason = "counts far below 2^52")]
pub fn number(count: u64) -> f64 {
    count as f64
}

/// The logarithm of a sum of numbers whose logarithms are given.
pub(super) fn ln_sum(logs: impl Iterator<Item = f64> + Clone) -> f64 {
    let most = logs.clone().fold(f64::NEG_INFINITY, f64::max);
    most + logs.map(|log| (log - most).exp()).sum::<f64>().ln()
}
