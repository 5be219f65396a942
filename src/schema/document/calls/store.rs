//! The store: served to other routers, and what becomes of one that fell.

use serde_json::json;

use super::super::{
    components::reference,
    operation::Operation,
    store_forms::{
        StoreCommitRequest, StoreContract, StoreGetRequest, StoreLease, StoreLeaseRequest, StoreListRequest,
        StoreListing, StoreOutcome, StoreValue, StoreWatchLine, StoreWatchRequest,
    },
};
use crate::schema::{
    app::DoneAnswer,
    store::{ReplacementRequest, ReplacementVerdict, Restoration, RestoreRequest},
};

pub fn calls() -> Vec<Operation> {
    let mut calls = contract();
    calls.extend(leases());
    calls.extend(settlement());
    calls
}

fn contract() -> Vec<Operation> {
    vec![
        Operation::get("/api/v1/store", "store", "Which store contract is served").role("router")
            .says("For other routers, with a router's or an admin's token.")
            .answers::<StoreContract>(200, "The contract.")
            .refuses(&[400, 403, 503])
            .refuses_as(501, "This router follows a server, and has no store of its own (`unsupported`)."),
        Operation::post("/api/v1/store/get", "storeGet", "Read one value").role("router")
            .says("The router's own keys too; with a router's or an admin's token.")
            .takes::<StoreGetRequest>(true)
            .answers::<StoreValue>(200, "The value.")
            .refuses(&[400, 403, 415, 422, 503]),
        Operation::post("/api/v1/store/list", "storeList", "List everything below some prefixes").role("router")
            .says("One consistent view with its revision; with a router's or an admin's token.")
            .takes::<StoreListRequest>(true)
            .answers::<StoreListing>(200, "The listing.")
            .refuses(&[400, 403, 415, 422, 503]),
        Operation::post("/api/v1/store/commit", "storeCommit", "Write all or nothing").role("router")
            .says(
                "Writes if every check holds, at most 100 writes; with a router's or an admin's token. `conflict` names the key whose \
                 check failed; `unknown` says that the outcome is not known. 409 `store_diverged` while this router's \
                 store is not the one that its table came from.",
            )
            .takes::<StoreCommitRequest>(true)
            .answers::<StoreOutcome>(200, "What came of it.")
            .refuses(&[400, 403, 409, 415, 422, 503, 507]),
        Operation::post("/api/v1/store/watch", "storeWatch", "Watch the changes after a revision").role("router")
            .says(
                "One JSON document per line, without end: `batch`, `progress` at least every second, `resync`, or `error` \
                 as the last. With a router's or an admin's token.",
            )
            .takes::<StoreWatchRequest>(true)
            .mentions::<StoreWatchLine>()
            .with(200, "The changes, line by line.", "application/x-ndjson", reference("StoreWatchLine"))
            .refuses(&[400, 403, 415, 422, 503]),
    ]
}

fn leases() -> Vec<Operation> {
    let named = |operation: Operation| {
        operation.parameter(
            "path",
            "lease",
            json!({ "type": "integer", "minimum": 0 }),
            "The lease's number.",
        )
    };
    vec![
        Operation::post("/api/v1/store/leases", "storeLease", "Grant a lease")
            .role("router")
            .says("It ends by itself unless it is kept alive; with a router's or an admin's token.")
            .takes::<StoreLeaseRequest>(true)
            .answers::<StoreLease>(200, "The lease.")
            .refuses(&[400, 403, 409, 415, 422, 503]),
        named(
            Operation::delete("/api/v1/store/leases/{lease}", "storeLeaseEnd", "End a lease").role("router"),
        )
        .says("Deletes the keys bound to it. 410 when it has ended; with a router's or an admin's token.")
        .answers::<DoneAnswer>(200, "It has ended.")
        .refuses(&[400, 403, 410, 503]),
        named(
            Operation::post(
                "/api/v1/store/leases/{lease}/keep-alive",
                "storeLeaseKeep",
                "Keep a lease alive",
            )
            .role("router"),
        )
        .says("Restarts its time to live. 410 when it has ended; with a router's or an admin's token.")
        .takes_any()
        .answers::<DoneAnswer>(200, "It lives on.")
        .refuses(&[400, 403, 410, 415, 503]),
    ]
}

fn settlement() -> Vec<Operation> {
    let unsupported = "This router follows a server (`unsupported`).";
    vec![
        Operation::post("/api/v1/store/accept", "acceptStore", "Accept the store as it is").role("admin")
            .says(
                "After it was found to be another store, or an older state of the same; for admins. A store that fell gets \
                 a new epoch, one with another epoch keeps it. 409 `not_diverged` when it is neither.",
            )
            .answers::<DoneAnswer>(200, "It is accepted.")
            .refuses(&[400, 403, 409, 415, 422, 503, 507])
            .refuses_as(501, unsupported),
        Operation::post("/api/v1/store/restore", "restoreStore", "Write the last good state back into the store").role("admin")
            .says(
                "Into a store that fell, was emptied or swapped; for admins. Renews the epoch; endpoints, records, \
                 settings, old keys and pin keys become what this router served last. 409 `another_store` when the store \
                 has an epoch that this router never knew, unless `replace`; 409 `not_diverged` when there is nothing to \
                 restore. Where that would replace what others decided there, it is held to their approvals and to the gate (409 \
                 `approvals_missing`, `approvals_set`, `target_unhealthy`), unless `force` with a `reason`.",
            )
            .takes::<RestoreRequest>(false)
            .answers::<Restoration>(200, "It is restored; with `dry_run`: what would be.")
            .refuses(&[400, 403, 409, 415, 422, 503, 507])
            .refuses_as(501, unsupported),
        Operation::post("/api/v1/store/replacement", "admitReplacement", "Ask whether an app may become what a file says").role("admin")
            .says(
                "`kv import` asks before it writes anything; for admins. An app that the store has is held to its approvals (409 \
                 `approvals_missing`, `approvals_set`), and a release that would become stable to the gate (409 \
                 `target_unhealthy`). With `force` and a `reason` a refusal is overruled: the answer has the event that tells so, which is \
                 written with the record. Nothing is written here.",
            )
            .takes::<ReplacementRequest>(true)
            .answers::<ReplacementVerdict>(200, "It may.")
            .refuses(&[400, 403, 409, 415, 422, 503]),
    ]
}
