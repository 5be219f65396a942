//! Raw keyvalues, below both of their roots.

use serde_json::json;

use super::super::{components::reference, operation::Operation};
use crate::schema::keyvalue::{Keyvalue, KeyvalueAnswer};

pub fn calls() -> Vec<Operation> {
    let mut calls = below("/api/kv/{key}", "");
    calls.extend(below("/v1/kv/{key}", "V1"));
    calls
}

fn below(path: &'static str, suffix: &str) -> Vec<Operation> {
    let id = |name: &str| format!("{name}{suffix}");
    let keyed = |operation: Operation| {
        operation.parameter(
            "path",
            "key",
            json!({ "type": "string" }),
            "The key, with its slashes as they are.",
        )
    };
    let write = |operation: Operation| {
        let answer = json!({ "oneOf": [{ "type": "boolean" }, reference("KeyvalueAnswer")] });
        keyed(operation)
            .shared("wait")
            .shared("timeout")
            .with(200, "`true`; with `wait=fleet` how far it is applied.", "application/json", answer)
            .answers::<KeyvalueAnswer>(202, "It is written, but some router has not said that it serves it.")
            .refuses(&[400, 403, 404, 409, 412, 422, 423, 503, 507])
    };
    let entries = json!({ "type": "array", "items": reference("Keyvalue") });
    let keys = json!({ "type": "array", "items": { "type": "string" } });
    vec![
        keyed(Operation::get(path, &id("kvGet"), "Read raw keyvalues"))
            .says("A missing key is answered with 200 and an empty body.")
            .switch("raw", "The bare value.")
            .switch("keys", "The keys below the prefix.")
            .switch("recurse", "All keyvalues below the prefix.")
            .parameter(
                "query",
                "limit",
                json!({ "type": "integer", "minimum": 1, "maximum": 10_000 }),
                "With `keys` or `recurse`: at most so many, in the order of keys. When that many came, there may be more.",
            )
            .parameter(
                "query",
                "after",
                json!({ "type": "string" }),
                "With `keys` or `recurse`: only what comes behind this key, such as the last one of the page before.",
            )
            .mentions::<Keyvalue>()
            .with(200, "Keyvalues, or with `keys` their keys.", "application/json", json!({ "oneOf": [entries, keys] }))
            .refuses(&[400, 403, 422, 503]),
        write(Operation::put(path, &id("kvPut"), "Write a raw keyvalue"))
            .says(
                "The body is the value, whatever its content type. Keys of a rollout follow the raw rules, with the \
                 token's role and the lock.",
            )
            .takes_bytes(),
        write(Operation::delete(path, &id("kvDelete"), "Delete a raw keyvalue")),
    ]
}
