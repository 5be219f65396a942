//! A plan that was started: a part of the rollout record, so that it survives restarts and is acted on once in a fleet.

use std::time::Duration;

use serde::{Deserialize, Serialize};

use super::{
    step::PlanStep,
    template::{PlanEnd, STEPS_MAX},
};
use crate::rollout::{blend::Blend, command::role::Role};

/// How long a step is held at least, so that it is known how many clients come.
pub const LOOK_LEAST: Duration = Duration::from_secs(10);

/// What the actor of a plan begins with. No token's name has a blank.
pub const PLAN_ACTOR: &str = "plan ";

/// A plan that was started. Its steps are those of the setting as it was then.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(test, derive(utoipa::ToSchema))]
pub struct RunningPlan {
    /// Its name.
    pub name: String,
    /// All its steps.
    pub steps: Vec<PlanStep>,
    /// How many users may be expected to meet a failure, if it goes by that instead of times.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub harm_max: Option<u32>,
    /// What follows the last one.
    pub then: PlanEnd,
    /// Which step it is at, from 0.
    pub step: usize,
    /// Since when that step is held, Unix ms.
    pub since: u64,
    /// The tenure of the candidate. The plan ends with it.
    pub tenure: u32,
    /// Who started it.
    pub started_by: String,
    /// The mark of their token.
    #[serde(default)]
    pub started_by_token: String,
    /// Their role: a plan may do what they may.
    #[cfg_attr(test, schema(value_type = String))]
    pub role: Role,
    /// What paused it. None: nothing did.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub paused: Option<PlanPause>,
    /// Who let it go on from a step that needs an approval. None: nobody yet.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub approved_by: Option<String>,
}

/// Why a plan does not go on until somebody resumes it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(test, derive(utoipa::ToSchema))]
pub struct PlanPause {
    /// Who paused it, or changed what it changes.
    pub by: String,
    /// By which command, such as `pause-plan` or `set-blend`.
    pub command: String,
    /// When, Unix ms.
    pub at: u64,
}

impl RunningPlan {
    /// The step it is at; a record is checked to have one.
    pub fn current(&self) -> &PlanStep {
        &self.steps[self.step]
    }

    /// The step after it; none after the last.
    pub fn next(&self) -> Option<&PlanStep> {
        self.steps.get(self.step + 1)
    }

    /// How long the step that it is at is held at least.
    pub fn hold_least(&self) -> Duration {
        match self.harm_max {
            Some(_) => LOOK_LEAST,
            None => Duration::from_secs(self.current().hold_seconds.into()),
        }
    }

    /// Whether somebody has to approve before it goes on.
    pub fn lacks_approval(&self) -> bool {
        self.current().approval && self.approved_by.is_none()
    }

    /// It in a few words for a history, such as `gradual 2/4, paused`.
    pub fn in_words(&self) -> String {
        let paused = if self.paused.is_some() { ", paused" } else { "" };
        let approved = if self.approved_by.is_some() { ", approved" } else { "" };
        format!("{} {}/{}{paused}{approved}", self.name, self.step + 1, self.steps.len())
    }

    /// Why it is not one that a command wrote.
    pub fn fault(&self) -> Option<String> {
        let (steps, step) = (self.steps.len(), self.step);
        if !(1..=STEPS_MAX).contains(&steps) {
            return Some(format!("plan.steps has {steps} entries, 1 to {STEPS_MAX} are allowed"));
        }
        (step >= steps).then(|| format!("plan.step is {step}, 0 to {} is allowed", steps - 1))
    }
}

/// Where a plan with these steps goes on at a blend: at the first step that is not below it, else at the last.
pub fn place(steps: &[PlanStep], blend: Blend) -> usize {
    steps.iter().position(|step| step.blend >= blend).unwrap_or(steps.len().saturating_sub(1))
}
