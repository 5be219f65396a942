//! The reserved lane: what stops a rollout, and what says that the router lives, is answered whatever else the port is
//! asked for.
//!
//! Calls of the lane are carried out where they came in. All others are carried out on threads of their own, which give way
//! to everybody else, and no token has more than a few under way there. So neither a flood of calls nor a heavy one holds up
//! the lane, health checks or publishing.

use std::sync::Arc;

use axum::{
    extract::{Request, State},
    http::Method,
    middleware::Next,
    response::{IntoResponse as _, Response},
};
use tokio::task::JoinHandle;

use super::places::Place;
use crate::control::shared::{
    access::live_tokens::Pass,
    core::Core,
    error::{ApiError, Kind},
};

/// Carries out a request in the lane, or on the threads for everything else.
pub async fn carry_out(State(core): State<Core>, request: Request, next: Next) -> Response {
    if is_reserved(request.method(), request.uri().path()) {
        let place = request.extensions().get::<Arc<Place>>();
        let _reserved = place.map(|place| place.socket.reserve());
        return next.run(request).await;
    }
    let turn = match request.extensions().get::<Pass>() {
        None => None,
        Some(pass) => match core.calls.turn(pass).await {
            Ok(turn) => Some(turn),
            Err(busy) => return busy.into_response(),
        },
    };
    let carried_out = CallTask(core.calls.threads().spawn(next.run(request))).join().await;
    drop(turn);
    carried_out.unwrap_or_else(|| ApiError::new(Kind::Internal, "the call failed inside").into_response())
}

/// Whether a request belongs to the lane: probes, and the commands that stop a rollout, by each of their doors.
fn is_reserved(method: &Method, path: &str) -> bool {
    if path == "/healthz" || path == "/readyz" {
        return true;
    }
    let command = path.strip_prefix("/api/v1/apps/").and_then(|rest| rest.split_once('/'));
    match command.map(|(_, command)| command) {
        Some("abort" | "rollback") => *method == Method::POST,
        Some("lock") => *method == Method::PUT || *method == Method::DELETE,
        Some("candidate") => *method == Method::DELETE,
        _ => false,
    }
}

/// A call on another thread. It ends when nobody waits for it any more.
struct CallTask(JoinHandle<Response>);

impl CallTask {
    async fn join(mut self) -> Option<Response> {
        (&mut self.0).await.ok()
    }
}

impl Drop for CallTask {
    fn drop(&mut self) {
        self.0.abort();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_stops_a_rollout_is_reserved_by_each_of_its_doors() {
        let app = |rest: &str| format!("/api/v1/apps/shop/{rest}");
        for (method, path) in [
            (Method::GET, "/healthz".to_owned()),
            (Method::GET, "/readyz".to_owned()),
            (Method::POST, app("abort")),
            (Method::DELETE, app("candidate")),
            (Method::POST, app("rollback")),
            (Method::PUT, app("lock")),
            (Method::DELETE, app("lock")),
        ] {
            assert!(is_reserved(&method, &path), "{method} {path}");
        }
        for (method, path) in [
            (Method::GET, "/metrics".to_owned()),
            (Method::GET, app("abort")),
            (Method::PUT, app("candidate")),
            (Method::POST, app("promote")),
            (Method::POST, app("x/abort")),
            (Method::GET, "/api/v1/apps/abort".to_owned()),
        ] {
            assert!(!is_reserved(&method, &path), "{method} {path}");
        }
    }
}
