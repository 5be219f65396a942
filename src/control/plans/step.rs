//! The command that a plan gives when its step is due.

use crate::{
    control::{
        commands::command::{CommandOptions, execute},
        shared::{
            core::Core,
            error::{ApiError, Kind},
        },
    },
    rollout::{
        app::AppName,
        command::{Asker, Command},
        plan::{PlanEnd, RunningPlan},
        release::ReleaseId,
    },
};

/// A step that is due.
#[derive(Debug)]
pub struct DueStep {
    pub app: AppName,
    pub plan: RunningPlan,
    /// The seq at which it was due.
    pub seq: u64,
    pub candidate: Option<ReleaseId>,
    /// The gate said fail, for this reason: the plan is paused instead.
    pub failed: Option<String>,
}

impl DueStep {
    /// The next step, or what follows the last one.
    fn command(&self) -> Command {
        if self.failed.is_some() {
            return Command::PausePlan;
        }
        match (self.plan.next(), self.plan.then) {
            (None, PlanEnd::Promote) => Command::Promote { release: self.candidate.clone() },
            _ => Command::AdvancePlan { from: self.plan.step, automatic: true },
        }
    }

    fn reason(&self) -> String {
        if let Some(why) = &self.failed {
            let gate = self.plan.current().gate.as_deref().unwrap_or_default();
            return format!("the gate {gate} said fail: {why}");
        }
        let (step, steps) = (self.plan.step + 1, self.plan.steps.len());
        format!("step {step} of {steps}, started by {}", self.plan.started_by)
    }
}

/// Takes it; why it was refused, if it was.
pub async fn take(core: Core, due: DueStep) -> Option<String> {
    let asker = Asker::of_plan(&due.plan, due.reason(), core.clock.wall_ms(), due.seq);
    let (app, plan) = (&due.app, &due.plan.name);
    match execute(&core, app, &due.command(), &asker, &CommandOptions::default()).await {
        Ok(_) => None,
        Err(error) if is_over(&error) => None,
        Err(error) => {
            tracing::warn!(%app, %plan, why = error.message(), "the plan cannot go on");
            Some(error.message().to_owned())
        }
    }
}

/// Whether the app has changed since it was looked at, as when another router of the fleet was faster.
fn is_over(error: &ApiError) -> bool {
    error.kind() == Kind::Stale
}
