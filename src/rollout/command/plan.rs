//! Commands about a plan: start it, pause and resume it, go on to its next step, end it.

use super::{
    admission::{check_blend_cap, check_stable_cap},
    case::{Case, Effect},
    draft::Draft,
    refusal::Refusal,
};
use crate::rollout::{
    command_name::CommandName,
    plan::{PlanEnd, PlanPause, PlanStep, PlanTemplate, RunningPlan, running::place},
};

/// `start-plan`: for the present candidate, from the first step that is not below its blend.
pub(super) fn start(case: &Case<'_>, draft: &mut Draft<'_>, name: &str) -> Result<Effect, Refusal> {
    if draft.next.plan.as_ref().is_some_and(|plan| plan.name == name) {
        return Ok(Effect::Unchanged);
    }
    case.check_if_match()?;
    begin(case, draft, name)?;
    Ok(Effect::Changed)
}

/// Begins a plan with the candidate of a draft.
pub(super) fn begin(case: &Case<'_>, draft: &mut Draft<'_>, name: &str) -> Result<(), Refusal> {
    let Some(candidate) = &draft.next.candidate else { return Err(Refusal::no_candidate()) };
    if let Some(plan) = draft.next.plan.as_ref().filter(|plan| plan.tenure == candidate.tenure) {
        let message = format!("the plan `{}` was started: stop it first", plan.name);
        return Err(Refusal::state("plan_running", message));
    }
    let template = find_plan(&case.background.plans, name)?;
    check_caps(case, draft, template)?;
    let PlanTemplate { name, steps, harm_max, then } = template.clone();
    let step = place(&steps, draft.next.blend);
    draft.next.blend = steps[step].blend;
    draft.next.plan = Some(RunningPlan {
        name,
        steps,
        harm_max,
        then,
        step,
        since: case.asker.at,
        tenure: candidate.tenure,
        started_by: case.asker.actor.clone(),
        started_by_token: case.asker.token.clone(),
        role: case.asker.role,
        paused: None,
        approved_by: None,
    });
    Ok(())
}

/// The plan of this name, or what there is instead.
///
/// # Errors
/// There is no such plan.
pub fn find_plan<'a>(plans: &'a [PlanTemplate], name: &str) -> Result<&'a PlanTemplate, Refusal> {
    plans.iter().find(|plan| plan.name == name).ok_or_else(|| {
        let known: Vec<&str> = plans.iter().map(|plan| plan.name.as_str()).collect();
        let known = if known.is_empty() { "none".to_owned() } else { known.join(", ") };
        let message =
            format!("`{}` is no plan of the setting `plans`, which has {known}", name.escape_debug());
        Refusal::Value { field: "plan", message }
    })
}

/// Refuses `ci` a plan that would do what `ci` may not.
fn check_caps(case: &Case<'_>, draft: &Draft<'_>, plan: &PlanTemplate) -> Result<(), Refusal> {
    let role = case.asker.role;
    plan.steps.iter().try_for_each(|step| check_blend_cap(role, step.blend, case.background.ci_blend_max))?;
    match plan.then {
        PlanEnd::Hold => Ok(()),
        PlanEnd::Promote => {
            let (now, next) = (draft.next.stable_release(), draft.next.candidate_release());
            check_stable_cap(role, now, next, case.background)
        }
    }
}

/// `pause-plan`
pub(super) fn pause(case: &Case<'_>, draft: &mut Draft<'_>) -> Result<Effect, Refusal> {
    let plan = running(draft)?;
    if plan.paused.is_some() {
        return Ok(Effect::Unchanged);
    }
    let (by, at) = (case.asker.actor.clone(), case.asker.at);
    plan.paused = Some(PlanPause { by, command: CommandName::PausePlan.to_string(), at });
    Ok(Effect::Changed)
}

/// `resume-plan`: goes on at the step that it was at, or where the blend is now if somebody moved it.
pub(super) fn resume(case: &Case<'_>, draft: &mut Draft<'_>) -> Result<Effect, Refusal> {
    case.check_if_match()?;
    let blend = draft.next.blend;
    let plan = running(draft)?;
    if plan.paused.take().is_none() {
        return Ok(Effect::Unchanged);
    }
    if plan.current().blend != blend {
        plan.step = place(&plan.steps, blend);
        plan.approved_by = None;
    }
    plan.since = case.asker.at;
    let PlanStep { blend, .. } = *plan.current();
    check_blend_cap(case.asker.role, blend, case.background.ci_blend_max)?;
    draft.next.blend = blend;
    Ok(Effect::Changed)
}

/// `skip-plan-step`, when a person does not want to wait, and `advance-plan`, when all that the step waits for is so.
pub(super) fn advance(case: &Case<'_>, draft: &mut Draft<'_>, from: usize) -> Result<Effect, Refusal> {
    if is_repeated(case, draft, from) {
        return Ok(Effect::Unchanged);
    }
    case.check_if_match()?;
    let plan = running(draft)?;
    if plan.step != from {
        let (is, meant) = (plan.step + 1, from.saturating_add(1));
        let message = format!("the plan is at step {is}, not at step {meant}: look at it again");
        return Err(Refusal::state("other_step", message));
    }
    match (plan.next().cloned(), plan.then) {
        (Some(PlanStep { blend, .. }), _) => {
            plan.step += 1;
            plan.since = case.asker.at;
            plan.approved_by = None;
            plan.paused = None;
            check_blend_cap(case.asker.role, blend, case.background.ci_blend_max)?;
            draft.next.blend = blend;
        }
        (None, PlanEnd::Hold) => draft.next.plan = None,
        (None, PlanEnd::Promote) => {
            let message = "the plan is at its last step, and what follows is the promote: give that command";
            return Err(Refusal::state("last_step", message));
        }
    }
    Ok(Effect::Changed)
}

/// Whether the last command went on from this step already.
fn is_repeated(case: &Case<'_>, draft: &Draft<'_>, from: usize) -> bool {
    let last = case.record.map(|record| &record.command);
    let went_on = matches!(last, Some(CommandName::SkipPlanStep | CommandName::AdvancePlan));
    went_on && draft.next.plan.as_ref().is_none_or(|plan| plan.step == from.saturating_add(1))
}

/// `approve-plan-step`
pub(super) fn approve(case: &Case<'_>, draft: &mut Draft<'_>) -> Result<Effect, Refusal> {
    case.check_if_match()?;
    let plan = running(draft)?;
    if !plan.current().approval {
        return Err(Refusal::state("no_approval_needed", "the step that the plan is at needs no approval"));
    }
    if plan.approved_by.is_some() {
        return Ok(Effect::Unchanged);
    }
    plan.approved_by = Some(case.asker.actor.clone());
    Ok(Effect::Changed)
}

/// `stop-plan`: the blend stays as it is.
pub(super) fn stop(draft: &mut Draft<'_>) -> Effect {
    match draft.next.plan.take() {
        Some(_) => Effect::Changed,
        None => Effect::Unchanged,
    }
}

fn running<'a>(draft: &'a mut Draft<'_>) -> Result<&'a mut RunningPlan, Refusal> {
    draft.next.plan.as_mut().ok_or_else(|| Refusal::state("no_plan", "no plan was started for this app"))
}
