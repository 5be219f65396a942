//! Hooks in: what GitHub, GitLab and others may tell a router, and what it makes of it. Each delivery is made as its sender makes
//! it, byte for byte.

mod access;
mod deliveries;
mod fleet;
mod refusals;
mod senders;
mod verbs;

use aws_lc_rs::hmac;
use serde_json::{Value, json};
use support::router::id;
use support::{Answer, Router, RouterBuilder, echo, router};

/// The secret of most of these hooks.
const SECRET: &str = "0123456789abcdef0123";

/// A router with a stable release, an endpoint for the next one, and a hook in for the tags of GitHub.
fn stage() -> (Router, String) {
    stage_with(|builder| builder, json!({ "tags": ["v*"] }))
}

/// The same with more of a router, and with other fields of the hook.
fn stage_with(more: impl FnOnce(RouterBuilder) -> RouterBuilder, fields: Value) -> (Router, String) {
    let next = echo("v2");
    let address = next.address.to_string();
    let mut builder = router().stable("v1");
    // It lives as long as the router.
    builder = more(builder.release("spare", vec![next]));
    let router = builder.start();
    add(&router, "shop", fields);
    (router, address)
}

/// Makes a hook in; what is not said is that of GitHub's tags.
fn add(router: &Router, name: &str, fields: Value) -> Value {
    let mut hook = json!({
        "sender": "github", "app": "hello", "release": "{/ref|last}", "endpoints": ["{/client_payload/endpoint}"],
        "blend": 5, "secret": SECRET
    });
    let known = hook.as_object_mut().expect("an object");
    known.extend(fields.as_object().expect("an object").clone());
    known.retain(|_, value| !value.is_null());
    let answer = router.api_as("admin").call("PUT", &format!("/api/v1/hooks-in/{name}"), Some(&hook));
    assert!(matches!(answer.status(), 200 | 201), "{}", answer.response.text());
    answer.json()
}

/// A push of a tag, with an endpoint for it.
fn push(tag: &str, endpoint: &str) -> Value {
    json!({ "ref": format!("refs/tags/{tag}"), "after": "a1b2", "client_payload": { "endpoint": endpoint } })
}

fn hmac_of(secret: &[u8], message: &[u8]) -> Vec<u8> {
    hmac::sign(&hmac::Key::new(hmac::HMAC_SHA256, secret), message).as_ref().to_vec()
}

/// The signature of GitHub.
fn signature(secret: &str, body: &[u8]) -> String {
    let digits =
        hmac_of(secret.as_bytes(), body).iter().map(|byte| format!("{byte:02x}")).collect::<String>();
    format!("sha256={digits}")
}

/// Delivers as GitHub does.
fn deliver(router: &Router, event: &str, body: &Value) -> Answer {
    deliver_bytes(router, event, body.to_string().as_bytes(), "")
}

fn deliver_bytes(router: &Router, event: &str, body: &[u8], headers: &str) -> Answer {
    let headers = format!(
        "User-Agent: GitHub-Hookshot/1\r\nX-GitHub-Event: {event}\r\nX-Hub-Signature-256: {}\r\n{headers}",
        signature(SECRET, body)
    );
    post(router, "/hooks/in/shop", body, &headers)
}

fn post(router: &Router, path: &str, body: &[u8], headers: &str) -> Answer {
    router.api().anonymous().raw("POST", path, Some(("application/json", body)), headers)
}

/// The id of the candidate; null: there is none.
fn candidate(router: &Router) -> Value {
    router.api().state()["candidate"]["id"].clone()
}

/// The deliveries that the API shows, newest first.
fn shown(router: &Router) -> Vec<Value> {
    let hook = router.api().call("GET", "/api/v1/hooks-in/shop", None).expect(200).json();
    hook["deliveries"].as_array().expect("a list").clone()
}

/// The id of a release that a hook registers.
fn made(release: &str) -> String {
    id(release)
}
