//! Hooks: listed, written, removed, tested.
//!
//! Operators read, admins write. A secret is in the answer to the call that had the router make it, and nowhere else.

pub(super) mod call;
mod change;
mod describe;
pub(super) mod removal;
mod store;
pub(super) mod writing;

use self::{
    call::{hook_name, tagged},
    change::HookChange,
    describe::{describe, describe_readable},
    store::{delete, put, unknown},
};
use super::request::{NoFields, Read, Write};
use crate::{
    control::{
        hooks::{
            client::HookClient,
            delivery::{Attempt, make_attempt},
            progress_store::advance,
        },
        limits::SERVED_WAIT_MAX,
        shared::{
            access::caller::Caller,
            core::Core,
            error::{ApiError, Kind},
            hooks::{
                board::StoredHook,
                event::EventKind,
                hook::HookName,
                message::Message,
                progress::{DeliveryOutcome, Topic},
                secret::Secret,
            },
        },
    },
    rollout::command::Role,
    schema::{
        app::Done,
        hook::{Hook, HookEvent, HookRemoval, HookState, HookTest, Hooks},
    },
};
use axum::{
    Json,
    extract::{Path, State},
    http::StatusCode,
    response::Response,
};

/// `GET /api/v1/hooks`
pub async fn list(State(core): State<Core>, call: Read) -> Result<Json<Hooks>, ApiError> {
    call.caller.needs(Role::Operator)?;
    call.query.finish()?;
    let names = core.hooks.names();
    let stored = names.iter().filter_map(|name| Some((name, core.hooks.hook(name)?)));
    let shown = stored.filter(|(_, stored)| is_for(&call.caller, stored));
    let shown = shown.map(|(name, stored)| describe(&core, name, &stored));
    let hooks: Vec<HookState> = shown.collect();
    let event = |kind: EventKind| HookEvent { name: kind.to_string(), about: kind.about().to_owned() };
    let events = EventKind::choices().map(event).collect();
    let claim = core.hooks.claim().filter(|_| !hooks.is_empty());
    let sender = claim.map(|claim| {
        let members = core.roster.members();
        members.get(&claim.node).map_or(claim.node.clone(), |member| member.name(&claim.node).to_owned())
    });
    Ok(Json(Hooks { hooks, events, sender }))
}

/// `GET /api/v1/hooks/{hook}`
pub async fn read(
    State(core): State<Core>,
    Path(name): Path<String>,
    call: Read,
) -> Result<Response, ApiError> {
    call.caller.needs(Role::Operator)?;
    call.query.finish()?;
    let name = hook_name(&name)?;
    let stored = core.hooks.hook(&name).filter(|stored| is_for(&call.caller, stored));
    let stored = stored.ok_or_else(|| unknown(&name))?;
    Ok(tagged(StatusCode::OK, &describe(&core, &name, &stored), stored.revision))
}

/// `PUT /api/v1/hooks/{hook}`: makes one, or says anew all of it but its secret.
pub async fn write(
    State(core): State<Core>,
    Path(name): Path<String>,
    call: Write,
) -> Result<Response, ApiError> {
    call.caller.needs(Role::Admin)?;
    let name = hook_name(&name)?;
    let change = HookChange::check(&core, call.read()?)?;
    if !call.caller.scope.has_each(change.apps.as_ref()) {
        let why = "is for some apps only: allowed is a list `apps` of those";
        return Err(call.caller.out_of_scope(why).field("apps"));
    }
    refuse_others(&core, &call.caller, &name)?;
    let (by, if_match) = (call.caller.name.clone(), call.if_match);
    call.query.finish()?;
    core.replica.require_known_store().await?;
    let made = Secret::generate().map_err(|error| ApiError::new(Kind::Internal, error.to_string()))?;
    let written = put(&core, &name, &change, &by, if_match, &made).await?;
    tracing::info!(hook = %name, actor = by, "a hook was written");
    let status = written.status(&core).await;
    let is_made = change.secret.is_none() && written.hook.secret == made;
    let secret = is_made.then(|| made.reveal());
    let shown = Hook { secret, ..describe_readable(&core, &name, &written.hook, written.revision) };
    Ok(tagged(status, &shown, written.revision))
}

