//! Hooks in.

use serde_json::json;

use super::super::{components::Components, operation::Operation};
use crate::schema::hook_in::{
    HookIn, HookInAnswer, HookInRemoval, HookInRequest, HookInState, HookInTest, HookInTestRequest, HooksIn,
    InDelivery,
};

/// What the ETag of a hook in is.
const TAG: &str = "Names this version of the hook in.";

pub fn calls() -> Vec<Operation> {
    let mut all = vec![
        Operation::get("/api/v1/hooks-in", "hooksIn", "Hooks in").role("operator")
            .says("What other systems may tell this router, each with its last deliveries; never their secrets. Needs `operator`.")
            .answers::<HooksIn>(200, "The hooks in.")
            .refuses(&[400, 403]),
        named(Operation::get("/api/v1/hooks-in/{hook}", "hookIn", "One hook in").role("operator"))
            .says("Needs `operator`.")
            .answers::<HookInState>(200, "The hook in.")
            .tagged(&[200], TAG)
            .refuses(&[400, 403, 404]),
        if_match(named(Operation::put("/api/v1/hooks-in/{hook}", "writeHookIn", "Make or replace a hook in").role("admin")))
            .says(
                "Everything is written anew but the secret, which stays unless one is given. It acts with the rights of a \
                 `ci` token for its app alone. Needs `admin`. 409 `too_many_hooks` beyond 50.",
            )
            .takes::<HookInRequest>(true)
            .answers::<HookIn>(200, "It is changed.")
            .answers::<HookIn>(201, "It is made.")
            .answers::<HookIn>(202, "It is written, but this router has not read it back yet.")
            .tagged(&[200, 201, 202], TAG)
            .refuses(&[400, 403, 409, 412, 415, 422, 503, 507]),
        if_match(named(Operation::delete("/api/v1/hooks-in/{hook}", "removeHookIn", "Remove a hook in").role("admin")))
            .says("Its deliveries go with it. Needs `admin`.")
            .answers::<HookInRemoval>(200, "It is removed.")
            .refuses(&[400, 403, 404, 409, 412, 422, 503, 507]),
        named(Operation::post("/api/v1/hooks-in/{hook}/test", "testHookIn", "Ask what a hook in would do").role("admin"))
            .says("With a payload that is sent along. Nothing is done. Needs `admin`.")
            .takes::<HookInTestRequest>(true)
            .answers::<HookInTest>(200, "What it would do.")
            .refuses(&[400, 403, 404, 409, 413, 415, 422, 503]),
    ];
    all.extend(of_senders());
    all
}

/// The answers of which the default value has every field that is always written.
pub fn always_written(components: &mut Components) {
    components.always::<HookIn>();
    components.always::<HookInAnswer>();
    components.always::<HookInTest>();
    components.always::<InDelivery>();
}

/// What senders reach, on the admin port and on the port of `hooks_listen`.
fn of_senders() -> [Operation; 2] {
    [
        named(Operation::post("/hooks/in/{hook}", "deliver", "Deliver to a hook in").open())
            .says(
                "The sender is known by X-Hub-Signature-256 (`github`), X-Gitlab-Token (`gitlab`), webhook-id, \
                 webhook-timestamp and webhook-signature (`standard`), or `Authorization: Bearer` (`token`); no token of the \
                 router is needed, and any Host will do. The body is a JSON object of at most 1 MiB. A delivery counts once \
                 over the fleet, for a day: by its `webhook-id`, GitLab's Idempotency-Key or X-Gitlab-Event-UUID, the body \
                 that GitHub signed, or a token's Idempotency-Key. One that was refused may be sent again. Location names \
                 where the outcome can be read.",
            )
            .answers::<HookInAnswer>(200, "It is done, unchanged or ignored; or it was before.")
            .answers::<HookInAnswer>(202, "It is done, but this router does not serve it yet; or a router is at it.")
            .refuses(&[400, 401, 403, 404, 408, 409, 413, 415, 422, 423, 429, 503, 507]),
        named(Operation::get("/hooks/in/{hook}/{delivery}", "delivery", "What came of a delivery").open())
            .parameter("path", "delivery", json!({ "type": "string" }), "The delivery's name, which only who was told it knows.")
            .says("Without a token.")
            .answers::<HookInAnswer>(200, "What came of it.")
            .refuses(&[404]),
    ]
}

fn named(operation: Operation) -> Operation {
    operation.parameter("path", "hook", json!({ "type": "string" }), "The hook's name.")
}

fn if_match(operation: Operation) -> Operation {
    let description = "The ETag of the hook in as it was read; 412 if it was changed since.";
    operation.parameter("header", "If-Match", json!({ "type": "string" }), description)
}
