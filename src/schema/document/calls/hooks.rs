//! Hooks.

use serde_json::json;

use super::super::operation::Operation;
use crate::schema::hook::{Hook, HookRemoval, HookRequest, HookState, HookTest, Hooks};

/// What the ETag of a hook is.
const TAG: &str = "Names this version of the hook.";

pub fn calls() -> Vec<Operation> {
    vec![
        Operation::get("/api/v1/hooks", "hooks", "Hooks").role("operator")
            .says("The addresses that are told of releases and alarms, each with its last deliveries; never their secrets. \
                   Needs `operator`.")
            .answers::<Hooks>(200, "The hooks.")
            .refuses(&[400, 403]),
        named(Operation::get("/api/v1/hooks/{hook}", "hook", "One hook").role("operator"))
            .says("Needs `operator`.")
            .answers::<HookState>(200, "The hook.")
            .tagged(&[200], TAG)
            .refuses(&[400, 403, 404]),
        if_match(named(Operation::put("/api/v1/hooks/{hook}", "writeHook", "Make or replace a hook").role("admin")))
            .says(
                "Everything is written anew but the secret, which stays unless one is given. The hook is told of what \
                 happens from now on. A receiver checks each message as the Standard Webhooks specification has it \
                 (`webhook-id`, `webhook-timestamp`, `webhook-signature`), and answers 2xx within 10 s; otherwise it is \
                 tried again after 1 s, 5 s, 30 s, 2 min and 10 min, by the same id, and then given up. Literal addresses \
                 of the router, its store, link-local and metadata addresses are refused here, names that lead there when \
                 something is sent. Needs `admin`. 409 `too_many_hooks` beyond 50.",
            )
            .takes::<HookRequest>(true)
            .answers::<Hook>(200, "It is changed.")
            .answers::<Hook>(201, "It is made.")
            .answers::<Hook>(202, "It is written, but this router has not read it back yet.")
            .tagged(&[200, 201, 202], TAG)
            .refuses(&[400, 403, 409, 412, 415, 422, 503, 507]),
        if_match(named(Operation::delete("/api/v1/hooks/{hook}", "removeHook", "Remove a hook").role("admin")))
            .says("What waits for it is not told any more. Needs `admin`.")
            .answers::<HookRemoval>(200, "It is removed.")
            .refuses(&[400, 403, 404, 409, 412, 422, 503, 507]),
        named(Operation::post("/api/v1/hooks/{hook}/test", "testHook", "Send a test").role("admin"))
            .says("Once, also to a paused hook, and says what the receiver answered. Needs `admin`.")
            .answers::<HookTest>(200, "It was tried.")
            .refuses(&[400, 403, 404, 409, 415, 422, 503]),
    ]
}

fn named(operation: Operation) -> Operation {
    operation.parameter("path", "hook", json!({ "type": "string" }), "The hook's name.")
}

fn if_match(operation: Operation) -> Operation {
    let description = "The ETag of the hook as it was read; 412 if it was changed since.";
    operation.parameter("header", "If-Match", json!({ "type": "string" }), description)
}
