//! The JSON API below `/api/v1`: one handler per call, one table of errors (`error`), one shape of state (`state`).
//!
//! Reads answer from what this router serves, so they work while the store does not. Writes go to the store.

pub mod answer;
pub mod apps;
pub mod body;
pub mod description;
pub mod drains;
pub mod dry_run;
pub mod endpoints;
pub mod explain;
pub mod fleet;
pub mod history;
pub mod hooks;
mod json;
pub mod kv;
pub mod locks;
pub mod previews;
pub mod query;
pub mod request;
pub mod router;
pub mod settings;
pub mod snapshot;
mod state;
pub mod store;
pub mod stream;
pub mod tracks;

use axum::{
    Router,
    extract::{Request, State},
    response::{IntoResponse as _, Response},
    routing::{delete, get, post, put},
};

use crate::control::shared::{
    core::Core,
    error::{ApiError, Kind},
};

/// Every call of the API.
pub fn routes() -> Router<Core> {
    let app = Router::new()
        .route("/", get(apps::read).delete(apps::remove))
        .route("/releases", get(apps::releases))
        .route("/candidate", put(tracks::set_candidate).delete(tracks::abort))
        .route("/stable", put(tracks::set_stable))
        .route("/blend", put(tracks::set_blend))
        .route("/sticky", put(tracks::set_sticky))
        .route("/lock", put(locks::lock).delete(locks::unlock))
        .route("/promote", post(tracks::promote))
        .route("/abort", post(tracks::abort))
        .route("/rollback", post(tracks::rollback))
        .route("/drain/finish", post(drains::finish_named))
        .route(
            "/releases/{release}/endpoints/{endpoint}/drain",
            get(endpoints::read).put(endpoints::drain).delete(endpoints::undrain),
        )
        .route("/draining", delete(drains::finish_all))
        .route("/draining/{tenure}", delete(drains::finish_one))
        .route("/history", get(history::read))
        .route("/explain", post(explain::explain))
        .route("/who-moves", post(dry_run::ask))
        .route("/previews", get(previews::list).post(previews::create))
        .route("/previews/{id}", delete(previews::revoke))
        .route("/settings", get(settings::read).put(settings::replace).patch(settings::merge))
        .route("/stream", get(stream::of_app));
    Router::new()
        .route("/api/v1/apps", get(apps::list))
        .nest("/api/v1/apps/{app}", app)
        .route("/api/v1/stream", get(stream::of_all))
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
        .fallback(raw_keyvalues)
}

/// Raw keyvalues are told apart by their path as it came, which a route's pattern would not give.
async fn raw_keyvalues(state: State<Core>, request: Request) -> Response {
    if kv::is_kv(request.uri().path()) {
        return kv::handle(state, request).await;
    }
    ApiError::new(Kind::NotFound, "there is nothing at this path").into_response()
}
