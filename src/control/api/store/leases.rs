//! Leases of other routers. This router holds the handles, and nothing that it holds keeps a lease alive: only
//! the other router's own calls do.

use std::sync::Arc;

use axum::{
    Json,
    extract::{Path, State},
};
use keyvalues::{
    StoreError,
    wire::{LeaseAnswer, LeaseCall},
};
use serde_json::Value;

use super::call::Call;
use crate::{
    control::{
        api::request::Read,
        limits::STORE_LEASES_MAX,
        shared::{
            audit::trail,
            core::Core,
            error::{ApiError, Kind},
            served_store::{GrantedLease, lease_end},
        },
    },
    schema::app::DoneAnswer,
};

/// `POST /api/v1/store/leases`
pub async fn grant(State(core): State<Core>, call: Call<LeaseCall>) -> Result<Json<LeaseAnswer>, ApiError> {
    core.replica.require_known_store().await?;
    let now = core.clock.monotonic();
    if !core.served_store.leases.has_room(now) {
        return Err(ApiError::new(Kind::Busy, format!("{STORE_LEASES_MAX} leases run already")));
    }
    let ttl = call.asked.ttl();
    let lease = core.store.lease(ttl).await?;
    let id = lease.id().0;
    let handle = Arc::new(tokio::sync::Mutex::new(Some(lease)));
    core.served_store.leases.lock().insert(id, GrantedLease { handle, ttl, ends: lease_end(now, ttl) });
    Ok(Json(LeaseAnswer { lease: id }))
}

/// `POST /api/v1/store/leases/{lease}/keep-alive`
pub async fn keep_alive(
    State(core): State<Core>,
    Path(lease): Path<String>,
    call: Call<Value>,
) -> Result<Json<DoneAnswer>, ApiError> {
    let id = number(&lease)?;
    let handle = core.served_store.leases.find(id)?;
    let handle = handle.lock().await;
    let lease = handle.as_ref().ok_or(StoreError::LeaseEnded)?;
    core.store.keep_alive(&**lease).await?;
    core.served_store.leases.extend(id, core.clock.monotonic());
    trail::note(|notes| notes.is_routine = true);
    drop(call);
    Ok(Json(DoneAnswer::default()))
}

/// `DELETE /api/v1/store/leases/{lease}`
pub async fn revoke(
    State(core): State<Core>,
    Path(lease): Path<String>,
    call: Read,
) -> Result<Json<DoneAnswer>, ApiError> {
    call.caller.needs_store()?;
    let id = number(&lease)?;
    let handle = core.served_store.leases.find(id)?;
    let lease = handle.lock().await.take().ok_or(StoreError::LeaseEnded)?;
    core.served_store.leases.lock().remove(&id);
    core.store.revoke(lease).await?;
    Ok(Json(DoneAnswer::default()))
}

fn number(text: &str) -> Result<u64, ApiError> {
    let refused = |_| {
        ApiError::new(Kind::Malformed, "the lease must be a whole number, as the grant gave it")
            .field("lease")
    };
    text.parse().map_err(refused)
}
