//! Whether a plan goes on now, and what it waits for.

use std::time::Duration;

use super::{
    budget::{Drawn, Harm, objection},
    gate::GateAnswer,
    running::{PLAN_ACTOR, RunningPlan},
};
use crate::rollout::{
    blend::Blend,
    freeze::Freeze,
    record::Record,
    verdict::{Finding, Verdict},
};

/// What is known when it is asked whether a plan goes on.
#[derive(Debug, Clone)]
pub struct PlanFacts<'a> {
    /// The rollout record, with the plan.
    pub record: &'a Record,
    /// The time, Unix ms.
    pub now: u64,
    /// The freeze window that stands.
    pub freeze: Option<Freeze>,
    /// Why the store takes no change, if it does not.
    pub store_fault: Option<&'a str>,
    /// The verdict about the candidate; none before the first look.
    pub verdict: Option<&'a Verdict>,
    /// How long the step has been held without a break.
    pub held: Duration,
    /// How many clients were drawn to the candidate since the step began.
    pub sessions: u64,
    /// What the gate of the step said since all else was so; none: it was not asked.
    pub gate: Option<&'a GateAnswer>,
}

/// What a plan waits for.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct PlanStanding {
    /// What keeps it from being held at all: its time begins anew afterwards.
    pub breaks: Vec<String>,
    /// What else must be so before it goes on.
    pub waits_for: Vec<String>,
    /// How much longer the step is held at least.
    pub left: Duration,
    /// Only the gate of the step is missing: it is time to ask it.
    pub asks_gate: bool,
}

impl PlanStanding {
    /// How a plan stands.
    pub fn of(plan: &RunningPlan, facts: &PlanFacts<'_>) -> Self {
        let step = plan.current();
        let left = plan.hold_least().saturating_sub(facts.held);
        let mut waits_for = Vec::new();
        if !left.is_zero() {
            waits_for.push(format!("the end of its hold, in {}", rough(left)));
        }
        let missing = step.sessions_min.saturating_sub(facts.sessions);
        if missing > 0 {
            waits_for.push(format!("{missing} more clients drawn to the candidate"));
        }
        // Where nobody is drawn to the candidate there is nothing to judge.
        if step.blend > Blend::ZERO {
            waits_for.extend(doubt(plan, facts));
        }
        if plan.lacks_approval() {
            waits_for.push("the approval of an operator".to_owned());
        }
        let breaks = breaks(plan, facts);
        let gate = step.gate.as_deref().and_then(|gate| GateAnswer::waiting(gate, facts.gate));
        let asks_gate = gate.is_some() && breaks.is_empty() && waits_for.is_empty();
        waits_for.extend(gate);
        Self { breaks, waits_for, left, asks_gate }
    }

    /// Whether the next step is due.
    pub fn is_due(&self) -> bool {
        self.breaks.is_empty() && self.waits_for.is_empty()
    }
}

fn breaks(plan: &RunningPlan, facts: &PlanFacts<'_>) -> Vec<String> {
    let PlanFacts { record, now, .. } = *facts;
    let paused = plan.paused.as_ref().map(|pause| match pause.command.as_str() {
        "pause-plan" if pause.by.starts_with(PLAN_ACTOR) => "its gate said fail".to_owned(),
        "pause-plan" => format!("{} paused it", pause.by),
        command => format!("{} changed the app ({command})", pause.by),
    });
    let locked = record.lock_at(now).map(|lock| format!("the app is locked by {}", lock.by));
    let frozen = facts.freeze.as_ref().map(|freeze| format!("the freeze window `{}` stands", freeze.window));
    let halted = record
        .halt
        .as_ref()
        .map(|halt| format!("the app is {}", if halt.is_pause() { "paused" } else { "stopped" }));
    let store = facts.store_fault.map(|why| format!("the store takes no change: {why}"));
    [paused, locked, frozen, halted, store].into_iter().flatten().collect()
}

/// What speaks against going on, or is not known yet. A plan with a budget asks for a verdict only before its end.
fn doubt(plan: &RunningPlan, facts: &PlanFacts<'_>) -> Option<String> {
    let Some(verdict) = facts.verdict else {
        return Some("the first verdict about the candidate".to_owned());
    };
    if let (Some(harm_max), Some(next)) = (plan.harm_max, plan.next())
        && !objection(verdict)
    {
        let PlanFacts { sessions, held, .. } = *facts;
        let drawn = Drawn { sessions, held, blend: plan.current().blend };
        return Harm::expected(verdict, drawn, next.blend).exceeds(harm_max, next.blend);
    }
    of_verdict(verdict)
}

/// What a verdict says against going on.
fn of_verdict(verdict: &Verdict) -> Option<String> {
    if verdict.holds_for_latency() {
        return Some(format!(
            "a verdict that it is no slower than stable ({})",
            verdict.sentence().trim_end_matches('.')
        ));
    }
    match verdict.finding {
        Finding::NoWorse | Finding::Better if !verdict.shared_dependency => None,
        _ => Some(format!(
            "a verdict that it is no worse than stable ({})",
            verdict.sentence().trim_end_matches('.')
        )),
    }
}

/// `50 s`, `12 min`, `3 h`, rounded up.
fn rough(time: Duration) -> String {
    match time.as_secs() + u64::from(time.subsec_nanos() > 0) {
        seconds @ ..120 => format!("{seconds} s"),
        seconds @ 120..7_200 => format!("{} min", seconds.div_ceil(60)),
        seconds => format!("{} h", seconds.div_ceil(3_600)),
    }
}
