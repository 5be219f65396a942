//! The plan that raises the blend of an app's candidate.

use serde::{Deserialize, Serialize};

pub use crate::rollout::plan::{PlanEnd, PlanPause, PlanStep};
use crate::rollout::plan::{PlanTemplate, RunningPlan};

/// A plan that was started, and how it stands.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(test, derive(utoipa::ToSchema))]
pub struct Plan {
    /// Its name in the setting `plans`.
    pub name: String,
    /// Its steps, as they were when it was started.
    pub steps: Vec<PlanStep>,
    /// How many users may be expected to meet a failure, where the plan goes by that instead of times; null: it does not.
    pub harm_max: Option<u32>,
    /// What follows the last step.
    pub then: PlanEnd,
    /// Which step it is at, from 1.
    pub step: usize,
    /// Since when, Unix ms.
    pub since: u64,
    /// Who started it: the name of a token.
    pub started_by: String,
    /// What paused it; null: nothing did.
    pub paused: Option<PlanPause>,
    /// Who let it go on from a step that needs an approval; null: nobody yet.
    pub approved_by: Option<String>,
    /// What keeps it from going on, such as a pause, a lock or a freeze: the hold begins anew afterwards.
    pub held_by: Vec<String>,
    /// What else it waits for, in words; both empty: it goes on now.
    pub waits_for: Vec<String>,
    /// How many seconds the step is held at least; null: this router has not looked yet.
    pub left_seconds: Option<u64>,
}

/// A plan of the setting `plans`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(test, derive(utoipa::ToSchema))]
pub struct KnownPlan {
    /// Its name.
    pub name: String,
    /// Its steps.
    pub steps: Vec<PlanStep>,
    /// How many users may be expected to meet a failure, where the plan goes by that instead of times; null: it does not.
    pub harm_max: Option<u32>,
    /// What follows the last step.
    pub then: PlanEnd,
}

/// The plans of an app.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(test, derive(utoipa::ToSchema))]
#[serde(default)]
pub struct Plans {
    /// The app.
    pub app: String,
    /// The plan that was started; null: none was, or it is over.
    pub plan: Option<Plan>,
    /// Those that can be started.
    pub plans: Vec<KnownPlan>,
}

impl From<PlanTemplate> for KnownPlan {
    fn from(plan: PlanTemplate) -> Self {
        let PlanTemplate { name, steps, harm_max, then } = plan;
        Self { name, steps, harm_max, then }
    }
}

impl Plan {
    /// What the record says of a plan.
    pub fn of(plan: &RunningPlan) -> Self {
        let RunningPlan { name, steps, harm_max, then, step, since, started_by, paused, approved_by, .. } =
            plan.clone();
        let (held_by, waits_for, left_seconds) = (Vec::new(), Vec::new(), None);
        Self {
            name,
            steps,
            harm_max,
            then,
            step: step + 1,
            since,
            started_by,
            paused,
            approved_by,
            held_by,
            waits_for,
            left_seconds,
        }
    }
}
