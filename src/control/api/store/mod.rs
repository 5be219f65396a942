//! The store behind this router, for other routers: the whole contract below `/api/v1/store`, for admins alone, since
//! it holds the fleet's own keys too. `keyvalues::wire` has the forms, `--store http://` is the other side.
//!
//! Everything is passed through as it is. Only what changes the store is refused while this router's store is not
//! the one that its table came from, unless it settles just that.

mod call;
mod leases;
mod watch;

use axum::{Json, extract::State};
use keyvalues::{
    Check,
    wire::{About, CommitCall, GetAnswer, GetCall, ListAnswer, ListCall, OutcomeForm},
};

use self::call::{Call, refuse_call};
use crate::{
    control::{
        api::{calls::Calls, request::Read, router},
        shared::{
            audit::{redaction::is_secret, trail},
            core::Core,
            entries::EPOCH,
            error::{ApiError, Kind as Failure},
            fleet::member::Kind,
        },
    },
    rollout::command::Role,
};

/// Its calls, and those that settle what becomes of it.
pub fn calls(calls: Calls) -> Calls {
    calls
        .get("/api/v1/store", about)
        .post("/api/v1/store/get", read)
        .post("/api/v1/store/list", list)
        .post("/api/v1/store/commit", commit)
        .post("/api/v1/store/watch", watch::follow)
        .post("/api/v1/store/leases", leases::grant)
        .delete("/api/v1/store/leases/{lease}", leases::revoke)
        .post("/api/v1/store/leases/{lease}/keep-alive", leases::keep_alive)
        .post("/api/v1/store/accept", router::accept)
        .post("/api/v1/store/restore", router::restore)
}

/// `GET /api/v1/store`
async fn about(State(core): State<Core>, call: Read) -> Result<Json<About>, ApiError> {
    call.caller.needs(Role::Admin)?;
    call.query.finish()?;
    if core.is_follower {
        let message = "this router follows the keys of a server; it has no store of its own to serve";
        return Err(ApiError::new(Failure::Unsupported, message));
    }
    let epoch = core.store.epoch().await?;
    Ok(Json(About::of(core.store.capabilities(), epoch)))
}

/// `POST /api/v1/store/get`
async fn read(State(core): State<Core>, call: Call<GetCall>) -> Result<Json<GetAnswer>, ApiError> {
    let key = call.asked.read().map_err(refuse_call)?;
    let entry = core.store.get(&key).await?;
    trail::note(|notes| notes.is_routine = !is_secret(key.as_str()));
    Ok(Json(GetAnswer { entry: entry.map(Into::into) }))
}

/// `POST /api/v1/store/list`
async fn list(State(core): State<Core>, call: Call<ListCall>) -> Result<Json<ListAnswer>, ApiError> {
    let prefixes: Vec<&str> = call.asked.prefixes.iter().map(String::as_str).collect();
    Ok(Json(core.store.list(&prefixes).await?.into()))
}

/// Whether a commit has effect only in the store that the other router has listed: what it writes there an operator
/// decided. Restoring the store renews its epoch, which makes it another one to this router before it is whole.
fn is_held_to_the_epoch(checks: &[Check]) -> bool {
    checks.iter().any(|check| matches!(check, Check::Unchanged(key, _) if key.as_str() == EPOCH))
}

/// `POST /api/v1/store/commit`
async fn commit(State(core): State<Core>, call: Call<CommitCall>) -> Result<Json<OutcomeForm>, ApiError> {
    let (checks, writes) = call.asked.read().map_err(refuse_call)?;
    if !is_held_to_the_epoch(&checks) {
        core.replica.require_known_store().await?;
    }
    // What members say of themselves they say every two seconds.
    let is_routine = writes.iter().all(|write| Kind::of(write.key().as_str()).is_some());
    trail::note(|notes| notes.is_routine = is_routine);
    Ok(Json(core.store.commit(checks, writes).await?.into()))
}
