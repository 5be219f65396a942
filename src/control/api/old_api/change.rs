//! The calls of the old API that change something.

use super::{
    describe::{self, describe, removed},
    form::{DeploymentForm, StackForm},
    scope::{check_app, check_scope},
};
use crate::{
    control::{
        api::{body, request::asker, visible::check_registration},
        commands::{
            deployments::{self, DeploymentOutcome, endpoints},
            engine_run::{EngineChoice, choose},
        },
        limits::{DEPLOY_SECONDS, JSON_BYTES_MAX, SERVED_WAIT_MAX},
        shared::{
            access::caller::Caller, audit::trail, core::Core, deployments::DeploymentKey, entries::encode,
            error::ApiError,
        },
    },
    rollout::{
        app::AppName,
        deployment::{
            id::{DeploymentId, DeploymentIdError},
            record::{Deployment, DesiredState, OldFields},
            run::Run,
        },
    },
    schema::old_api::{OldDeploymentAnswer, OldRemoval},
};
use axum::extract::Request;

/// `POST /api/v2/deployments/`
pub async fn create(core: &Core, caller: &Caller, request: Request) -> Result<OldDeploymentAnswer, ApiError> {
    let form = read(request).await?;
    let text = form.deployment_id.clone().unwrap_or_default();
    if !text.is_empty() {
        check_scope(caller, &text)?;
    }
    let refused = |_: DeploymentIdError| {
        ApiError::value("deployment_id", format!("`{}`: {DeploymentIdError}", text.escape_debug()))
    };
    let id: DeploymentId = text.parse().map_err(refused)?;
    let reading = core.replica.reading.load();
    let app = id.app(|app| reading.apps.contains_key(app)).ok_or(DeploymentIdError).map_err(refused)?;
    check_app(caller, &app, &id)?;
    let deployment = build(core, caller, app, id, form)?;
    note(core, &deployment);
    let outcome = deployments::create(core, &deployment, Vec::new()).await?;
    Ok(answer(core, outcome).await)
}

/// `PUT /api/v2/deployments/{id}`
pub async fn update(
    core: &Core,
    caller: &Caller,
    key: &DeploymentKey,
    request: Request,
) -> Result<OldDeploymentAnswer, ApiError> {
    let form = read(request).await?;
    if form.deployment_id.as_deref().is_some_and(|id| id != key.1.as_str()) {
        let message =
            format!("it is another id than the one in the path, `{}`, and an id cannot be changed", key.1);
        return Err(ApiError::value("deployment_id", message));
    }
    let asker = asker(core, caller, String::new(), None);
    let form = &form;
    let outcome = deployments::change(core, key, &asker, |deployment| {
        merge(deployment, form)?;
        note(core, deployment);
        Ok(())
    })
    .await?;
    Ok(answer(core, outcome).await)
}

/// `POST .../stop`
pub async fn stop(
    core: &Core,
    caller: &Caller,
    key: &DeploymentKey,
) -> Result<OldDeploymentAnswer, ApiError> {
    set_desired(core, caller, key, DesiredState::Stopped).await
}

/// `POST .../start`
pub async fn start(
    core: &Core,
    caller: &Caller,
    key: &DeploymentKey,
) -> Result<OldDeploymentAnswer, ApiError> {
    set_desired(core, caller, key, DesiredState::Serving).await
}

/// `DELETE /api/v2/deployments/{id}`
pub async fn remove(core: &Core, caller: &Caller, key: &DeploymentKey) -> Result<OldRemoval, ApiError> {
    let stored = core.deployments.of(&key.0, &key.1);
    if let Some(Ok(deployment)) = stored.as_deref() {
        for (release, _) in endpoints(core, deployment).await? {
            check_registration(core, caller, &key.0, &release)?;
        }
    }
    let asker = asker(core, caller, String::new(), None);
    let outcome = deployments::remove(core, key, &asker, false).await?;
    log(&outcome, &caller.name, "was removed");
    core.replica.wait_for(outcome.revision, SERVED_WAIT_MAX).await;
    Ok(removed(&outcome.deployment))
}

async fn set_desired(
    core: &Core,
    caller: &Caller,
    key: &DeploymentKey,
    desired: DesiredState,
) -> Result<OldDeploymentAnswer, ApiError> {
    let asker = asker(core, caller, String::new(), None);
    let now = core.clock.wall_ms();
    let outcome = deployments::change(core, key, &asker, |deployment| {
        match desired {
            DesiredState::Serving => return deployments::start(deployment, now),
            other => deployment.desired = other,
        }
        Ok(())
    })
    .await?;
    let did = if desired == DesiredState::Serving { "is to serve" } else { "is to stop" };
    log(&outcome, &caller.name, did);
    Ok(answer(core, outcome).await)
}

async fn read(request: Request) -> Result<DeploymentForm, ApiError> {
    DeploymentForm::parse(&body::read(request.into_body(), JSON_BYTES_MAX).await?)
}

