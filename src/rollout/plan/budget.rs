//! The budget of a plan: how many users may be expected to meet a failure of the candidate (`harm_max`).
//!
//! Such a plan has no times. It goes on as soon as so few users are expected to meet a failure at the next blend that the budget
//! suffices: the clients who come within a minute there, times the highest failing share that is not excluded yet. Every client
//! who meets no failure brings that share down, so the blend rises as fast as the evidence allows. What counts is what the
//! candidate adds: the failing share of stable's clients of the same time is taken off.

use std::time::Duration;

use crate::rollout::{
    blend::Blend,
    verdict::{Finding, Verdict, block::number},
};

/// How far it is looked ahead: by then a verdict has been given about whatever would be a reason to stop.
const AHEAD: Duration = Duration::from_secs(60);

/// The clients that came to the candidate in a step.
#[derive(Debug, Clone, Copy)]
pub struct Drawn {
    /// How many.
    pub sessions: u64,
    /// In which time.
    pub held: Duration,
    /// At which blend.
    pub blend: Blend,
}

/// How many users have met a failure of the candidate, and are expected to.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Harm {
    /// More than there would have been at stable, so far.
    pub met: f64,
    /// Within a minute at the next blend, at most.
    pub ahead: f64,
}

impl Harm {
    /// What is to be expected at a blend.
    pub fn expected(verdict: &Verdict, drawn: Drawn, next: Blend) -> Self {
        let stable = verdict.tally.shares()[1].unwrap_or_default();
        let of_stable = stable * number(verdict.tally.sessions()[0]);
        let share = (verdict.share_bound.unwrap_or(1.0) - stable).max(0.0);
        let rise = f64::from(next.hundredths()) / f64::from(drawn.blend.hundredths().max(1));
        let came = number(drawn.sessions);
        // As many may come as chance makes of a number that is counted: with none seen, three.
        let most = came + 2.0 * came.sqrt() + 3.0;
        let rate = most / drawn.held.as_secs_f64().max(1.0);
        Self {
            met: (number(verdict.tally.failing[0]) - of_stable).max(0.0),
            ahead: rate * rise * AHEAD.as_secs_f64() * share,
        }
    }

    /// Why a budget does not suffice, in words; `None` if it does.
    pub fn exceeds(&self, harm_max: u32, next: Blend) -> Option<String> {
        let Self { met, ahead } = *self;
        let allowed = f64::from(harm_max);
        if met + ahead <= allowed {
            return None;
        }
        let met_words = if met >= 0.5 { format!(", beside {met:.0} who met one") } else { String::new() };
        Some(format!(
            "the budget: up to {} users may meet a failure within a minute at {next} %{met_words}, and {harm_max} are allowed",
            if ahead < 10.0 { format!("{ahead:.1}") } else { format!("{ahead:.0}") }
        ))
    }
}

/// What speaks against any raise, whatever the budget: the candidate is, or looks, worse or slower, or nothing can be compared.
pub fn objection(verdict: &Verdict) -> bool {
    verdict.finding == Finding::Worse
        || verdict.warning
        || verdict.shared_dependency
        || verdict.blind.is_some()
        || verdict.holds_for_latency()
}
