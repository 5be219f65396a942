//! The router itself: its state, the live stream, health and metrics.

use serde_json::json;

use super::super::operation::Operation;
use crate::schema::{
    audit::{AuditOutcome, AuditPage},
    freeze::{FreezeWindows, FreezeWindowsRequest},
    router::{Router, RouterFiles},
    stream::{ActivityEvent, GoneEvent, HooksEvent},
};

pub fn calls() -> Vec<Operation> {
    let mut calls = streams();
    calls.extend(vec![
        Operation::get("/api/v1/router", "router", "The router")
            .says("Version, store, listeners, problems.")
            .answers::<Router>(200, "The router that answers.")
            .refuses(&[400]),
        Operation::get("/api/v1/router/files", "routerFiles", "What the router needs beside its store")
            .role("operator")
            .says("The files that its settings name: a backup of the store does not hold them, and a restore needs them. For operators.")
            .answers::<RouterFiles>(200, "The files.")
            .refuses(&[400, 403]),
        audit(),
        Operation::get("/api/v1/freeze-windows", "freezeWindows", "The freeze windows of all apps")
            .says("Those of one app are its setting `freeze_windows`.")
            .answers::<FreezeWindows>(200, "The windows.")
            .refuses(&[400, 503]),
        Operation::put("/api/v1/freeze-windows", "setFreezeWindows", "Set the freeze windows of all apps")
            .role("operator")
            .says(
                "While one stands, a `ci` token gets 423 `frozen` with its end for everything but abort and rollback. A window is a \
                 line: from a time to another one of every day (`22:00 - 06:00 UTC`), week (`Fri 16:00 - Mon 08:00 Europe/Berlin`) \
                 or year (`12-20 00:00 - 01-07 00:00 Asia/Tokyo`), by the clock of a time zone of the IANA. If-Match takes the `version` that was seen.",
            )
            .takes::<FreezeWindowsRequest>(true)
            .answers::<FreezeWindows>(200, "The windows then.")
            .shared("if_match")
            .refuses(&[400, 403, 409, 412, 422, 503]),
        Operation::get("/api/openapi.json", "openapi", "This description")
            .with(200, "OpenAPI 3.1.", "application/json", json!({ "type": "object" }))
            .refuses(&[400]),
    ]);
    calls.extend(probes());
    calls
}

fn audit() -> Operation {
    let text = || json!({ "type": "string" });
    let number = || json!({ "type": "integer", "minimum": 1 });
    let outcome = json!({ "type": "string", "enum": AuditOutcome::ALL.map(AuditOutcome::as_str) });
    Operation::get("/api/v1/audit", "audit", "Who changed what, or tried to").role("admin")
        .says(
            "The newest calls to this router that change something or read secrets, done or refused, newest first; for \
             admins. The setting `audit_log` writes all of them.",
        )
        .parameter("query", "limit", json!({ "type": "integer", "minimum": 1, "maximum": 200 }), "How many; left out: 50.")
        .parameter("query", "before", number(), "Only entries with a smaller `id`: the next page.")
        .parameter("query", "app", text(), "Only calls about this app.")
        .parameter("query", "actor", text(), "Only calls with the token of this name.")
        .parameter("query", "via", text(), "Only calls by this door.")
        .parameter("query", "outcome", outcome, "Only calls that ended like this.")
        .answers::<AuditPage>(200, "A page of entries.")
        .refuses(&[400, 403, 422])
}

fn streams() -> Vec<Operation> {
    let events = "`event: state` (App) with `id: <seq>-<n>`, `event: router` (Router) and `event: fleet` (Fleet) at once \
                  and at each change; `event: activity` (ActivityEvent) every second while something changes; \
                  `event: gone` (GoneEvent) when an app ends; `event: hooks` (HooksEvent) when anything about hooks \
                  changed; a comment after 2 s without any. Whatever `Last-Event-ID` says, whole states come first.";
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
