//! The old API, `/api/v2/deployments` and `/api/v2/containers`: a second face of the deployments, for scripts of the systems
//! before this one that nobody will change.
//!
//! Paths are taken as they come, since such a script puts into them whatever it has read: an id that is no id is no
//! deployment (404), and an id that is empty names none (405). Bodies are JSON whatever their content type says.

mod change;
mod describe;
mod form;
mod path;
mod scope;

use self::{
    change::{create, remove, start, stop, update},
    describe::{answer, containers, describe},
    path::{Call, Place},
    scope::{check_app, check_scope},
};
use crate::{
    control::{
        commands::deployments::{endpoints, unknown},
        shared::{
            access::caller::Caller,
            core::Core,
            deployments::DeploymentKey,
            error::{ApiError, Kind},
            old_api::ascii,
        },
    },
    rollout::{command::Role, deployment::record::Deployment},
    schema::old_api::OldDeployments,
};
use axum::{
    extract::{Request, State},
    http::{Method, StatusCode, header},
    response::{IntoResponse as _, Response},
};

/// Any request below the root.
pub async fn handle(State(core): State<Core>, request: Request) -> Response {
    let place = match Place::parse(request.uri().path()) {
        Ok(place) => place,
        Err(error) => return error.into_response(),
    };
    let Some(call) = place.call(request.method()) else {
        let message = format!("this path does not take {}", request.method());
        return ([(header::ALLOW, place.methods())], ApiError::new(Kind::Method, message)).into_response();
    };
    match carry_out(&core, call, request).await {
        Ok(body) => (StatusCode::OK, [(header::CONTENT_TYPE, "application/json")], body).into_response(),
        Err(error) => error.into_response(),
    }
}

async fn carry_out(core: &Core, call: Call, request: Request) -> Result<String, ApiError> {
    let caller = request.extensions().get::<Caller>().cloned();
    let caller = caller.ok_or_else(|| ApiError::new(Kind::Unauthorized, "this call needs a token"))?;
    if ![Method::GET, Method::HEAD].contains(request.method()) {
        caller.needs(Role::Ci)?;
    }
    let find = |id: &str| find(core, &caller, id);
    Ok(match call {
        Call::List => ascii(&list(core, &caller)),
        Call::Create => ascii(&create(core, &caller, request).await?),
        Call::Read(id) => ascii(&answer(core, &find(&id)?.1)),
        Call::Update(id) => ascii(&update(core, &caller, &find(&id)?.0, request).await?),
        Call::Remove(id) => ascii(&remove(core, &caller, &find(&id)?.0).await?),
        Call::Stop(id) => ascii(&stop(core, &caller, &find(&id)?.0).await?),
        Call::Start(id) => ascii(&start(core, &caller, &find(&id)?.0).await?),
        Call::Containers(id) => {
            let deployment = find(&id)?.1;
            ascii(&containers(&deployment, &endpoints(core, &deployment).await?))
        }
        Call::Kill(container) => return Err(kill(core, &caller, &container).await?),
    })
}

/// All deployments that the caller's token is for.
fn list(core: &Core, caller: &Caller) -> OldDeployments {
    let all = core.deployments.all();
    let readable = all.iter().filter_map(|stored| stored.as_ref().as_ref().ok());
    let own = readable.filter(|deployment| caller.scope.has_app(&deployment.app));
    OldDeployments { deployments: own.map(|deployment| describe(core, deployment)).collect() }
}

/// The deployment with an id, as this router knows it.
fn find(core: &Core, caller: &Caller, text: &str) -> Result<(DeploymentKey, Deployment), ApiError> {
    check_scope(caller, text)?;
    let id = text.parse().map_err(|_| unknown(text))?;
    let app = core.deployments.app_of(&id).ok_or_else(|| unknown(text))?;
    check_app(caller, &app, &id)?;
    let stored = core.deployments.of(&app, &id).ok_or_else(|| unknown(text))?;
    match stored.as_ref() {
        Ok(deployment) => Ok(((app, id), deployment.clone())),
        Err(allowed) => {
            let message = format!("the stored deployment `{id}` cannot be read; allowed is {allowed}");
            Err(ApiError::new(Kind::Refused("deployment_unreadable"), message))
        }
    }
}

/// Why a container is not ended: what no engine of this router runs is somebody else's to end.
async fn kill(core: &Core, caller: &Caller, container: &str) -> Result<ApiError, ApiError> {
    for stored in core.deployments.all() {
        let Ok(deployment) = stored.as_ref() else { continue };
        if !caller.scope.has_app(&deployment.app) {
            continue;
        }
        let registered = endpoints(core, deployment).await?;
        if registered.iter().any(|(_, containers)| containers.contains_key(container)) {
            let message = format!(
                "no engine of this router runs the container `{}` of `{}`, so it is not ended here",
                container.escape_debug(),
                deployment.id
            );
            return Ok(ApiError::new(Kind::Refused("no_engine"), message));
        }
    }
    let shown = container.escape_debug();
    if !caller.scope.has_all_apps() {
        return Err(caller
            .out_of_scope(&format!("is for some apps only, and none of theirs has a container `{shown}`")));
    }
    Ok(ApiError::new(Kind::NotFound, format!("there is no container `{shown}`")))
}
