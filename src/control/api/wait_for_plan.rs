//! `GET .../wait?for=plan-step`: answers when the plan of an app is at a step.

use std::time::Duration;

use super::{query::Query, snapshot::Snapshot};
use crate::{
    control::{
        limits::WAIT_PACE,
        shared::{
            core::Core,
            error::{ApiError, Kind},
        },
    },
    rollout::app::AppName,
    schema::{
        plan::Plan,
        wait::{Goal, Waited},
    },
};

/// Takes the number of the step, from 1, which only this goal has.
pub fn take_step(query: &mut Query, goal: Goal) -> Result<Option<usize>, ApiError> {
    let refused = |message: String| ApiError::new(Kind::Malformed, message).field("step");
    match (query.take("step"), goal) {
        (None, Goal::PlanStep) => Err(refused("step: it is missing; the first step is 1".to_owned())),
        (None, _) => Ok(None),
        (Some(text), Goal::PlanStep) => match text.parse() {
            Ok(step) if step > 0 => Ok(Some(step)),
            _ => Err(refused(format!("step: `{}`; allowed is a number from 1", text.escape_debug()))),
        },
        (Some(_), _) => Err(refused("step: it goes with `for=plan-step` alone".to_owned())),
    }
}

/// Waits until the plan is at this step, or at a later one.
pub async fn wait_for_step(
    core: &Core,
    app: &AppName,
    step: usize,
    time: Duration,
) -> Result<Waited, ApiError> {
    let begun = core.clock.monotonic();
    loop {
        let snapshot = Snapshot::of(core);
        let Some(plan) = snapshot.known_plan(app) else {
            let message =
                format!("no plan runs for `{app}`: none was started, or it is over; its history says which");
            return Err(ApiError::new(Kind::Refused("no_plan"), message));
        };
        if let Some(refusal) = beyond(&plan, step) {
            return Err(refusal);
        }
        let met = plan.step >= step;
        if met || core.clock.monotonic().saturating_sub(begun) >= time {
            let seq = snapshot.seq(app).unwrap_or_default();
            let waiting_for = if met { Vec::new() } else { missing(&plan) };
            let (app, goal) = (app.to_string(), Goal::PlanStep);
            return Ok(Waited { app, goal, met, seq, waiting_for, ..Waited::default() });
        }
        tokio::time::sleep(WAIT_PACE).await;
    }
}

/// No time brings a plan to a step that it does not have.
fn beyond(plan: &Plan, step: usize) -> Option<ApiError> {
    let steps = plan.steps.len();
    let message = format!("step: {step}; the plan `{}` has {steps}", plan.name);
    (step > steps).then(|| ApiError::new(Kind::Malformed, message).field("step"))
}

fn missing(plan: &Plan) -> Vec<String> {
    let at = format!("the plan `{}` is at step {} of {}", plan.name, plan.step, plan.steps.len());
    [at].into_iter().chain(plan.held_by.iter().chain(&plan.waits_for).cloned()).collect()
}
