//! Hooks in: listed, written, removed, tested; and what senders deliver to them.
//!
//! Operators read, admins write. A secret is in the answer to the call that had the router make it, and nowhere else.

mod change;
mod deploying;
mod describe;
pub mod fuzz;
mod mapping;
mod outcome;
mod receive;
mod store;
mod turn;

use self::{
    change::HookInChange,
    describe::{describe, describe_readable},
    mapping::test_payload,
    store::{delete, put, unknown},
};
use super::{
    hooks::call::{hook_name, tagged},
    request::{NoFields, Read, Write},
};
use crate::{
    control::{
        limits::SERVED_WAIT_MAX,
        shared::{
            access::caller::Caller,
            core::Core,
            error::{ApiError, Kind},
            hooks::hook::HookName,
            hooks_in::{board::StoredHookIn, hook_in::HookIn as StoredHook},
        },
    },
    rollout::command::Role,
    schema::{
        app::Done,
        hook_in::{HookIn, HookInRemoval, HookInRequest, HookInTest, HookInTestRequest, HooksIn},
    },
};
use axum::{
    Json, Router,
    extract::{Path, State},
    http::StatusCode,
    response::Response,
    routing::{get, post},
};

/// What senders reach: on the admin port, and on a port that has nothing else.
pub fn senders() -> Router<Core> {
    Router::new()
        .route("/hooks/in/{hook}", post(receive::receive))
        .route("/hooks/in/{hook}/{delivery}", get(receive::outcome))
}

/// `GET /api/v1/hooks-in`
pub async fn list(State(core): State<Core>, call: Read) -> Result<Json<HooksIn>, ApiError> {
    call.caller.needs(Role::Operator)?;
    call.query.finish()?;
    let names = core.hooks_in.names();
    let stored = names.iter().filter_map(|name| Some((name, core.hooks_in.hook(name)?)));
    let shown = stored.filter(|(_, stored)| is_for(&call.caller, stored));
    Ok(Json(HooksIn { hooks: shown.map(|(name, stored)| describe(&core, name, &stored)).collect() }))
}

/// `GET /api/v1/hooks-in/{hook}`
pub async fn read(
    State(core): State<Core>,
    Path(name): Path<String>,
    call: Read,
) -> Result<Response, ApiError> {
    call.caller.needs(Role::Operator)?;
    call.query.finish()?;
    let name = hook_name(&name)?;
    let stored = core.hooks_in.hook(&name).filter(|stored| is_for(&call.caller, stored));
    let stored = stored.ok_or_else(|| unknown(&name))?;
    Ok(tagged(StatusCode::OK, &describe(&core, &name, &stored), stored.revision))
}

/// `PUT /api/v1/hooks-in/{hook}`: makes one, or says anew all of it but its secret.
pub async fn write(
    State(core): State<Core>,
    Path(name): Path<String>,
    call: Write,
) -> Result<Response, ApiError> {
    call.caller.needs(Role::Admin)?;
    let name = hook_name(&name)?;
    let change = HookInChange::check(call.read::<HookInRequest>()?)?;
    if !call.caller.scope.has_app(&change.app) {
        return Err(call.caller.out_of_scope(&format!("is not for the app `{}`", change.app)).field("app"));
    }
    refuse_others(&core, &call.caller, &name)?;
    let (by, if_match) = (call.caller.name.clone(), call.if_match);
    call.query.finish()?;
    core.replica.require_known_store().await?;
    let made = change.sender.new_secret();
    let made = made.map_err(|error| ApiError::new(Kind::Internal, error.to_string()))?;
    let written = put(&core, &name, &change, &by, if_match, &made).await?;
    tracing::info!(hook = %name, actor = by, "a hook in was written");
    let status = written.status(&core).await;
    let is_made = change.secret.is_none() && written.hook.secret == made;
    let secret = is_made.then(|| made.reveal());
    let shown = HookIn { secret, ..describe_readable(&core, &name, &written.hook, written.revision) };
    Ok(tagged(status, &shown, written.revision))
}

/// `DELETE /api/v1/hooks-in/{hook}`
pub async fn remove(
    State(core): State<Core>,
    Path(name): Path<String>,
    call: Write,
) -> Result<Json<HookInRemoval>, ApiError> {
    call.caller.needs(Role::Admin)?;
    call.read::<NoFields>()?;
    let name = hook_name(&name)?;
    refuse_others(&core, &call.caller, &name)?;
    let (by, if_match) = (call.caller.name.clone(), call.if_match);
    call.query.finish()?;
    core.replica.require_known_store().await?;
    let revision = delete(&core, &name, if_match).await?;
    core.replica.wait_for(revision, SERVED_WAIT_MAX).await;
    tracing::info!(hook = %name, actor = by, "a hook in was removed");
    Ok(Json(HookInRemoval { name: name.to_string(), result: Done::Done }))
}

/// `POST /api/v1/hooks-in/{hook}/test`: what it would do with a payload. Nothing is done.
pub async fn test(
    State(core): State<Core>,
    Path(name): Path<String>,
    call: Write,
) -> Result<Json<HookInTest>, ApiError> {
    call.caller.needs(Role::Admin)?;
    let name = hook_name(&name)?;
    let request: HookInTestRequest = call.read()?;
    refuse_others(&core, &call.caller, &name)?;
    call.query.finish()?;
    let stored = core.hooks_in.hook(&name).ok_or_else(|| unknown(&name))?;
    Ok(Json(test_payload(&core, (&name, readable(&name, &stored)?), &request).await?))
}

/// Whether a hook acts on an app that the caller's token is for.
fn is_for(caller: &Caller, stored: &StoredHookIn) -> bool {
    caller.scope.has_all_apps() || stored.hook.as_ref().is_ok_and(|hook| caller.scope.has_app(&hook.app))
}

/// Refuses to touch a hook that acts on an app which the caller's token is not for.
fn refuse_others(core: &Core, caller: &Caller, name: &HookName) -> Result<(), ApiError> {
    match core.hooks_in.hook(name) {
        Some(stored) if !is_for(caller, &stored) => {
            Err(caller.out_of_scope(&format!("is not for the app of the hook in `{name}`")))
        }
        _ => Ok(()),
    }
}

fn readable<'a>(name: &HookName, stored: &'a StoredHookIn) -> Result<&'a StoredHook, ApiError> {
    stored.hook.as_ref().map_err(|fault| {
        let message = format!("the stored hook in `{name}` cannot be read ({fault}); write it anew");
        ApiError::new(Kind::Refused("unreadable"), message)
    })
}
