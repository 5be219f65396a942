//! Leases of other routers. This router holds the handles, and nothing that it holds keeps a lease alive: only
//! the other router's own calls do.

use std::{
    collections::HashMap,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use axum::{
    Json,
    extract::{Path, State},
};
use keyvalues::{
    Lease, StoreError,
    wire::{LeaseCall, LeaseGranted, ttl},
};
use serde_json::{Value, json};

use super::call::Call;
use crate::{
    control::{
        api::request::Read,
        limits::STORE_LEASES_MAX,
        shared::{
            core::Core,
            error::{ApiError, Kind},
        },
    },
    rollout::command::Role,
};

/// A handle that one call at a time uses; empty once it is revoked.
type Handle = Arc<tokio::sync::Mutex<Option<Box<dyn Lease>>>>;

/// The leases that were granted and may still run.
#[derive(Default)]
pub struct Leases(Mutex<HashMap<u64, Granted>>);

struct Granted {
    handle: Handle,
    ttl: Duration,
    /// When it has surely ended (monotonic), unless it is kept alive.
    ends: Duration,
}

impl Leases {
    fn lock(&self) -> MutexGuard<'_, HashMap<u64, Granted>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Room for one more, after those that have ended are gone.
    fn has_room(&self, now: Duration) -> bool {
        let mut granted = self.lock();
        granted.retain(|_, lease| lease.ends > now);
        granted.len() < STORE_LEASES_MAX
    }

    fn find(&self, id: u64) -> Result<Handle, ApiError> {
        let found = self.lock().get(&id).map(|lease| Arc::clone(&lease.handle));
        found.ok_or_else(|| StoreError::LeaseEnded.into())
    }

    fn extend(&self, id: u64, now: Duration) {
        if let Some(lease) = self.lock().get_mut(&id) {
            lease.ends = end(now, lease.ttl);
        }
    }
}

impl std::fmt::Debug for Leases {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Leases").field("count", &self.lock().len()).finish()
    }
}

/// A store may count whole seconds, and at least two, so a handle is kept for longer than was asked for.
fn end(now: Duration, ttl: Duration) -> Duration {
    now + ttl * 2 + Duration::from_secs(2)
}

/// `POST /api/v1/store/leases`
pub async fn grant(State(core): State<Core>, call: Call<LeaseCall>) -> Result<Json<LeaseGranted>, ApiError> {
    core.refuse_when_diverged()?;
    let now = core.clock.monotonic();
    if !core.served_store.leases.has_room(now) {
        return Err(ApiError::new(Kind::Busy, format!("{STORE_LEASES_MAX} leases run already")));
    }
    let ttl = ttl(&call.asked);
    let lease = core.store.lease(ttl).await?;
    let id = lease.id().0;
    let handle = Arc::new(tokio::sync::Mutex::new(Some(lease)));
    core.served_store.leases.lock().insert(id, Granted { handle, ttl, ends: end(now, ttl) });
    Ok(Json(LeaseGranted { lease: id }))
}

/// `POST /api/v1/store/leases/{lease}/keep-alive`
pub async fn keep_alive(
    State(core): State<Core>,
    Path(lease): Path<String>,
    call: Call<Value>,
) -> Result<Json<Value>, ApiError> {
    let id = number(&lease)?;
    let handle = core.served_store.leases.find(id)?;
    let handle = handle.lock().await;
    let lease = handle.as_ref().ok_or(StoreError::LeaseEnded)?;
    core.store.in_time(lease.keep_alive()).await?;
    core.served_store.leases.extend(id, core.clock.monotonic());
    drop(call);
    Ok(Json(json!({ "result": "done" })))
}

/// `DELETE /api/v1/store/leases/{lease}`
pub async fn revoke(
    State(core): State<Core>,
    Path(lease): Path<String>,
    call: Read,
) -> Result<Json<Value>, ApiError> {
    call.caller.needs(Role::Admin)?;
    let id = number(&lease)?;
    let handle = core.served_store.leases.find(id)?;
    let lease = handle.lock().await.take().ok_or(StoreError::LeaseEnded)?;
    core.served_store.leases.lock().remove(&id);
    core.store.in_time(lease.revoke()).await?;
    Ok(Json(json!({ "result": "done" })))
}

fn number(text: &str) -> Result<u64, ApiError> {
    let refused = |_| ApiError::new(Kind::Malformed, "a lease is named by its number").field("lease");
    text.parse().map_err(refused)
}
