//! How a plan is shown: a line with its steps.

use crate::schema::plan::{Plan, PlanStep};

/// The plan in a line: `gradual: 5 % - [25 %] - 50 % - promote, started by ops`.
pub(super) fn headline(plan: &Plan) -> String {
    let end = plan.then.as_str();
    let budget = plan.harm_max.map(|most| format!(", harm_max={most}")).unwrap_or_default();
    let rail = rail(&plan.steps, Some(plan.step));
    format!("{}: {rail} - {end}{budget}, started by {}", plan.name, plan.started_by)
}

/// Steps in a line; the one that it is at in brackets.
pub(super) fn rail(steps: &[PlanStep], at: Option<usize>) -> String {
    let step = |(index, step): (usize, &PlanStep)| match at {
        Some(at) if at == index + 1 => format!("[{} %]", step.blend),
        _ => format!("{} %", step.blend),
    };
    steps.iter().enumerate().map(step).collect::<Vec<_>>().join(" - ")
}