/// `DELETE /api/v1/hooks/{hook}`
pub async fn remove(
    State(core): State<Core>,
    Path(name): Path<String>,
    call: Write,
) -> Result<Json<HookRemoval>, ApiError> {
    call.caller.needs(Role::Admin)?;
    call.read::<NoFields>()?;
    let name = hook_name(&name)?;
    refuse_others(&core, &call.caller, &name)?;
    let (by, if_match) = (call.caller.name.clone(), call.if_match);
    call.query.finish()?;
    core.replica.require_known_store().await?;
    let revision = delete(&core, &name, if_match).await?;
    core.replica.wait_for(revision, SERVED_WAIT_MAX).await;
    tracing::info!(hook = %name, actor = by, "a hook was removed");
    Ok(Json(HookRemoval { name: name.to_string(), result: Done::Done }))
}

/// `POST /api/v1/hooks/{hook}/test`: sends a test, once, and says what came of it. A paused hook is tested too.
pub async fn test(
    State(core): State<Core>,
    Path(name): Path<String>,
    call: Write,
) -> Result<Json<HookTest>, ApiError> {
    call.caller.needs(Role::Admin)?;
    call.read::<NoFields>()?;
    let name = hook_name(&name)?;
    refuse_others(&core, &call.caller, &name)?;
    let by = call.caller.name.clone();
    call.query.finish()?;
    let stored = core.hooks.hook(&name).ok_or_else(|| unknown(&name))?;
    let hook = stored.hook.as_ref().map_err(|fault| unreadable(&name, fault))?;
    let _place = core.hooks.tests.try_acquire().map_err(|_| {
        ApiError::new(Kind::Busy, "several hooks are being tested already; try again when they have answered")
    })?;
    let message = Message::test(&name, &by, core.clock.wall_ms());
    let id = message.id(&format!("{}{:?}", core.roster.epoch(), core.clock.monotonic()));
    let client = HookClient::new(hook, &core.addresses.load())
        .map_err(|error| ApiError::new(Kind::Internal, error.to_string()))?;
    let done = make_attempt(&client, &hook.secret, &id, &message, &core.clock).await;
    let ended = if done.delivered { DeliveryOutcome::Delivered } else { DeliveryOutcome::Failed };
    core.hooks.count(&name, ended);
    let delivery = done.delivery(&message, id, 1, ended, message.at, core.name());
    // What was answered is what was asked for; that it is kept is not.
    let _ = advance(&core, &name, &Topic::None, 0, Some(&delivery)).await;
    let Attempt { delivered, status, ms, error, answer, .. } = done;
    Ok(Json(HookTest { delivered, status, ms, error, answer }))
}

/// Whether a hook is about nothing but apps that the caller's token is for.
fn is_for(caller: &Caller, stored: &StoredHook) -> bool {
    caller.scope.has_all_apps()
        || stored.hook.as_ref().is_ok_and(|hook| caller.scope.has_each(hook.apps.as_ref()))
}

/// Refuses to touch a hook that is about apps which the caller's token is not for.
fn refuse_others(core: &Core, caller: &Caller, name: &HookName) -> Result<(), ApiError> {
    match core.hooks.hook(name) {
        Some(stored) if !is_for(caller, &stored) => {
            Err(caller
                .out_of_scope(&format!("is for some apps only, and the hook `{name}` is for others too")))
        }
        _ => Ok(()),
    }
}

fn unreadable(name: &HookName, fault: &str) -> ApiError {
    let message = format!("the stored hook `{name}` cannot be read ({fault}); write it anew");
    ApiError::new(Kind::Refused("unreadable"), message)
}
