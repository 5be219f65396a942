//! Latency: does the candidate keep people waiting longer than stable?
//!
//! The same test as for failures, with the event "waited longer than a threshold for the first byte". There are three
//! thresholds, which stable's own answers set: what half of them took, 95 % and 99 %, and a margin. They stand for a *window* of some
//! minutes. The evidence of a window is the mean of the three.
//!
//! Waits are not as independent as failures: who waited long waits long again, and what slows down a process for a moment slows
//! down everybody who is there. Four rules keep the promise all the same (docs/verdict.md says why): of a network one
//! answer in a window is compared; each window's evidence begins anew, and the k-th must be `k(k+1)` times as strong; a block
//! counts at most [`BLOCK_MOST`]-fold; and routers are averaged, not multiplied.

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
/// By how much a block's likelihood counts at most: a candidate that is slow for a moment by chance, and in another moment is not, wins
/// no more by that than by a fair coin.
const BLOCK_MOST: f64 = 2.0;
/// The windows of a router that count: the present one, and the one before.
const WINDOWS: usize = 2;

/// The threshold that follows from a quantile of stable's waits: a fifth and a millisecond above it. Less is nothing to stop a release for,
/// and a release that few ask is slower by as much, whatever it is like: what it needs is in no cache.
pub const fn threshold_us(quantile_us: u64) -> u64 {
    quantile_us.saturating_add(quantile_us / 5).saturating_add(1_000)
}

/// What one router knows about one threshold of one window.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct ThresholdEvidence {
    /// The evidence that more of the candidate's answers take longer.
    pub evidence: Evidence,
    /// Answers that were compared with it, by [`Arm`](super::Arm).
    pub judged: [u64; 2],
    /// Those among them that took longer.
    pub slow: [u64; 2],
    /// The threshold, in microseconds; 0: none yet.
    pub threshold_us: u64,
}

/// What one router has counted in one window.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Window {
    /// Which one it is since the candidate came, from 1; 0: there are no thresholds yet.
    pub number: u32,
    /// By the thresholds of [`QUANTILES`].
    pub thresholds: [ThresholdEvidence; THRESHOLDS],
}

impl Window {
    fn new(number: u32, tolerate: f64, thresholds_us: [u64; THRESHOLDS]) -> Self {
        let thresholds = thresholds_us.map(|threshold_us| ThresholdEvidence {
            evidence: Evidence::new(tolerate),
            judged: [0; 2],
            slow: [0; 2],
            threshold_us,
        });
        Self { number, thresholds }
    }

    /// The logarithm of some of its evidence as it counts: less than it is, the later the window is, so that all windows
    /// together raise no more false alarms than one.
    fn weighed(&self, ln_evidence: f64) -> f64 {
        let number = f64::from(self.number.max(1));
        ln_evidence - (number * (number + 1.0)).ln()
    }

    fn ln_slower(&self) -> f64 {
        let logs = self.thresholds.iter().map(|known| known.evidence.ln_worse());
        self.weighed(ln_sum(logs) - number(THRESHOLDS as u64).ln())
    }

    fn is_sound(&self, tolerate: f64) -> bool {
        let sound = |known: &ThresholdEvidence| {
            known.evidence.is_sound() && known.evidence.tolerate().to_bits() == tolerate.to_bits()
        };
        self.thresholds.iter().all(sound)
    }
}

/// What one router has counted of the waits: in the present window, which stands first, and in the one before.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
#[serde(default)]
pub struct LatencyEvidence {
    windows: Vec<Window>,
}

impl LatencyEvidence {
    /// What was counted before, if it can be read and tolerated the same.
    pub fn sound(mut self, tolerate: f64) -> Self {
        self.windows.truncate(WINDOWS);
        self.windows.retain(|window| window.is_sound(tolerate));
        self
    }

    /// Begins a window with these thresholds.
    pub fn begin_window(&mut self, tolerate: f64, thresholds_us: [u64; THRESHOLDS]) {
        let number = self.windows.first().map_or(0, |window| window.number);
        self.windows.insert(0, Window::new(number.saturating_add(1), tolerate, thresholds_us));
        self.windows.truncate(WINDOWS);
    }

    /// The thresholds that stand, in microseconds.
    pub fn thresholds_us(&self) -> Option<[u64; THRESHOLDS]> {
        Some(self.windows.first()?.thresholds.each_ref().map(|known| known.threshold_us))
    }

    /// Begins anew, where another factor is tolerated from now on: the thresholds stay.
    pub fn tolerate(&mut self, tolerate: f64) {
        self.windows.truncate(1);
        for window in &mut self.windows {
            let thresholds = window.thresholds.each_ref().map(|known| known.threshold_us);
            *window = Window::new(window.number, tolerate, thresholds);
        }
    }

