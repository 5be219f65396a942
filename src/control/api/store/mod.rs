//! The store behind this router, for other routers: the whole contract below `/api/v1/store`, for routers' and
//! admins' tokens alone, since it holds the fleet's own keys too. `keyvalues::wire` has the forms, `--store http://` is the other side.
//!
//! Everything is passed through as it is. Only what changes the store is refused while this router's store is not
//! the one that its table came from, unless it settles just that.

mod call;
mod leases;
mod replacement;
mod watch;

use axum::{
    Json,
    extract::State,
    http::header,
    response::{IntoResponse as _, Response},
};
use keyvalues::{
    Check, Listing,
    wire::{About, CommitCall, EntryForm, GetAnswer, GetCall, ListCall, OutcomeForm},
};

use self::call::{Call, refuse_call};
use crate::control::{
    api::{calls::Calls, request::Read, router},
    commands::quota::{admit, admit_raw},
    limits::LISTING_PART_BYTES,
    shared::{
        audit::{redaction::is_secret, trail},
        body_stream::{BodyError, Parts, stream_body},
        core::Core,
        entries::EPOCH,
        error::{ApiError, Kind as Failure},
        fleet::member::Kind,
    },
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
        .post("/api/v1/store/replacement", replacement::ask)
}

/// `GET /api/v1/store`
async fn about(State(core): State<Core>, call: Read) -> Result<Json<About>, ApiError> {
    call.caller.needs_store()?;
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
async fn list(State(core): State<Core>, call: Call<ListCall>) -> Result<Response, ApiError> {
    let prefixes: Vec<&str> = call.asked.prefixes.iter().map(String::as_str).collect();
    let listing = match (call.asked.limit, &prefixes[..]) {
        (None, _) if call.asked.after.is_none() => core.store.list(&prefixes).await?,
        (Some(limit), [prefix]) => {
            let after = call.asked.after().map_err(refuse_call)?;
            let mut page = core.store.page(prefix, after.as_ref(), limit).await?;
            page.entries.truncate(limit);
            page
        }
        _ => return Err(ApiError::value("limit", "a page is of one prefix, and `after` needs a `limit`")),
    };
    let body = stream_body(core.calls.threads(), |parts| send(listing, parts));
    Ok(([(header::CONTENT_TYPE, "application/json")], body).into_response())
}

/// A listing, written while it is sent: as text it is longer than what it is made from.
async fn send(listing: Listing, parts: Parts) -> Result<(), BodyError> {
    let mut part = format!("{{\"revision\":{},\"entries\":[", listing.revision);
    let mut separator = "";
    for entry in listing.entries {
        part.push_str(separator);
        separator = ",";
        // Texts, numbers and base64 have a JSON form.
        part.push_str(&serde_json::to_string(&EntryForm::from(entry)).unwrap_or_default());
        if part.len() >= LISTING_PART_BYTES {
            parts.send(std::mem::take(&mut part)).await?;
        }
    }
    parts.send(part + "]}").await
}

/// Whether a commit has effect only in the store that the other router has listed: what it writes there an operator
/// decided. Restoring the store renews its epoch, which makes it another one to this router before it is whole.
fn is_held_to_the_epoch(checks: &[Check]) -> bool {
    checks.iter().any(|check| matches!(check, Check::Unchanged(key, _) if key.as_str() == EPOCH))
}

/// `POST /api/v1/store/commit`
async fn commit(State(core): State<Core>, call: Call<CommitCall>) -> Result<Json<OutcomeForm>, ApiError> {
    let (checks, writes) = call.asked.read().map_err(refuse_call)?;
    let settles = is_held_to_the_epoch(&checks);
    if !settles {
        core.replica.require_known_store().await?;
    }
    // What members say of themselves they say every two seconds.
    let is_routine = writes.iter().all(|write| Kind::of(write.key().as_str()).is_some());
    trail::note(|notes| notes.is_routine = is_routine);
    // Members have admitted what they write; an import has not.
    admit(&core, &writes).await?;
    admit_raw(&core, &writes).await?;
    let outcome = core.store.commit(checks, writes).await?;
    if settles && core.replica.status.diverged().is_some() {
        // It may be pausing, and the store may be whole now.
        core.replica.relist.notify_one();
    }
    Ok(Json(outcome.into()))
}
