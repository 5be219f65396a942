//! The calls about this router itself.

use axum::{Json, extract::State};
use serde_json::{Value, json};

use super::request::{Read, Write};
use crate::{
    control::{
        limits::{SERVED_WAIT_MAX, STALE_AFTER, STORE_RESTORE_MAX},
        shared::{
            core::Core,
            error::{ApiError, Kind},
            settlement::Decision,
        },
    },
    rollout::command::Role,
};

/// `GET /api/v1/router`
pub async fn read(State(core): State<Core>, call: Read) -> Result<Json<Value>, ApiError> {
    call.query.finish()?;
    Ok(Json(facts(&core)))
}

/// This router as the API and the live stream show it.
pub fn facts(core: &Core) -> Value {
    let view = core.replica.view.load();
    let status = &core.replica.status;
    json!({
        "node": core.node,
        "version": env!("CARGO_PKG_VERSION"),
        "uptime_seconds": core.clock.monotonic().saturating_sub(core.lifecycle.started).as_secs(),
        "ready": core.lifecycle.is_ready(),
        "store": {
            "kind": core.options.store_kind,
            "followed": core.is_follower,
            "state": status.state().as_str(),
            "detail": status.diverged().or_else(|| status.down()),
            "staleness_seconds": status.staleness().map(|staleness| staleness.as_secs()),
            "revision": status.revision(),
        },
        "problems": *view.problems,
        "listen": core.options.front,
        "setup_needed": view.apps.is_empty(),
    })
}

/// `POST /api/v1/store/accept`: takes the store as it is now, after it was found to be another or an older one.
pub async fn accept(State(core): State<Core>, call: Write) -> Result<Json<Value>, ApiError> {
    call.caller.needs(Role::Admin)?;
    let actor = call.caller.name.clone();
    call.finish()?;
    refuse_undiverged(&core)?;
    tracing::warn!(actor, "the store is accepted as it is");
    core.replica.settle(Decision::Accept, SERVED_WAIT_MAX + STALE_AFTER).await?;
    Ok(Json(json!({ "result": "done" })))
}

/// `POST /api/v1/store/restore`: writes the last good state back into a store that fell or was lost.
pub async fn restore(State(core): State<Core>, mut call: Write) -> Result<Json<Value>, ApiError> {
    call.caller.needs(Role::Admin)?;
    let actor = call.caller.name.clone();
    let replace = call.fields.flag("replace")?.unwrap_or(false);
    let dry_run = call.fields.flag("dry_run")?.unwrap_or(false);
    call.finish()?;
    refuse_undiverged(&core)?;
    if !dry_run {
        tracing::warn!(actor, replace, "the last good state is written back into the store");
    }
    let settled = core.replica.settle(Decision::Restore { replace, dry_run }, STORE_RESTORE_MAX).await?;
    let mut answer = json!(settled);
    answer["result"] = json!(if dry_run { "unchanged" } else { "done" });
    Ok(Json(answer))
}

fn refuse_undiverged(core: &Core) -> Result<(), ApiError> {
    if core.replica.status.diverged().is_some() {
        return Ok(());
    }
    let message = "the store is the one this router follows; there is nothing to settle";
    Err(ApiError::new(Kind::Refused("not_diverged"), message))
}

/// `GET /api/v1/whoami`
pub async fn whoami(call: Read) -> Result<Json<Value>, ApiError> {
    call.query.finish()?;
    Ok(Json(json!({ "name": call.caller.name, "role": call.caller.role.to_string() })))
}

/// `GET /api/v1/tokens`: who may come, never with what.
pub async fn tokens(State(core): State<Core>, call: Read) -> Result<Json<Value>, ApiError> {
    call.caller.needs(Role::Admin)?;
    call.query.finish()?;
    let tokens: Vec<Value> = core
        .tokens
        .now()
        .callers()
        .map(|caller| json!({ "name": caller.name, "role": caller.role.to_string() }))
        .collect();
    Ok(Json(json!({ "tokens": tokens })))
}
