//! The JSON API below `/api/v1`: one handler per call, one table of errors (`error`), one shape of state (`state`).
//!
//! Reads answer from what this router serves, so they work while the store does not. Writes go to the store.

pub mod apps;
pub mod body;
pub mod description;
pub mod endpoints;
pub mod explain;
pub mod fleet;
pub mod history;
pub mod hooks;
pub mod previews;
pub mod query;
pub mod request;
pub mod router;
pub mod settings;
pub mod state;
pub mod store;
pub mod tracks;
pub mod who_moves;

use axum::{
    Json, Router,
    http::{HeaderValue, StatusCode, header},
    response::{IntoResponse, Response},
    routing::{delete, get, post, put},
};
use serde_json::{Map, Value, json};

use self::{query::WriteQuery, state::Snapshot};
use super::{
    commands::{Executed, unknown_app},
    core::Core,
    error::ApiError,
    fleet::wait::{Applied, Target, applied},
    limits::SERVED_WAIT_MAX,
};
use crate::rollout::app::AppName;

/// Every call of the API.
pub fn routes() -> Router<Core> {
    let app = Router::new()
        .route("/", get(apps::read).delete(apps::remove))
        .route("/releases", get(apps::releases))
        .route("/candidate", put(tracks::set_candidate).delete(tracks::abort))
        .route("/stable", put(tracks::set_stable))
        .route("/blend", put(tracks::set_blend))
        .route("/sticky", put(tracks::set_sticky))
        .route("/lock", put(tracks::lock).delete(tracks::unlock))
        .route("/promote", post(tracks::promote))
        .route("/abort", post(tracks::abort))
        .route("/rollback", post(tracks::rollback))
        .route("/drain/finish", post(tracks::finish_named))
        .route(
            "/releases/{release}/endpoints/{endpoint}/drain",
            get(endpoints::read).put(endpoints::drain).delete(endpoints::undrain),
        )
        .route("/draining", delete(tracks::finish_drains))
        .route("/draining/{tenure}", delete(tracks::finish_drain))
        .route("/history", get(history::read))
        .route("/explain", post(explain::explain))
        .route("/who-moves", post(who_moves::foretell))
        .route("/previews", get(previews::list).post(previews::create))
        .route("/previews/{id}", delete(previews::revoke))
        .route("/settings", get(settings::read).put(settings::replace).patch(settings::merge))
        .route("/stream", get(super::stream::of_app));
    Router::new()
        .route("/api/v1/apps", get(apps::list))
        .nest("/api/v1/apps/{app}", app)
        .route("/api/v1/stream", get(super::stream::of_all))
        .route("/api/v1/router", get(router::read))
        .nest("/api/v1/store", store::routes())
        .route("/api/v1/fleet", get(fleet::read))
        .route("/api/v1/fleet/rotate-keys", post(fleet::rotate_keys))
        .route("/api/v1/fleet/{member}", delete(fleet::remove))
        .route("/api/v1/store/accept", post(router::accept))
        .route("/api/v1/store/restore", post(router::restore))
        .route("/api/v1/hooks", get(hooks::list))
        .route("/api/v1/hooks/{hook}", get(hooks::read).put(hooks::write).delete(hooks::remove))
        .route("/api/v1/hooks/{hook}/test", post(hooks::test))
        .route("/api/v1/whoami", get(router::whoami))
        .route("/api/v1/tokens", get(router::tokens))
        .route("/api/openapi.json", get(description::read))
}

/// The answer to a change: waits until this router serves it (with `?wait=fleet` every member), then gives the new
/// state. 202 when that takes longer than the asker waits; the change itself stands.
pub async fn answer(core: &Core, app: &AppName, executed: Executed, query: &WriteQuery) -> Response {
    let (everywhere, applied) = reached(core, app, executed, query).await;
    let snapshot = Snapshot::of(core);
    let mut state = snapshot.state(app).unwrap_or_default();
    state.insert("result".into(), json!(if executed.changed { "done" } else { "unchanged" }));
    state.extend(applied.map(|applied| ("applied".into(), applied.json())));
    let status = if everywhere { StatusCode::OK } else { StatusCode::ACCEPTED };
    (status, with_etag(state, snapshot.seq(app))).into_response()
}

/// Whether a change is served where the asker wants it to be; with `?wait=fleet` also how far it is applied.
pub(super) async fn reached(
    core: &Core,
    app: &AppName,
    executed: Executed,
    query: &WriteQuery,
) -> (bool, Option<Applied>) {
    let Some(wait) = query.fleet else {
        return (core.served(executed.revision, SERVED_WAIT_MAX).await, None);
    };
    let target = Target::App(app.clone(), executed.seq, executed.routed);
    let (_, applied) = tokio::join!(core.served(executed.revision, wait), applied(core, &target, wait));
    (applied.is_everywhere(), Some(applied))
}

/// One app's state with its ETag; 404 when there is no such app.
pub fn state_answer(snapshot: &Snapshot, app: &AppName) -> Result<Response, ApiError> {
    let state = snapshot.state(app).ok_or_else(|| unknown_app(app))?;
    Ok(with_etag(state, snapshot.seq(app)))
}

fn with_etag(body: Map<String, Value>, seq: Option<u64>) -> Response {
    let mut response = Json(Value::Object(body)).into_response();
    set_etag(&mut response, seq);
    response
}

/// The seq as ETag.
pub fn set_etag(response: &mut Response, seq: Option<u64>) {
    if let Some(tag) = seq.and_then(|seq| HeaderValue::from_str(&format!("\"{seq}\"")).ok()) {
        response.headers_mut().insert(header::ETAG, tag);
    }
}
