//! Steps that may take long, broken off when the deployment has to be up by now, or is not wanted any more. An engine may do all
//! the same what it was asked for; the next look tells.

use std::time::Duration;

use tokio::time::timeout;

use super::{effect::carry_out, held::Held, observe::observe, step_error::StepError};
use crate::{
    control::{
        limits::CARRIER_STEP_LEAST,
        shared::{core::Core, deployments::StoredDeployment},
    },
    engine::Engines,
    rollout::deployment::{
        plan::deadline,
        record::DesiredState,
        run::StepOutcome,
        step::{Observation, Step},
    },
};

/// Looks at the containers of a deployment, as long as there is time for it; else it says why it does not see them.
pub async fn observe_in_time(core: &Core, engines: &Engines, held: &Held) -> Result<Observation, String> {
    let observation = observe(core, engines, held);
    let seen = match deadline(&held.deployment, &held.run) {
        Some(until) => match timeout(time_left(core, until), observation).await {
            Ok(seen) => seen,
            Err(_) => return Err(format!("the engine {} does not answer", held.run.engine)),
        },
        None => observation.await,
    };
    seen.map_err(|error| error.to_string())
}

/// Carries a step out, as long as there is time for it.
pub async fn carry_out_in_time(
    core: &Core,
    engines: &Engines,
    held: &Held,
    step: &Step,
) -> Result<StepOutcome, StepError> {
    let effect = carry_out(core, engines, held, step);
    let until = match step {
        Step::Pull | Step::Create { .. } | Step::Start { .. } => deadline(&held.deployment, &held.run),
        _ => None,
    };
    let Some(until) = until else { return effect.await };
    tokio::select! {
        done = timeout(time_left(core, until), effect) => done.unwrap_or(Err(StepError::BrokenOff)),
        () = until_unwanted(core, held), if *step == Step::Pull => Err(StepError::BrokenOff),
    }
}

fn time_left(core: &Core, until: u64) -> Duration {
    Duration::from_millis(until.saturating_sub(core.clock.wall_ms())).max(CARRIER_STEP_LEAST)
}

/// Waits until a deployment is to stop or to go, as this router hears of it.
async fn until_unwanted(core: &Core, held: &Held) {
    let (app, id) = (&held.deployment.app, &held.deployment.id);
    let mut changes = core.deployments.changes();
    loop {
        let is_wanted = core.deployments.of(app, id).is_some_and(|stored| is_to_serve(&stored));
        if !is_wanted || changes.changed().await.is_err() {
            return;
        }
    }
}

fn is_to_serve(stored: &StoredDeployment) -> bool {
    stored.as_ref().is_ok_and(|deployment| deployment.desired == DesiredState::Serving)
}
