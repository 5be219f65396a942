//! The admin port: the API and this port's own pages, all of it behind the guard, on every socket that it has.

use std::{io, net::SocketAddr, sync::Arc};

use axum::{
    Router,
    extract::{RawQuery, State},
    http::StatusCode,
    middleware::{from_fn, from_fn_with_state},
    response::{IntoResponse as _, Response},
    routing::get,
};
use tokio::{runtime::Handle, task::JoinSet};

use super::{
    guard::{guard, only_senders},
    gui,
    lane::carry_out,
    listener::{self, Port},
    metrics,
    places::Places,
    recording::follow_trail,
};
use crate::control::shared::{
    core::Core,
    error::{ApiError, Kind},
    status::StoreState,
};

/// Bound sockets, and what is served there beside what every port has.
#[derive(Debug)]
pub struct Sockets {
    /// Of the admin port: the API and the port's own pages.
    pub admin: Vec<std::net::TcpListener>,
    /// Of a port that is for senders to hooks in alone.
    pub hooks: Vec<std::net::TcpListener>,
}

/// Serves bound sockets on threads of their own; gives the addresses of the admin port.
pub fn listen(
    core: &Core,
    tasks: &mut JoinSet<()>,
    threads: &Handle,
    sockets: Sockets,
    (api, senders): (Router<Core>, Router<Core>),
) -> io::Result<Vec<SocketAddr>> {
    let _threads = threads.enter();
    let admin = Port { routes: routes(core, api), is_admin: true };
    let hooks = Port { routes: routes_of_senders(core, senders), is_admin: false };
    let places = Places::new(&core.options.limits);
    let mut addresses = Vec::new();
    let of_admin = sockets.admin.into_iter().map(|socket| (socket, &admin));
    for (socket, port) in of_admin.chain(sockets.hooks.into_iter().map(|socket| (socket, &hooks))) {
        let listener = listener::listener(socket)?;
        if port.is_admin {
            addresses.push(listener.local_addr()?);
        }
        let serving = listener::serve(core.clone(), listener, port.clone(), Arc::clone(&places));
        tasks.spawn_on(serving, threads);
    }
    let core = core.clone();
    let closing = async move {
        tokio::select! {
            () = listener::close_unread(places) => {}
            () = core.lifecycle.closing_ports() => {}
        }
    };
    tasks.spawn_on(closing, threads);
    Ok(addresses)
}

/// Everything that the port for senders serves.
fn routes_of_senders(core: &Core, senders: Router<Core>) -> Router {
    senders
        .fallback(|| async { ApiError::new(Kind::NotFound, "there is nothing at this path") })
        .method_not_allowed_fallback(wrong_method)
        .layer(from_fn(follow_trail))
        .layer(from_fn_with_state(core.clone(), carry_out))
        .layer(from_fn_with_state(core.clone(), guard))
        .layer(from_fn(only_senders))
        .with_state(core.clone())
}

/// Everything that the admin port serves.
fn routes(core: &Core, api: Router<Core>) -> Router {
    api.merge(gui::routes(&core.options.admin_base))
        .route("/healthz", get(|| async { "ok\n" }))
        .route("/readyz", get(ready))
        .route("/metrics", get(metrics::read))
        .method_not_allowed_fallback(wrong_method)
        .layer(from_fn(follow_trail))
        .layer(from_fn_with_state(core.clone(), carry_out))
        .layer(from_fn_with_state(core.clone(), guard))
        .with_state(core.clone())
}

/// Whether end users are served, and what an operator should mend.
async fn ready(State(core): State<Core>, RawQuery(query): RawQuery) -> Response {
    if let Some(name) = query.as_deref().filter(|query| !query.is_empty()) {
        let message = format!("`/readyz` takes no parameter, but was sent `{}`", name.escape_debug());
        return ApiError::new(Kind::Malformed, message).into_response();
    }
    let is_ready = core.lifecycle.is_ready();
    let status = if is_ready { StatusCode::OK } else { StatusCode::SERVICE_UNAVAILABLE };
    let mut text = if is_ready { "ready\n" } else { "not ready\n" }.to_owned();
    match core.replica.status.state() {
        StoreState::Current => {}
        state if is_ready => {
            let why = core.replica.status.detail().map(|why| format!(" ({why})")).unwrap_or_default();
            text += &format!("the store is {}; the last good table is served{why}\n", state.as_str());
        }
        _ => {}
    }
    for fault in core.tokens.faults().into_iter().chain(core.lifecycle.front_fault()) {
        text += &format!("{fault}\n");
    }
    (status, text).into_response()
}

async fn wrong_method() -> ApiError {
    ApiError::new(Kind::Method, "this path does not take this method")
}
