//! What a scheduler asks a pool of containers for: to be made anew, and how far that is. The paths and the scheme of the token are
//! those of the systems before this one, whose scripts nobody will change.

use axum::{
    Json,
    extract::{Request, State},
    http::{Method, StatusCode},
    response::{IntoResponse as _, Response},
};

use super::{
    deployments::describe::describe,
    query::Query,
    request::{Read, app_name, asker},
};
use crate::{
    control::{
        commands::recycle::{begin, order_of},
        shared::{
            access::caller::Caller,
            core::Core,
            error::{ApiError, Kind},
        },
    },
    rollout::{
        app::AppName,
        command::Role,
        deployment::{
            record::{Deployment, DesiredState},
            state::State as DeploymentState,
        },
    },
    schema::{
        deployment::RecycleRequest,
        pool::{DeploymentRecycle, PoolStats, RefusedRecycle, ScheduledRecycles},
    },
};

/// `POST` and `GET /api/pool/schedule_recycle`: whatever an engine runs and an app routes is recycled in place. What a body says
/// is not read: old scripts send all kinds of them.
pub async fn schedule_recycle(State(core): State<Core>, request: Request) -> Result<Response, ApiError> {
    if request.method() == Method::HEAD {
        return Err(ApiError::new(Kind::Method, "this path takes POST and GET, and not HEAD"));
    }
    let caller = request.extensions().get::<Caller>().cloned();
    let caller = caller.ok_or_else(|| ApiError::new(Kind::Unauthorized, "this call needs a token"))?;
    caller.needs(Role::Operator)?;
    let mut query = Query::parse(request.uri().query());
    let app = query.take("app").map(|app| app_name(&app)).transpose()?;
    query.finish()?;
    if let Some(app) = app.as_ref().filter(|app| !caller.scope.has_app(app)) {
        return Err(caller.out_of_scope(&format!("is not for `{app}`")));
    }
    let mut scheduled = ScheduledRecycles::default();
    for deployment in recyclable(&core, &caller, app.as_ref()) {
        let id = deployment.id.to_string();
        match recycle(&core, &caller, &deployment).await {
            Ok(()) => scheduled.ids.push(id),
            Err(error) => scheduled.refused.push(RefusedRecycle { id, message: error.message().to_owned() }),
        }
    }
    Ok((StatusCode::ACCEPTED, Json(scheduled)).into_response())
}

/// The deployments that serve a release which an app routes.
fn recyclable(core: &Core, caller: &Caller, app: Option<&AppName>) -> Vec<Deployment> {
    let reading = core.replica.reading.load();
    let is_routed = |deployment: &Deployment| {
        let record = reading.apps.get(&deployment.app).and_then(|app| app.record.as_deref());
        record.is_some_and(|record| record.routed().any(|(release, _)| deployment.has_release(release)))
    };
    let is_meant = |deployment: &&Deployment| {
        let serves = deployment.wanted() == DesiredState::Serving;
        let is_up = deployment.run.as_ref().is_some_and(|run| run.state == DeploymentState::Serving);
        let is_in_scope = caller.scope.has_app(&deployment.app);
        let is_named = app.is_none_or(|app| *app == deployment.app);
        serves && is_up && is_in_scope && is_named && is_routed(deployment)
    };
    let all = core.deployments.all();
    let readable = all.iter().filter_map(|stored| stored.as_ref().as_ref().ok());
    readable.filter(is_meant).cloned().collect()
}

async fn recycle(core: &Core, caller: &Caller, deployment: &Deployment) -> Result<(), ApiError> {
    let request = RecycleRequest { in_place: Some(true), ..RecycleRequest::default() };
    let order = order_of(core, deployment, &caller.name, &request)?;
    let key = (deployment.app.clone(), deployment.id.clone());
    begin(core, &key, &asker(core, caller, String::new(), None), &order).await.map(drop)
}

/// `GET /api/stats`: how far each recycle is, the last one of each deployment.
pub async fn stats(State(core): State<Core>, call: Read) -> Result<Json<PoolStats>, ApiError> {
    call.query.finish()?;
    let all = core.deployments.all();
    let own = all.iter().filter_map(|stored| stored.as_ref().as_ref().ok());
    let own = own.filter(|deployment| call.caller.scope.has_app(&deployment.app));
    let recycles: Vec<DeploymentRecycle> =
        own.filter_map(|deployment| recycle_of(&core, deployment)).collect();
    let recycling = recycles.iter().any(|one| one.recycle.ended_at.is_none());
    Ok(Json(PoolStats { recycling, recycles }))
}

fn recycle_of(core: &Core, deployment: &Deployment) -> Option<DeploymentRecycle> {
    let shown = describe(core, deployment);
    let recycle = shown.recycle?;
    Some(DeploymentRecycle { app: shown.app, deployment: shown.id, release: shown.release, recycle })
}
