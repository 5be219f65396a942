//! How long clients of one candidate wait beside stable's, as this router has counted it look by look.
//!
//! The thresholds are those of stable's own answers in the last full five minutes, and stand for the next five. The first ones
//! come from stable's first answers beside the candidate, so that nobody waits five minutes for a first word.

use std::time::Duration;

use crate::{
    cell::HistogramTotal,
    live::cohort::{Cohort, CohortTotal, EPOCHS, EpochWaits},
    rollout::verdict::{
        Block, LatencyEvidence,
        latency::{QUANTILES, THRESHOLDS, threshold_us},
    },
};

/// How long thresholds stand.
const WINDOW: Duration = Duration::from_secs(300);
/// How long a block is: longer than what slows a process down for a moment, such as a collection of garbage.
const BLOCK: Duration = Duration::from_secs(5);
/// Thresholds are made of so many answers at least: the slowest of a hundred is their 99 %.
const ANSWERS_LEAST: u64 = 100;

/// What this router has counted of the waits.
#[derive(Debug)]
pub struct LatencyCount {
    evidence: LatencyEvidence,
    tolerate: f64,
    /// When the window began; `None`: it is the one of an earlier run, or there is none.
    began: Option<Duration>,
    /// Stable's waits up to then.
    before: HistogramTotal,
    /// When the block began.
    block_began: Duration,
    /// What had been counted up to then.
    counted: [EpochWaits; EPOCHS],
}

impl LatencyCount {
    /// A count that begins, or goes on with what was stored.
    pub fn new(tolerate: f64, before: Option<LatencyEvidence>) -> Self {
        Self {
            evidence: before.unwrap_or_default().sound(tolerate),
            tolerate,
            began: None,
            before: HistogramTotal::default(),
            block_began: Duration::ZERO,
            counted: Default::default(),
        }
    }

    /// The same where another factor is tolerated from now on: the thresholds stay, and the evidence begins anew.
    pub fn tolerate(&mut self, tolerate: f64) {
        self.tolerate = tolerate;
        self.evidence.tolerate(tolerate);
    }

    /// What was counted.
    pub fn evidence(&self) -> &LatencyEvidence {
        &self.evidence
    }

    /// Adds what was counted since the last block, and begins a window, if it is time.
    pub fn look(&mut self, cohort: &Cohort, total: &CohortTotal, now: Duration) {
        if now.saturating_sub(self.block_began) >= BLOCK {
            self.end_block(total, now);
        }
        self.begin_window(cohort, total, now);
    }

    fn end_block(&mut self, total: &CohortTotal, now: Duration) {
        for (last, total) in self.counted.iter().zip(&total.waits) {
            for threshold in 0..THRESHOLDS {
                let since =
                    |last: [u64; 2], now: [u64; 2]| [0, 1].map(|arm| now[arm].saturating_sub(last[arm]));
                let judged = since(last.judged[threshold], total.judged[threshold]);
                let slow = since(last.slow[threshold], total.slow[threshold]);
                self.evidence.add(threshold, &Block::new(judged, slow));
            }
        }
        self.counted = total.waits;
        self.block_began = now;
    }

    fn begin_window(&mut self, cohort: &Cohort, total: &CohortTotal, now: Duration) {
        if self.began.is_some_and(|began| now.saturating_sub(began) < WINDOW) {
            return;
        }
        let since = total.stable_waits.since(&self.before);
        let thresholds = if since.count() >= ANSWERS_LEAST {
            QUANTILES.map(|share| threshold_us(since.quantile_us(share).unwrap_or_default()))
        } else if let Some(known) = self.evidence.thresholds_us().filter(|_| self.began.is_some()) {
            known
        } else {
            return;
        };
        // What was compared with the old ones is of their window.
        self.end_block(total, now);
        self.evidence.begin_window(self.tolerate, thresholds);
        cohort.waits().begin_window(thresholds);
        (self.began, self.before) = (Some(now), total.stable_waits.clone());
    }
}
