//! The calls about deployments: deploy, stop, start, scale, terminate, and what becomes of them.

pub mod describe;
mod idempotency;
pub mod logs;
pub mod order;
pub mod recycle;

use axum::{
    Json,
    extract::{Path, State},
    http::{HeaderMap, StatusCode},
    response::{IntoResponse as _, Response},
};

use self::{
    describe::describe,
    idempotency::IdempotencyKey,
    order::{check_replicas, deployment_of},
};
use super::{
    request::{NoFields, Read, Write, app_name},
    visible::check_registration,
};
use crate::{
    control::{
        commands::{
            command::{CommandOptions, execute},
            deployments::{self, DeploymentOutcome, endpoints, unknown},
            recycle::refuse_while_recycled,
        },
        limits::SERVED_WAIT_MAX,
        shared::{
            audit::trail,
            core::Core,
            deployments::DeploymentKey,
            entries::encode,
            error::{ApiError, Kind},
        },
    },
    rollout::{
        command::{Asker, Command, Role},
        deployment::record::{Deployment, DesiredState},
    },
    schema::{
        app::Outcome,
        deployment::{DeployRequest, Deployments, ScaleRequest},
    },
};

type Answer = Result<Response, ApiError>;

/// App and id as the path has them.
type OfDeployment = Path<(String, String)>;

/// `GET .../deployments`
pub async fn list(
    State(core): State<Core>,
    Path(app): Path<String>,
    call: Read,
) -> Result<Json<Deployments>, ApiError> {
    call.query.finish()?;
    let app = app_name(&app)?;
    let all = core.deployments.all();
    let own = all.iter().filter_map(|stored| stored.as_ref().as_ref().ok()).filter(|it| it.app == app);
    Ok(Json(Deployments { deployments: own.map(|deployment| describe(&core, deployment)).collect() }))
}

/// `GET .../deployments/{id}`
pub async fn read(State(core): State<Core>, Path((app, id)): OfDeployment, call: Read) -> Answer {
    call.query.finish()?;
    let (_, deployment) = find(&core, &app, &id)?;
    Ok(Json(describe(&core, &deployment)).into_response())
}

/// `POST .../deployments`. A repeat with the same Idempotency-Key answers what the first one made, for a day.
pub async fn deploy(
    State(core): State<Core>,
    Path(app): Path<String>,
    headers: HeaderMap,
    call: Write,
) -> Answer {
    let app = app_name(&app)?;
    let request: DeployRequest = call.read()?;
    let key = IdempotencyKey::read(&core, &app, &headers, &encode(&request))?;
    if let Some(key) = &key
        && let Some(made) = key.made(&core).await?
    {
        let (_, deployment) = find(&core, app.as_str(), made.as_str())?;
        let outcome = DeploymentOutcome { deployment, changed: false, revision: 0 };
        return Ok(answer(&core, StatusCode::CREATED, outcome).await);
    }
    let asker = call.asker(&core, None)?;
    let deployment = deployment_of(&core, &app, &call.caller, request)?;
    call.query.finish()?;
    let release = deployment.main_release();
    if let Some(release) = &release {
        check_registration(&core, &call.caller, &app, release)?;
    }
    trail::note(|notes| notes.ask(&encode(&describe(&core, &deployment))));
    let further = match &key {
        Some(key) => key.writes(&core, &deployment.id).await?,
        None => Vec::new(),
    };
    let outcome = deployments::create(&core, &deployment, further).await?;
    let outcome = say_again(&core, &deployment, outcome, &asker).await?;
    Ok(answer(&core, StatusCode::CREATED, outcome).await)
}

/// A repeat with other facts says them of the release, whether it is the candidate already or will be.
async fn say_again(
    core: &Core,
    asked: &Deployment,
    made: DeploymentOutcome,
    asker: &Asker,
) -> Result<DeploymentOutcome, ApiError> {
    let said = asked.facts_given().cloned().unwrap_or_default();
    if made.changed || said.is_empty() || made.deployment.facts_given() == Some(&said) {
        return Ok(made);
    }
    let key = (asked.app.clone(), asked.id.clone());
    let outcome = deployments::change(core, &key, asker, |deployment| {
        deployment.say(&said);
        Ok(())
    })
    .await?;
    if let Some(release) = asked.main_release() {
        let command = Command::SetFacts { release, facts: outcome.deployment.facts() };
        execute(core, &asked.app, &command, asker, &CommandOptions::default()).await?;
    }
    Ok(outcome)
}

