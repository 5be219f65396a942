//! The calls about this router itself.

use axum::{Json, extract::State};
use serde_json::{Value, json};

use super::request::{Read, Write};
use crate::{
    control::{
        core::Core,
        error::{ApiError, Kind},
        limits::{SERVED_WAIT_MAX, STALE_AFTER},
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
    let view = core.view.load();
    let status = &core.status;
    json!({
        "node": core.node,
        "version": env!("CARGO_PKG_VERSION"),
        "uptime_seconds": core.clock.monotonic().saturating_sub(core.started).as_secs(),
        "ready": core.ready(),
        "store": {
            "kind": core.options.store_kind,
            "state": status.state().as_str(),
            "detail": status.diverged().or_else(|| status.down()),
            "staleness_seconds": status.staleness().map(|staleness| staleness.as_secs()),
            "revision": status.revision(),
        },
        "problems": view.problems,
        "listen": core.options.listen,
        "setup_needed": view.apps.is_empty(),
    })
}

/// `POST /api/v1/store/accept`: takes the store as it is now, after it was found to be another or an older one.
pub async fn accept(State(core): State<Core>, call: Write) -> Result<Json<Value>, ApiError> {
    call.caller.needs(Role::Admin)?;
    let actor = call.caller.name.clone();
    call.finish()?;
    if core.status.diverged().is_none() {
        let message = "the store is the one this router follows; there is nothing to accept";
        return Err(ApiError::new(Kind::Refused("not_diverged"), message));
    }
    tracing::warn!(actor, "the store is accepted as it is");
    if !core.accept_store(SERVED_WAIT_MAX + STALE_AFTER).await {
        return Err(ApiError::new(Kind::StoreUnavailable, "the store could not be read; try again"));
    }
    Ok(Json(json!({ "result": "done" })))
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
        .callers()
        .map(|caller| json!({ "name": caller.name, "role": caller.role.to_string() }))
        .collect();
    Ok(Json(json!({ "tokens": tokens })))
}
