//! The calls about the plan that raises the blend of an app's candidate.

use axum::{
    Json,
    extract::{Path, State},
};

use super::{
    request::{Read, Write, app_name},
    snapshot::Snapshot,
    tracks::{Answer, run},
};
use crate::{
    control::{
        commands::command::{CommandOptions, unknown_app},
        shared::{core::Core, error::ApiError, plans::KnownPlan},
    },
    rollout::{
        app::AppName,
        command::{Command, Role},
        plan::RunningPlan,
        record::Record,
    },
    schema::{
        change::{PlanRequest, ReasonRequest, SkipRequest},
        plan::{Plan, Plans},
    },
};

/// `GET .../plan`
pub async fn read(
    State(core): State<Core>,
    Path(app): Path<String>,
    call: Read,
) -> Result<Json<Plans>, ApiError> {
    let app = app_name(&app)?;
    call.query.finish()?;
    let snapshot = Snapshot::of(&core);
    let reading = snapshot.reading.apps.get(&app).ok_or_else(|| unknown_app(&app))?;
    let plan = reading.record.as_deref().and_then(|record| snapshot.plan(&app, record));
    let plans = reading.settings.plans().into_iter().map(Into::into).collect();
    Ok(Json(Plans { app: app.to_string(), plan, plans }))
}

/// `POST .../plan`: starts one.
pub async fn start(State(core): State<Core>, Path(app): Path<String>, call: Write) -> Answer {
    let app = app_name(&app)?;
    let PlanRequest { plan, reason } = call.read()?;
    run(&core, &app, Command::StartPlan { name: plan }, call, reason, CommandOptions::default()).await
}

/// `POST .../plan/pause`
pub async fn pause(core: State<Core>, app: Path<String>, call: Write) -> Answer {
    give(core, app, call, Command::PausePlan).await
}

/// `POST .../plan/resume`
pub async fn resume(core: State<Core>, app: Path<String>, call: Write) -> Answer {
    give(core, app, call, Command::ResumePlan).await
}

/// `POST .../plan/skip`
pub async fn skip(State(core): State<Core>, Path(app): Path<String>, call: Write) -> Answer {
    call.caller.needs(Role::Operator)?;
    let app = app_name(&app)?;
    let SkipRequest { step, reason } = call.read()?;
    let Some(from) = step.checked_sub(1) else {
        return Err(ApiError::value("step", "0 is not the number of a step; the first is 1"));
    };
    let command = Command::AdvancePlan { from, automatic: false };
    run(&core, &app, command, call, reason, CommandOptions::default()).await
}

/// `POST .../plan/approve`
pub async fn approve(core: State<Core>, app: Path<String>, call: Write) -> Answer {
    call.caller.needs(Role::Operator)?;
    give(core, app, call, Command::ApprovePlanStep).await
}

/// `DELETE .../plan`: ends it.
pub async fn stop(core: State<Core>, app: Path<String>, call: Write) -> Answer {
    give(core, app, call, Command::StopPlan).await
}

async fn give(State(core): State<Core>, Path(app): Path<String>, call: Write, command: Command) -> Answer {
    let app = app_name(&app)?;
    let ReasonRequest { reason } = call.read()?;
    run(&core, &app, command, call, reason, CommandOptions::default()).await
}

impl Snapshot {
    /// The plan of an app.
    pub(super) fn known_plan(&self, app: &AppName) -> Option<Plan> {
        self.plan(app, self.reading.apps.get(app)?.record.as_deref()?)
    }

    /// The plan of an app's record, as this router looked at it last.
    pub(super) fn plan(&self, app: &AppName, record: &Record) -> Option<Plan> {
        let plan = record.plan.as_ref()?;
        let known = self.plans.get(app).filter(|known| known.seq == record.seq);
        Some(described(plan, known))
    }
}

fn described(plan: &RunningPlan, known: Option<&KnownPlan>) -> Plan {
    let plan = Plan::of(plan);
    let Some(KnownPlan { standing, refusal, .. }) = known else { return plan };
    Plan {
        held_by: standing.breaks.clone(),
        waits_for: standing.waits_for.iter().chain(refusal).cloned().collect(),
        left_seconds: Some(standing.left.as_millis().div_ceil(1_000).try_into().unwrap_or(u64::MAX)),
        ..plan
    }
}
