//! The looks at all plans.

use std::{collections::HashMap, time::Duration};

use serde_json::{Value, json};
use tokio::{
    task::JoinHandle,
    time::{MissedTickBehavior, interval},
};

use super::{
    gates::Gates,
    hold::Hold,
    step::{DueStep, take},
};
use crate::{
    control::shared::{
        core::Core,
        plans::KnownPlan,
        reading::{AppReading, StoreReading},
        verdicts::CandidateVerdict,
    },
    rollout::{
        app::AppName,
        freeze::freeze_at,
        plan::{GateAnswer, PlanFacts, PlanStanding, RunningPlan},
        record::Record,
    },
};

/// How often plans are looked at.
const TICK: Duration = Duration::from_millis(500);
/// The pause after a step that was refused, or that the store did not take.
const PAUSE: Duration = Duration::from_secs(5);

/// Looks until the task is dropped.
pub async fn run(core: Core) {
    let mut ticks = interval(TICK);
    ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    let (holds, steps, gates) = (HashMap::new(), HashMap::new(), Gates::default());
    let mut looks = Looks { core, holds, steps, gates };
    loop {
        ticks.tick().await;
        looks.look().await;
    }
}

/// A step that is taken, or was not done.
struct TakenStep {
    seq: u64,
    until: Duration,
    task: Option<JoinHandle<Option<String>>>,
    refusal: Option<String>,
}

/// All plans that run.
struct Looks {
    core: Core,
    holds: HashMap<AppName, Hold>,
    steps: HashMap<AppName, TakenStep>,
    gates: Gates,
}

impl Looks {
    async fn look(&mut self) {
        self.end_steps().await;
        self.gates.take_answers(self.core.clock.monotonic()).await;
        let reading = self.core.replica.reading.load_full();
        let (mut holds, mut known) = (HashMap::new(), HashMap::new());
        for (app, read) in reading.apps.iter() {
            let Some((record, plan)) = with_plan(read) else { continue };
            let (hold, standing) = self.standing(&reading, (app, read), (record, plan));
            self.go_on(app, (record, plan), &standing, &hold);
            let step = self.steps.get(app).filter(|step| step.seq == record.seq);
            let refusal = step.and_then(|step| step.refusal.clone());
            known.insert(app.clone(), KnownPlan { seq: record.seq, standing, refusal });
            holds.insert(app.clone(), hold);
        }
        self.holds = holds;
        if *self.core.plans.all() != known {
            self.core.plans.store(known);
            self.core.feed.nudge_all();
        }
    }

    /// Does what is due: the next step, a question to the gate, or the pause that its answer asks for.
    fn go_on(
        &mut self,
        app: &AppName,
        (record, plan): (&Record, &RunningPlan),
        standing: &PlanStanding,
        hold: &Hold,
    ) {
        if standing.is_due() {
            return self.take_step(app, record, plan, None);
        }
        if !standing.asks_gate {
            return self.gates.forget(app);
        }
        if let Some(GateAnswer::Fail(why)) = self.gates.answer(app, plan) {
            let why = why.clone();
            return self.take_step(app, record, plan, Some(why));
        }
        let core = self.core.clone();
        self.gates.ask(&core, app, plan, || question(&core, app, (record, plan), hold));
    }

    /// How a plan stands now, and since when its step is held.
    fn standing(
        &self,
        reading: &StoreReading,
        (app, read): (&AppName, &AppReading),
        (record, plan): (&Record, &RunningPlan),
    ) -> (Hold, PlanStanding) {
        let (now, now_ms) = (self.core.clock.monotonic(), self.core.clock.wall_ms());
        let known = self.core.verdicts.of(app).filter(|known| known.tenure == plan.tenure);
        let sessions = known.as_deref().map_or(0, sessions);
        let hold = self.holds.get(app).copied().filter(|hold| hold.is_of(plan));
        let mut hold = hold.unwrap_or_else(|| Hold::seen(plan, now, now_ms, sessions));
        let own = read.settings.own_freezes();
        let store_fault = self.core.replica.status.detail();
        let facts = |hold: &Hold| PlanFacts {
            record,
            now: now_ms,
            freeze: freeze_at(own.iter().chain(reading.freeze_windows.iter()), now_ms),
            store_fault: store_fault.as_deref(),
            verdict: known.as_deref().map(|known| &known.verdict),
            held: hold.lasted(now),
            sessions: hold.sessions(sessions),
            gate: self.gates.answer(app, plan),
        };
        let standing = PlanStanding::of(plan, &facts(&hold));
        if standing.breaks.is_empty() {
            return (hold, standing);
        }
        hold.restart(now);
        let standing = PlanStanding::of(plan, &facts(&hold));
        (hold, standing)
    }

    /// Takes the step that is due, unless it was tried a moment ago.
    fn take_step(&mut self, app: &AppName, record: &Record, plan: &RunningPlan, failed: Option<String>) {
        let now = self.core.clock.monotonic();
        let waits = |step: &TakenStep| step.task.is_some() || (step.seq == record.seq && now < step.until);
        if self.steps.get(app).is_some_and(waits) {
            return;
        }
        let due = DueStep {
            app: app.clone(),
            plan: plan.clone(),
            seq: record.seq,
            candidate: record.candidate_release().cloned(),
            failed,
        };
        let refusal =
            self.steps.remove(app).filter(|step| step.seq == record.seq).and_then(|step| step.refusal);
        let task = Some(tokio::spawn(take(self.core.clone(), due)));
        self.steps.insert(app.clone(), TakenStep { seq: record.seq, until: now + PAUSE, task, refusal });
    }

    /// Learns how the steps ended that were taken.
    async fn end_steps(&mut self) {
        for step in self.steps.values_mut() {
            if let Some(task) = step.task.take_if(|task| task.is_finished()) {
                step.refusal = task.await.unwrap_or_default();
            }
        }
    }
}

impl Drop for Looks {
    fn drop(&mut self) {
        self.steps.values().filter_map(|step| step.task.as_ref()).for_each(JoinHandle::abort);
    }
}

/// The plan of an app's record, if there is one.
fn with_plan(read: &AppReading) -> Option<(&Record, &RunningPlan)> {
    let record = read.record.as_deref()?;
    Some((record, record.plan.as_ref()?))
}

/// What a gate is told: the state of the app and of its plan.
fn question(core: &Core, app: &AppName, (record, plan): (&Record, &RunningPlan), hold: &Hold) -> Value {
    let known = core.verdicts.of(app).filter(|known| known.tenure == plan.tenure);
    let verdict = known.as_deref().map(|known| &known.verdict);
    let drawn = known.as_deref().map_or(0, sessions);
    json!({
        "plan": plan.name,
        "step": plan.step + 1,
        "steps": plan.steps.len(),
        "blend": record.blend,
        "next_blend": plan.next().map(|step| step.blend),
        "then": plan.next().is_none().then_some(plan.then.as_str()),
        "held_seconds": hold.lasted(core.clock.monotonic()).as_secs(),
        "clients_drawn": hold.sessions(drawn),
        "stable": record.stable_release(),
        "candidate": record.candidate_release(),
        "verdict": verdict.map(|verdict| verdict.finding.as_str()),
        "sentence": verdict.map(|verdict| verdict.sentence()),
        "record": record,
    })
}

/// How many clients were drawn to a candidate.
fn sessions(known: &CandidateVerdict) -> u64 {
    known.verdict.tally.sessions()[0]
}
