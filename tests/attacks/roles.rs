//! Who may make which call: `docs/openapi.json` says it (`x-role`), and each call is made with each role.

use serde_json::{Value, json};
use std::fs;
use std::io::Write as _;
use support::router::{id, token};
use support::{Api, Router, Wire, eventually, router};

const TOKEN: &str = "test-router-0123456789abcdef0123456789abcdef";

/// The roles that are ordered: each may do what those before it may.
const ORDERED: [&str; 4] = ["viewer", "ci", "operator", "admin"];

/// A router that knows the token of another router.
fn serving() -> (Router, Api) {
    let router = router().stable("v1").candidate("v2").start();
    let tokens = fs::OpenOptions::new().append(true).open(router.path("tokens"));
    writeln!(tokens.expect("the token file"), "{TOKEN} r2 router").expect("a line can be added");
    router.signal("HUP");
    let api = router.api().with_token(TOKEN);
    eventually("the token is known", || api.call("GET", "/api/v1/store", None).status() == 200);
    (router, api)
}

/// A call that the API describes, with a value for each part of its path.
#[derive(Debug)]
struct Call {
    method: String,
    path: String,
    /// The least role that may make it.
    role: String,
    /// What is sent: nothing that has an effect, unless only then the role is looked at.
    body: Option<Value>,
}

fn calls() -> Vec<Call> {
    let page: Value = serde_json::from_str(include_str!("../../docs/openapi.json")).expect("JSON");
    let mut calls = Vec::new();
    for (path, operations) in page["paths"].as_object().expect("paths") {
        for method in ["get", "put", "post", "patch", "delete"] {
            let Some(operation) = operations.get(method) else { continue };
            let role =
                operation["x-role"].as_str().unwrap_or_else(|| panic!("{method} {path} names no role"));
            calls.push(Call {
                method: method.to_uppercase(),
                path: filled(path),
                role: role.to_owned(),
                body: body(operation["operationId"].as_str().expect("an id"), method),
            });
        }
    }
    assert!(calls.len() > 50, "{}", calls.len());
    calls
}

fn filled(path: &str) -> String {
    let mut filled = path.to_owned();
    for (part, value) in [
        ("{app}", "hello"),
        ("{release}", "v1"),
        ("{endpoint}", "127.0.0.1:1"),
        ("{key}", "some/key"),
        ("{tenure}", "1"),
        ("{lease}", "1"),
        ("{hook}", "h"),
        ("{member}", "r2"),
        ("{id}", "0123456789abcdef0123"),
    ] {
        filled = filled.replace(part, value);
    }
    assert!(!filled.contains('{'), "a part of {path} has no value here");
    filled
}

fn body(id: &str, method: &str) -> Option<Value> {
    match id {
        "lock" => Some(json!({ "reason": "a test" })),
        "unlock" | "finishDrains" | "finishDrain" | "finishDrainOf" => Some(json!({})),
        _ if method == "get" => None,
        _ => Some(json!({ "no_such_field": 1 })),
    }
}

/// The status alone: some answers have no end.
fn status(router: &Router, call: &Call, token: Option<&str>) -> u16 {
    let Call { method, path, body, .. } = call;
    let token = token.map(|token| format!("Authorization: Bearer {token}\r\n")).unwrap_or_default();
    let body = body.as_ref().map(Value::to_string).unwrap_or_default();
    let kind = if body.is_empty() { "" } else { "Content-Type: application/json\r\n" };
    // A command's role is looked at when it is decided, and then it must be whole.
    let query = if body.contains("no_such_field") { "?no_such_parameter=1" } else { "" };
    let mut wire = Wire::open(router.admin);
    wire.send(format!(
        "{method} {path}{query} HTTP/1.1\r\nHost: {}\r\n{token}{kind}Content-Length: {}\r\n\r\n{body}",
        router.admin,
        body.len()
    ));
    let head = String::from_utf8_lossy(&wire.read_until(b"\r\n\r\n")).into_owned();
    head.split(' ').nth(1).and_then(|status| status.parse().ok()).unwrap_or_else(|| panic!("{head}"))
}

/// What a call with a role comes to: 401, 403, or anything else.
fn expected(call: &Call, role: &str) -> Option<u16> {
    let rank = |role: &str| ORDERED.iter().position(|known| *known == role);
    let may = match (call.role.as_str(), role) {
        ("none", _) | ("router", "router" | "admin") => true,
        (_, "none") => return Some(401),
        (least, role) => rank(least).is_some_and(|least| rank(role).is_some_and(|role| role >= least)),
    };
    if may { None } else { Some(403) }
}

#[test]
fn each_role_may_make_the_calls_that_the_description_says() {
    let (router, _) = serving();
    let mut wrong = Vec::new();
    let roles = ["none", "router"].into_iter().chain(ORDERED);
    for role in roles {
        let token = match role {
            "none" => None,
            "router" => Some(TOKEN),
            role => Some(token(role)),
        };
        for call in calls() {
            let status = status(&router, &call, token);
            let refused = Some(status).filter(|status| matches!(status, 401 | 403));
            if refused != expected(&call, role) {
                let Call { method, path, role: least, .. } = call;
                wrong.push(format!("{role}: {method} {path}: {status}, and its role is {least}"));
            }
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
    // Every call was one that changes nothing.
    let state = router.api().state();
    assert_eq!((&state["stable"]["id"], &state["candidate"]["id"]), (&json!(id("v1")), &json!(id("v2"))));
}

#[test]
fn a_routers_token_opens_the_store_in_no_other_spelling() {
    let (router, api) = serving();
    for path in [
        "/api/v1/store/../apps",
        "/api/v1//store/../router",
        "/api/v1/store/%2e%2e/tokens",
        "/api/v1/storex",
        "/api",
    ] {
        let status = api.call("GET", path, None).status();
        assert!(matches!(status, 400 | 403 | 404), "{path}: {status}");
    }
    for path in ["/api/kv/rolling?recurse=true", "/v1/kv/rolling/router/pinkeys"] {
        assert_eq!(api.call("GET", path, None).status(), 403, "{path}");
    }
    drop(router);
}

#[test]
fn nobody_but_a_router_and_an_admin_opens_the_store() {
    let (router, api) = serving();
    let list = json!({ "prefixes": ["rolling/"] });
    api.call("POST", "/api/v1/store/list", Some(&list)).expect(200);
    for role in ["viewer", "ci", "operator"] {
        let refused = router.api_as(role).call("POST", "/api/v1/store/list", Some(&list)).expect(403);
        assert!(refused.response.text().contains("`router` or `admin`"), "{}", refused.response.text());
    }
    router.api_as("admin").call("POST", "/api/v1/store/list", Some(&list)).expect(200);
}

/// What the role is for: a second router that works on the first one's store.
#[test]
fn a_member_works_with_a_routers_token_alone() {
    let (first, _) = serving();
    let second = router().store(&format!("http://:{TOKEN}@{}", first.admin)).start();
    second.api().put("blend", &json!({ "percent": 25 })).expect(200);
    eventually("both serve it", || first.api().state()["blend"].as_f64() == Some(25.0));
    first.api().post("promote", &json!({ "release": id("v2") })).expect(200);
    eventually("both serve it", || second.api().state()["stable"]["id"] == id("v2"));
    assert_ne!(TOKEN, token("admin"));
}
