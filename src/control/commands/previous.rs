//! The way back: before a rollback to a release whose containers were stopped and kept, they are started, and pass the health check.

use std::time::Duration;

use tokio::time::timeout;

use super::{approved::with_endpoints, deployments, stored::StoredApp};
use crate::{
    control::{
        limits::PREVIOUS_WAIT_MAX,
        shared::{
            core::Core,
            deployments::DeploymentKey,
            error::{ApiError, Kind},
        },
    },
    rollout::{
        app::AppName,
        command::{Asker, Command, decide},
        deployment::{run::Run, state::State},
        release::ReleaseId,
    },
};

/// Starts the containers of the release that a rollback goes to, if they are kept, and waits until they are endpoints. A rollback
/// that would be refused starts nothing.
pub async fn start(
    core: &Core,
    app: &AppName,
    to: Option<&ReleaseId>,
    asker: &Asker,
) -> Result<(), ApiError> {
    if core.deployments.keys_of(app).is_empty() {
        return Ok(());
    }
    let stored = StoredApp::read(core, app).await?;
    let Some(record) = &stored.record else { return Ok(()) };
    let Some(target) = to.or(record.previous.as_ref()) else { return Ok(()) };
    let Some(key) = core.deployments.parked(app, target) else { return Ok(()) };
    let command = Command::Rollback { to: to.cloned() };
    let background = stored.background(core, true).await?;
    let background = with_endpoints(core, &stored, &command, None, background).await?;
    decide(Some(record), &command, asker, &background)?;
    let now = core.clock.wall_ms();
    deployments::change(core, &key, asker, |deployment| deployments::start(deployment, now)).await?;
    tracing::info!(%app, deployment = %key.1, actor = asker.actor, "a rollback starts the containers that were kept");
    until_serving(core, &key).await
}

async fn until_serving(core: &Core, key: &DeploymentKey) -> Result<(), ApiError> {
    let until = core.clock.monotonic() + PREVIOUS_WAIT_MAX;
    let mut changes = core.deployments.changes();
    loop {
        let run = run_of(core, key)?;
        match run.state {
            State::Serving if run.parked_at.is_none() => return Ok(()),
            State::Failed => {
                let why = run.failure.map(|failure| failure.reason).unwrap_or_default();
                return Err(refused("previous_failed", format!("`{}` does not come up again: {why}", key.1)));
            }
            _ => {}
        }
        let left = until.saturating_sub(core.clock.monotonic());
        if left == Duration::ZERO {
            let message = format!("the containers of `{}` are being started; try again in a moment", key.1);
            return Err(refused("previous_is_starting", message));
        }
        // Whether it changed or the time is over, the next look tells.
        let _ = timeout(left, changes.changed()).await;
    }
}

/// How far it is, as this router hears of it.
fn run_of(core: &Core, (app, id): &DeploymentKey) -> Result<Run, ApiError> {
    let stored = core.deployments.of(app, id);
    let run = stored.and_then(|stored| stored.as_ref().as_ref().ok()?.run.clone());
    run.ok_or_else(|| deployments::unknown(id.as_str()))
}

fn refused(code: &'static str, message: String) -> ApiError {
    ApiError::new(Kind::Refused(code), message)
}