/// `POST .../deployments/{id}/stop`
pub async fn stop(State(core): State<Core>, Path((app, id)): OfDeployment, call: Write) -> Answer {
    call.read::<NoFields>()?;
    change(&core, (&app, &id), call, |deployment, _| {
        deployment.desired = DesiredState::Stopped;
        Ok(())
    })
    .await
}

/// `POST .../deployments/{id}/start`
pub async fn start(State(core): State<Core>, Path((app, id)): OfDeployment, call: Write) -> Answer {
    call.read::<NoFields>()?;
    change(&core, (&app, &id), call, deployments::start).await
}

/// `POST .../deployments/{id}/scale`
pub async fn scale(State(core): State<Core>, Path((app, id)): OfDeployment, call: Write) -> Answer {
    let ScaleRequest { replicas } = call.read()?;
    check_replicas(replicas)?;
    change(&core, (&app, &id), call, |deployment, _| {
        if deployment.replicas != replicas {
            refuse_while_recycled(deployment)?;
        }
        deployment.replicas = replicas;
        Ok(())
    })
    .await
}

/// `DELETE .../deployments/{id}`: terminates it. What an engine runs is gone once its containers are removed; with `force` it is
/// gone at once, and whatever runs at an engine stays there: the way out where no router has that engine any more.
pub async fn terminate(State(core): State<Core>, Path((app, id)): OfDeployment, mut call: Write) -> Answer {
    call.read::<NoFields>()?;
    let force = call.query.flag("force")?;
    if force {
        call.caller.needs(Role::Operator)?;
    }
    let (key, deployment) = find(&core, &app, &id)?;
    for (release, _) in endpoints(&core, &deployment).await? {
        check_registration(&core, &call.caller, &key.0, &release)?;
    }
    let asker = call.asker(&core, None)?;
    call.query.finish()?;
    let is_run = deployment.run.is_some() && !force;
    let outcome = deployments::remove(&core, &key, &asker, force).await?;
    log(&outcome.deployment, &asker.actor, "is to be removed");
    Ok(answer(&core, if is_run { StatusCode::ACCEPTED } else { StatusCode::OK }, outcome).await)
}

async fn change(
    core: &Core,
    (app, id): (&str, &str),
    call: Write,
    edit: impl Fn(&mut Deployment, u64) -> Result<(), ApiError>,
) -> Answer {
    let (key, _) = find(core, app, id)?;
    let asker = call.asker(core, None)?;
    call.query.finish()?;
    let now = core.clock.wall_ms();
    let outcome = deployments::change(core, &key, &asker, |deployment| {
        if deployment.desired == DesiredState::Removed {
            let message = format!("`{}` is being removed", deployment.id);
            return Err(ApiError::new(Kind::Refused("being_removed"), message));
        }
        edit(deployment, now)
    })
    .await?;
    if outcome.changed {
        log(&outcome.deployment, &asker.actor, "was changed");
    }
    Ok(answer(core, StatusCode::OK, outcome).await)
}

/// The deployment that a path names, as this router knows it.
fn find(core: &Core, app: &str, id: &str) -> Result<(DeploymentKey, Deployment), ApiError> {
    let app = app_name(app)?;
    let id = id.parse().map_err(|_| unknown(id))?;
    let stored = core.deployments.of(&app, &id).ok_or_else(|| unknown(id.as_str()))?;
    match stored.as_ref() {
        Ok(deployment) => Ok(((app, id), deployment.clone())),
        Err(allowed) => {
            let message = format!("the stored deployment `{id}` cannot be read; allowed is {allowed}");
            Err(ApiError::new(Kind::Refused("deployment_unreadable"), message))
        }
    }
}

/// The answer to a change, once this router knows of it.
async fn answer(core: &Core, status: StatusCode, outcome: DeploymentOutcome) -> Response {
    trail::note(|notes| notes.is_unchanged = !outcome.changed);
    core.replica.wait_for(outcome.revision, SERVED_WAIT_MAX).await;
    let mut shown = describe(core, &outcome.deployment);
    shown.result = Some(if outcome.changed { Outcome::Done } else { Outcome::Unchanged });
    (status, Json(shown)).into_response()
}

fn log(deployment: &Deployment, actor: &str, did: &str) {
    let Deployment { app, id, .. } = deployment;
    tracing::info!(%app, deployment = %id, ?actor, "the deployment {did}");
}
