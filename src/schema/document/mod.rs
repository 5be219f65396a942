//! `docs/openapi.json`, generated: the schemas from the types of [`schema`](super), the calls from the list in `calls`.
//!
//! The file is committed, since the binary, the GUI's tests and people read it. The test here says when it is stale, and
//! writes it anew with `WRITE_OPENAPI=1`. That every route of the router is in it, and nothing else, `control::api` tests.

mod calls;
mod components;
mod core_types;
mod operation;
mod order;
mod settings;
mod store_forms;

use std::{fs, path::Path};

use serde_json::{Map, Value, json};

pub use self::settings::Settings;
use self::{
    components::{Components, reference},
    core_types::APP_NAME_PATTERN,
    order::Order,
};

/// How the file is written anew.
const COMMAND: &str = "WRITE_OPENAPI=1 cargo test --lib schema::document";

/// Refusals that many calls have, by status.
const REFUSALS: [(u16, &str); 15] = [
    (400, "The request is malformed."),
    (401, "There is no token, or nobody knows it."),
    (403, "The token's role may not do this."),
    (404, "There is no such thing."),
    (409, "The app's state does not allow it."),
    (410, "The lease has ended (`lease_ended`)."),
    (412, "The app is no longer at the seq in If-Match."),
    (415, "The body is not `application/json`."),
    (421, "The host name is none of the admin port's."),
    (422, "A value is not allowed."),
    (423, "The app is locked."),
    (428, "A `ci` token must send `release` or If-Match."),
    (429, "There were too many failed attempts to sign in."),
    (503, "The store cannot be reached."),
    (507, "The store's disk is full, or a limit of how much there may be is reached (`quota`)."),
];

/// The document, and the order in which it lists things.
fn document() -> (Value, Order) {
    let mut components = Components::default();
    calls::always_written(&mut components);
    let (mut paths, mut listed) = (Map::new(), Vec::new());
    for operation in calls::all() {
        let (method, path) = (operation.method, operation.path);
        if !listed.contains(&path) {
            listed.push(path);
        }
        let item = paths.entry(path).or_insert_with(|| json!({}));
        let operation = operation.finish(&mut components);
        assert!(item.get(method).is_none(), "{method} {path} is described twice");
        item[method] = operation;
        if path.contains("{app}") {
            item["parameters"] = json!([{ "$ref": "#/components/parameters/app" }]);
        }
    }
    components.answer::<super::error::ErrorAnswer>();
    let (schemas, mut order) = components.finish();
    order.add(listed);
    order.add(settings::order());
    settings::orders_of_groups().for_each(|names| order.add(names));
    order.add(["openapi", "info", "security", "paths", "components"]);
    let document = json!({
        "openapi": "3.1.0",
        "info": {
            "title": "rolling-router",
            "version": "1",
            "summary": "Promote, abort and roll back releases behind a sticky-session reverse proxy",
            "description": "The admin port serves this. Every change of an app takes `If-Match` with the seq that was \
                seen, and answers with the app's new state. In a body, null counts as left out. `x-role` is the least role \
                of a token that may make a call: `viewer`, `ci`, `operator` or `admin`; `none` needs no token, and \
                `router` stands for `router` and `admin` alone.",
            "license": { "name": "MIT OR Apache-2.0", "identifier": "MIT OR Apache-2.0" },
        },
        "security": [{ "token": [] }],
        "paths": paths,
        "components": {
            "securitySchemes": { "token": { "type": "http", "scheme": "bearer" } },
            "parameters": parameters(),
            "responses": refusals(),
            "schemas": schemas,
        },
    });
    (document, order)
}

fn parameters() -> Value {
    json!({
        "app": {
            "name": "app", "in": "path", "required": true, "description": "The app's name.",
            "schema": { "type": "string", "pattern": APP_NAME_PATTERN },
        },
        "if_match": {
            "name": "If-Match", "in": "header", "schema": { "type": "string" },
            "description": "The seq that was seen, in quotes; 412 if the app has another one by now.",
        },
        "wait": {
            "name": "wait", "in": "query", "schema": { "type": "string", "enum": ["fleet"] },
            "description": "Answer when every member of the fleet has applied it (200), or when the time is up (202; \
                the change stands).",
        },
        "timeout": {
            "name": "timeout", "in": "query", "schema": { "type": "string" },
            "description": "How long to wait, such as `5s` or `500ms`, at most `60s`; left out: `5s`.",
        },
    })
}

fn refusals() -> Map<String, Value> {
    let answer = |(status, description): (u16, &str)| {
        let content = json!({ "application/json": { "schema": reference("ErrorAnswer") } });
        (format!("E{status}"), json!({ "description": description, "content": content }))
    };
    REFUSALS.into_iter().map(answer).collect()
}

#[test]
fn the_document_is_what_the_types_say() {
    let file = Path::new(env!("CARGO_MANIFEST_DIR")).join("docs/openapi.json");
    let (document, order) = document();
    let text = order.write(&document);
    if std::env::var_os("WRITE_OPENAPI").is_some() {
        fs::write(&file, &text).unwrap();
    }
    let committed = fs::read_to_string(&file).unwrap();
    let differs = committed.lines().zip(text.lines()).position(|(committed, now)| committed != now);
    assert!(
        committed == text,
        "docs/openapi.json is stale from line {:?}; write it anew: {COMMAND}",
        differs.map(|line| line + 1)
    );
}

/// Every field is explained: the document is what people read.
#[test]
fn every_field_has_a_description() {
    let (document, _) = document();
    let mut silent = Vec::new();
    for (name, schema) in document["components"]["schemas"].as_object().unwrap() {
        for (field, schema) in schema["properties"].as_object().into_iter().flatten() {
            if schema["description"].as_str().is_none_or(str::is_empty) {
                silent.push(format!("{name}.{field}"));
            }
        }
    }
    assert!(silent.is_empty(), "without a description: {silent:?}");
}

/// A part of an answer that takes its missing fields from its default must be in the list of what is always written.
#[test]
fn every_answer_says_which_fields_are_always_there() {
    let (document, _) = document();
    let schemas = document["components"]["schemas"].as_object().unwrap();
    let unsure = schemas.iter().filter(|(name, schema)| {
        let is_answer = schema["additionalProperties"] != false && *name != "Settings";
        is_answer && schema["properties"].is_object() && schema["required"].as_array().is_none()
    });
    let unsure: Vec<&String> = unsure.map(|(name, _)| name).collect();
    assert!(unsure.is_empty(), "not in `calls::always_written`: {unsure:?}");
}