/// A new deployment.
fn build(
    core: &Core,
    caller: &Caller,
    app: AppName,
    id: DeploymentId,
    form: DeploymentForm,
) -> Result<Deployment, ApiError> {
    let missing = || ApiError::value("stack.content", "it is missing; allowed is a compose file as a text");
    let mut stack = form.stack.unwrap_or_default();
    let (service, spec, others) = stack.take_main().ok_or_else(missing)?;
    let StackForm { service_id, service_name, subtype, .. } = stack;
    let mut quantities = form.quantities.unwrap_or_default();
    let replicas = quantities.remove(&service).unwrap_or(1);
    let name = form.deployment_name.unwrap_or_else(|| id.to_string());
    let old = OldFields {
        service_id: service_id.unwrap_or_else(|| service.clone()),
        service_name: service_name.unwrap_or_else(|| name.clone()),
        subtype: subtype.unwrap_or_else(|| if others.is_empty() { "service" } else { "stack" }.to_owned()),
        deployment_name: name,
        placement: form.placement.unwrap_or_default(),
        others,
        quantities,
    };
    let deployment = Deployment {
        app,
        id,
        service: Some(service),
        spec,
        replicas,
        desired: form.desired.unwrap_or(DesiredState::Serving),
        created_by: caller.name.clone(),
        created_at: core.clock.wall_ms(),
        old: Some(old),
        run: None,
    };
    check(&deployment)?;
    let run = run_of(core, caller, &deployment)?;
    Ok(Deployment { run, ..deployment })
}

/// How an engine of this router runs it; none: the router has no engine, and somebody else runs it.
fn run_of(core: &Core, caller: &Caller, deployment: &Deployment) -> Result<Option<Run>, ApiError> {
    if core.options.engines.is_empty() {
        return Ok(None);
    }
    let refused = |message: String| Err(ApiError::value("stack.content", message));
    if let Some(field) = deployment.spec.placeholder() {
        return refused(format!("{field} has a placeholder, and nobody here fills it in; send the value"));
    }
    if deployment.old.as_ref().is_some_and(|old| !old.others.is_empty()) {
        return refused("it has several services; an engine runs one of each deployment".to_owned());
    }
    if deployment.spec.ports.is_empty() {
        return refused("`ports` is missing; the first one is the release's".to_owned());
    }
    let choice = EngineChoice {
        engine: None,
        network: None,
        health_path: None,
        memory_bytes: None,
        cpu_millis: None,
        timeout_seconds: DEPLOY_SECONDS,
        // The script sets the candidate itself.
        candidate: None,
        role: caller.role,
        token: core.replica.mark_of(&caller.token),
    };
    choose(core, &deployment.spec, choice).map(Some)
}

/// Takes over what an old script says of a deployment that there is.
fn merge(deployment: &mut Deployment, form: &DeploymentForm) -> Result<(), ApiError> {
    let service = deployment.service.clone().unwrap_or_default();
    let mut old = deployment.old.take().unwrap_or_default();
    if let Some(stack) = &form.stack {
        if let Some(services) = &stack.services {
            let mut others = services.clone();
            let main = others.remove(&service).ok_or_else(|| {
                let message = format!(
                    "there is no service `{service}`, which the releases of this deployment are called after"
                );
                ApiError::value("stack.content", message)
            })?;
            if deployment.run.is_some() && main != deployment.spec {
                let message = "an engine runs it, so what runs is not changed; make another deployment";
                return Err(ApiError::value("stack.content", message));
            }
            (deployment.spec, old.others) = (main, others);
        }
        let take =
            |to: &mut String, from: &Option<String>| to.clone_from(from.as_ref().unwrap_or(&to.clone()));
        take(&mut old.service_id, &stack.service_id);
        take(&mut old.service_name, &stack.service_name);
        take(&mut old.subtype, &stack.subtype);
    }
    if let Some(mut quantities) = form.quantities.clone() {
        deployment.replicas = quantities.remove(&service).unwrap_or(deployment.replicas);
        old.quantities = quantities;
    }
    if let Some(name) = &form.deployment_name {
        old.deployment_name.clone_from(name);
    }
    if let Some(placement) = &form.placement {
        old.placement.clone_from(placement);
    }
    deployment.desired = form.desired.unwrap_or(deployment.desired);
    deployment.old = Some(old);
    check(deployment)
}

/// Refuses a deployment whose releases could not be named.
fn check(deployment: &Deployment) -> Result<(), ApiError> {
    if deployment.release(u16::MAX).is_none() {
        let message = "with the name of the service and a port it is too long for the id of a release";
        return Err(ApiError::value("deployment_id", message));
    }
    Ok(())
}

/// Notes for the audit what is asked for, less its secrets.
fn note(core: &Core, deployment: &Deployment) {
    let asked = encode(&describe(core, deployment));
    trail::note(|notes| notes.ask(&asked));
}

/// The answer to a change, once this router knows of it.
async fn answer(core: &Core, outcome: DeploymentOutcome) -> OldDeploymentAnswer {
    trail::note(|notes| notes.is_unchanged = !outcome.changed);
    core.replica.wait_for(outcome.revision, SERVED_WAIT_MAX).await;
    describe::answer(core, &outcome.deployment)
}

fn log(outcome: &DeploymentOutcome, actor: &str, did: &str) {
    if outcome.changed {
        let Deployment { app, id, .. } = &outcome.deployment;
        tracing::info!(%app, deployment = %id, ?actor, "the deployment {did}");
    }
}