    /// Adds what was counted in a block, beside one threshold of the present window.
    pub fn add(&mut self, threshold: usize, block: &Block) {
        let Some(window) = self.windows.first_mut() else { return };
        let known = &mut window.thresholds[threshold];
        known.evidence.add_at_most(block, BLOCK_MOST);
        for arm in 0..2 {
            known.judged[arm] += block.requests[arm];
            known.slow[arm] += block.failures[arm];
        }
    }

    /// The logarithm of this router's evidence that the candidate is slower; 0, which says nothing, before the first window.
    fn ln_slower(&self) -> f64 {
        self.most(Window::ln_slower)
    }

    /// The same, of one threshold alone.
    fn ln_slower_beside(&self, threshold: usize) -> f64 {
        self.most(|window| window.weighed(window.thresholds[threshold].evidence.ln_worse()))
    }

    fn most(&self, of: impl Fn(&Window) -> f64) -> f64 {
        self.windows.iter().map(of).reduce(f64::max).unwrap_or(0.0)
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

/// What all routers say about one threshold, in the present window and the one before.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub struct ThresholdCount {
    /// In microseconds; 0: none yet.
    pub threshold_us: u64,
    /// Answers that were compared with it, by [`Arm`](super::Arm).
    pub judged: [u64; 2],
    /// Those among them that took longer.
    pub slow: [u64; 2],
    /// The logarithm of its evidence that the candidate is slower.
    pub ln_slower: f64,
    /// The same quantile of the candidate's own waits is beyond it.
    pub is_exceeded: bool,
}

impl Latency {
    /// Judges what routers have counted.
    pub(super) fn of(routers: &[LatencyEvidence], rules: Rules, is_blind: bool) -> Self {
        let mut found = Self {
            slowness: Slowness::Unseen,
            ln_slower: mean(routers, LatencyEvidence::ln_slower),
            thresholds: std::array::from_fn(|at| ThresholdCount::of(routers, at)),
        };
        let says = |ln_needed: f64| {
            found.ln_slower >= ln_needed
                && found
                    .plainest()
                    .is_some_and(|most| most.ln_slower >= ln_needed && most.slow[0] >= FAILING_SESSIONS_LEAST)
        };
        found.slowness = match is_blind {
            false if says(rules.ln_needed()) => Slowness::Slower,
            false if says(ENOUGH.ln()) => Slowness::Suspected,
            _ => Slowness::Unseen,
        };
        found
    }

    /// Of the thresholds that the candidate exceeds, the one that says the most.
    pub fn plainest(&self) -> Option<&ThresholdCount> {
        let exceeded = self.thresholds.iter().filter(|known| known.is_exceeded);
        exceeded.max_by(|a, b| a.ln_slower.total_cmp(&b.ln_slower))
    }
}

impl ThresholdCount {
    fn of(routers: &[LatencyEvidence], at: usize) -> Self {
        let mut sum = Self {
            ln_slower: mean(routers, |router| router.ln_slower_beside(at)),
            threshold_us: routers
                .iter()
                .find_map(LatencyEvidence::thresholds_us)
                .map_or(0, |thresholds| thresholds[at]),
            ..Self::default()
        };
        for known in routers.iter().flat_map(|router| &router.windows).map(|window| &window.thresholds[at]) {
            for arm in 0..2 {
                sum.judged[arm] = sum.judged[arm].saturating_add(known.judged[arm]);
                sum.slow[arm] = sum.slow[arm].saturating_add(known.slow[arm]);
            }
        }
        sum.is_exceeded = sum.shares()[0].is_some_and(|share| share >= 1.0 - QUANTILES[at]);
        sum
    }

    /// The slow share of each arm, 0 to 1.
    pub fn shares(&self) -> [Option<f64>; 2] {
        [0, 1].map(|arm| (self.judged[arm] > 0).then(|| number(self.slow[arm]) / number(self.judged[arm])))
    }
}

/// The logarithm of the mean of what routers say. They may have seen the same clients, so their evidence is not multiplied; a mean promises
/// the same whatever they have in common.
fn mean(routers: &[LatencyEvidence], ln_evidence: impl Fn(&LatencyEvidence) -> f64) -> f64 {
    if routers.is_empty() {
        return 0.0;
    }
    let logs: Vec<f64> = routers.iter().map(ln_evidence).collect();
    ln_sum(logs.iter().copied()) - number(logs.len() as u64).ln()
}
