//! Evidence: the sum over all looks and all routers.
//!
//! What is summed is one logarithm for each of a fixed list of factors: how much likelier everything counted is at that factor
//! than at 1. Every question ("worse than allowed?", "no worse than twice?", "better?", "which factor?") is answered from
//! this one list, and lists of several routers are added up.

use serde::{Deserialize, Serialize};

use super::block::{Block, ln_sum, number};

/// The factors by which a candidate may be worse, as multiples of what is tolerated.
pub const WORSE: [f64; 14] =
    [1.25, 1.5, 2.0, 3.0, 5.0, 8.0, 12.0, 20.0, 35.0, 60.0, 100.0, 200.0, 500.0, 1_000.0];
/// The factor that "no worse" excludes.
pub const NO_WORSE_THAN: f64 = 2.0;
/// The factors of a candidate that is no worse than that.
pub const NO_WORSE: [f64; 8] = [0.1, 0.25, 0.4, 0.55, 0.7, 0.85, 1.0, 1.15];
/// Evidence that warns, and that suffices for "no worse" and "better": a false alarm in one of twenty at most.
pub const ENOUGH: f64 = 20.0;

/// Where each question's factors stand in the list, the excluded one last.
const WORSE_AT: usize = 0;
const BETTER_AT: usize = WORSE_AT + WORSE.len() + 1;
const NO_WORSE_AT: usize = BETTER_AT + WORSE.len() + 1;
/// How many factors there are.
const FACTORS: usize = NO_WORSE_AT + NO_WORSE.len() + 1;

/// The evidence of one router, or of all.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Evidence {
    /// The factor that is tolerated.
    tolerate: f64,
    /// For each of [`factors`], how much likelier everything counted is at it than at 1: a logarithm.
    logs: Vec<f64>,
}

/// How much more often the candidate fails than stable.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Factor {
    /// The likeliest factor.
    pub likely: f64,
    /// The least that is not excluded (with 95 %, whenever somebody looks); `None` where none is excluded.
    pub least: Option<f64>,
    /// The highest that is not excluded.
    pub most: Option<f64>,
}

/// The factors of the list: worse and better as multiples of what is tolerated, then no worse.
fn factors(tolerate: f64) -> [f64; FACTORS] {
    let worse = WORSE.map(|factor| factor * tolerate);
    let mut all = [NO_WORSE_THAN; FACTORS];
    all[WORSE_AT..][..WORSE.len()].copy_from_slice(&worse);
    all[WORSE_AT + WORSE.len()] = tolerate;
    all[BETTER_AT..][..WORSE.len()].copy_from_slice(&worse.map(f64::recip));
    all[BETTER_AT + WORSE.len()] = tolerate.recip();
    all[NO_WORSE_AT..][..NO_WORSE.len()].copy_from_slice(&NO_WORSE);
    all
}

impl Evidence {
    /// Nothing counted yet, where a candidate that fails `tolerate` times as often as stable is tolerated.
    pub fn new(tolerate: f64) -> Self {
        Self { tolerate, logs: vec![0.0; FACTORS] }
    }

    /// What is tolerated.
    pub fn tolerate(&self) -> f64 {
        self.tolerate
    }

    /// Adds what was counted between two looks at one router.
    pub fn add(&mut self, block: &Block) {
        block.add_to(&factors(self.tolerate), &mut self.logs);
    }

    /// The same, where the block makes "worse than tolerated" at most so many times likelier.
    pub fn add_at_most(&mut self, block: &Block, most: f64) {
        let mut logs = [0.0; FACTORS];
        block.add_to(&factors(self.tolerate), &mut logs);
        let highest = logs[WORSE_AT + WORSE.len()] + most.ln();
        logs[WORSE_AT..][..WORSE.len()].iter_mut().for_each(|log| *log = log.min(highest));
        self.logs.iter_mut().zip(logs).for_each(|(sum, log)| *sum += log);
    }

    /// Adds another router's. `false`, and nothing is added, if that router tolerated something else or counted by other factors.
    pub fn merge(&mut self, other: &Self) -> bool {
        let same = self.tolerate.to_bits() == other.tolerate.to_bits()
            && other.logs.len() == FACTORS
            && other.logs.iter().all(|log| log.is_finite());
        if same {
            self.logs.iter_mut().zip(&other.logs).for_each(|(sum, log)| *sum += log);
        }
        same
    }

    /// Whether it can be read: a stored one may be anything.
    pub fn is_sound(&self) -> bool {
        self.tolerate.is_finite() && Self::new(self.tolerate).merge(self)
    }

    /// The logarithm of the evidence that the candidate is worse than tolerated.
    pub fn ln_worse(&self) -> f64 {
        self.ln_mean(WORSE_AT, WORSE.len())
    }

    /// The logarithm of the evidence that stable is worse than tolerated beside the candidate.
    pub fn ln_better(&self) -> f64 {
        self.ln_mean(BETTER_AT, WORSE.len())
    }

    /// The logarithm of the evidence that the candidate fails less than [`NO_WORSE_THAN`] times as often as stable.
    pub fn ln_no_worse(&self) -> f64 {
        self.ln_mean(NO_WORSE_AT, NO_WORSE.len())
    }

    /// The mean over some factors of how much likelier everything is than at the excluded one, which stands behind them.
    fn ln_mean(&self, at: usize, count: usize) -> f64 {
        let excluded = self.logs[at + count];
        let logs = self.logs[at..at + count].iter().map(|log| log - excluded);
        ln_sum(logs) - (count as f64).ln()
    }

    /// By how much the candidate fails more often. `None` while nothing says so.
    ///
    /// A factor is excluded if the mean over all factors of the list is [`ENOUGH`] times likelier than it.
    pub fn factor(&self) -> Option<Factor> {
        let mut points: Vec<(f64, f64)> =
            factors(self.tolerate).into_iter().zip(self.logs.iter().copied()).chain([(1.0, 0.0)]).collect();
        points.sort_unstable_by(|a, b| a.0.total_cmp(&b.0));
        points.dedup_by(|a, b| a.0.to_bits() == b.0.to_bits());
        let (likely, most_likely) = points.iter().copied().max_by(|a, b| a.1.total_cmp(&b.1))?;
        let mean = ln_sum(points.iter().map(|(_, log)| *log)) - number(points.len() as u64).ln();
        let kept = |point: &&(f64, f64)| mean - point.1 < ENOUGH.ln();
        let (first, last) = (points.iter().position(|p| kept(&p))?, points.iter().rposition(|p| kept(&p))?);
        let said = most_likely > 0.0 || first > 0 || last + 1 < points.len();
        said.then(|| Factor {
            likely,
            least: (first > 0).then(|| points[first].0),
            most: (last + 1 < points.len()).then(|| points[last].0),
        })
    }
}
