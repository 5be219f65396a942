//! How long clients of one candidate wait beside stable's, as this router has counted it look by look.
//!
//! The thresholds are those of stable's own answers in the last full five minutes, and stand for the next five. The first ones
//! come from stable's first answers beside the candidate, so that nobody waits five minutes for a first word.

use std::time::Duration;

use crate::{
    cell::HistogramTotal,
    live::cohort::{Cohort, CohortTotal},
    rollout::verdict::{
        Block, LatencyEvidence,
        latency::{QUANTILES, THRESHOLDS},
    },
};

/// How long thresholds stand.
const WINDOW: Duration = Duration::from_secs(300);
/// Thresholds are made of so many answers at least: the slowest of a hundred is their 99 %.
const ANSWERS_LEAST: u64 = 100;

/// What this router has counted of the waits.
#[derive(Debug)]
pub struct LatencyCount {
    evidence: LatencyEvidence,
    /// When the window began.
    began: Option<Duration>,
    /// Stable's waits up to then.
    before: HistogramTotal,
}

impl LatencyCount {
    /// A count that begins, or goes on with what was stored.
    pub fn new(tolerate: f64, before: Option<&LatencyEvidence>) -> Self {
        let mut evidence = LatencyEvidence::new(tolerate);
        before.into_iter().for_each(|before| evidence.merge(before));
        Self { evidence, began: None, before: HistogramTotal::default() }
    }

    /// The same where another factor is tolerated from now on: the thresholds stay, and the evidence begins anew.
    pub fn tolerate(&mut self, tolerate: f64) {
        let thresholds = self.evidence.thresholds.each_ref().map(|known| known.threshold_us);
        self.evidence = LatencyEvidence::new(tolerate);
        self.say(thresholds);
    }

    /// What was counted.
    pub fn evidence(&self) -> &LatencyEvidence {
        &self.evidence
    }

    /// Adds what was counted between two looks, and begins a window if it is time.
    pub fn look(&mut self, cohort: &Cohort, last: &CohortTotal, total: &CohortTotal, now: Duration) {
        for (last, total) in last.waits.iter().zip(&total.waits) {
            for threshold in 0..THRESHOLDS {
                let since =
                    |last: [u64; 2], now: [u64; 2]| [0, 1].map(|arm| now[arm].saturating_sub(last[arm]));
                let judged = since(last.judged[threshold], total.judged[threshold]);
                let slow = since(last.slow[threshold], total.slow[threshold]);
                self.evidence.add(threshold, &Block::new(judged, slow));
            }
        }
        self.begin_window(cohort, &total.stable_waits, now);
    }

    fn begin_window(&mut self, cohort: &Cohort, waits: &HistogramTotal, now: Duration) {
        if self.began.is_some_and(|began| now.saturating_sub(began) < WINDOW) {
            return;
        }
        let since = waits.since(&self.before);
        let enough = since.count() >= ANSWERS_LEAST;
        if self.began.is_none() && !enough {
            return;
        }
        let known = self.evidence.thresholds.each_ref().map(|known| known.threshold_us);
        let next =
            if enough { QUANTILES.map(|share| since.quantile_us(share).unwrap_or_default()) } else { known };
        self.say(next);
        cohort.waits().begin_window(next);
        (self.began, self.before) = (Some(now), waits.clone());
    }

    fn say(&mut self, thresholds_us: [u64; THRESHOLDS]) {
        self.evidence
            .thresholds
            .iter_mut()
            .zip(thresholds_us)
            .for_each(|(known, us)| known.threshold_us = us);
    }
}
