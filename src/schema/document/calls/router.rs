//! The router itself: its state, the live stream, tokens, health and metrics.

use serde_json::json;

use super::super::operation::Operation;
use crate::schema::{
    router::Router,
    stream::{ActivityEvent, GoneEvent, HooksEvent},
    token::{Token, Tokens},
};

pub fn calls() -> Vec<Operation> {
    let mut calls = streams();
    calls.extend(vec![
        Operation::get("/api/v1/router", "router", "The router")
            .says("Version, store, listeners, problems.")
            .answers::<Router>(200, "The router that answers.")
            .refuses(&[400]),
        Operation::get("/api/v1/whoami", "whoami", "The token of the caller")
            .answers::<Token>(200, "The token, by name and role.")
            .refuses(&[400]),
        Operation::get("/api/v1/tokens", "tokens", "The tokens")
            .says("Names and roles, never the tokens themselves; for admins.")
            .answers::<Tokens>(200, "The tokens.")
            .refuses(&[400, 403]),
        Operation::get("/api/openapi.json", "openapi", "This description")
            .with(200, "OpenAPI 3.1.", "application/json", json!({ "type": "object" }))
            .refuses(&[400]),
    ]);
    calls.extend(probes());
    calls
}

fn streams() -> Vec<Operation> {
    let events = "`event: state` (App) with `id: <seq>-<n>`, `event: router` (Router) and `event: fleet` (Fleet) at once \
                  and at each change; `event: activity` (ActivityEvent) every second while something changes; \
                  `event: gone` (GoneEvent) when an app ends; `event: hooks` (HooksEvent) when anything about hooks \
                  changed; a comment every 10 s. Whatever `Last-Event-ID` says, whole states come first.";
    let stream = |operation: Operation| {
        operation
            .says(events)
            .mentions::<ActivityEvent>()
            .mentions::<GoneEvent>()
            .mentions::<HooksEvent>()
            .with(200, "Server-sent events.", "text/event-stream", json!({ "type": "string" }))
            .refuses(&[400, 503])
    };
    vec![
        stream(Operation::get("/api/v1/apps/{app}/stream", "streamApp", "Follow one app")).refuses(&[404]),
        stream(Operation::get("/api/v1/stream", "stream", "Follow all apps")),
    ]
}

fn probes() -> Vec<Operation> {
    let text = || json!({ "type": "string" });
    vec![
        Operation::get("/healthz", "healthz", "Liveness")
            .open()
            .with(200, "The process lives.", "text/plain", text()),
        Operation::get("/readyz", "readyz", "Readiness")
            .open()
            .with(
                200,
                "It is so; a second line says when the last good table is served because the store is down, stale or \
                 diverged.",
                "text/plain",
                text(),
            )
            .with(503, "Not yet, or it is shutting down.", "text/plain", text()),
        Operation::get("/metrics", "metrics", "Metrics, Prometheus text")
            .open()
            .with(200, "The metrics.", "text/plain", text()),
    ]
}
