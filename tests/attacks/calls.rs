//! The calls of `docs/openapi.json`, each with values for the parts of its path, and whoever makes them one after the other.

use serde_json::{Value, json};
use support::{Router, Wire};

/// A call that the API describes, with a value for each part of its path.
#[derive(Debug)]
pub struct Call {
    pub method: String,
    /// The path as it is described, and with values.
    pub described: String,
    pub path: String,
    /// The least role that may make it.
    pub role: String,
    /// What is sent: nothing that has an effect, unless only then the role is looked at.
    body: Option<Value>,
}

/// Every call that is described.
pub fn calls() -> Vec<Call> {
    let page: Value = serde_json::from_str(include_str!("../../docs/openapi.json")).expect("JSON");
    let mut calls = Vec::new();
    for (path, operations) in page["paths"].as_object().expect("paths") {
        for method in ["get", "put", "post", "patch", "delete"] {
            let Some(operation) = operations.get(method) else { continue };
            let role =
                operation["x-role"].as_str().unwrap_or_else(|| panic!("{method} {path} names no role"));
            calls.push(Call {
                method: method.to_uppercase(),
                described: path.clone(),
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
        ("{token}", "nobody"),
        ("{session}", "0123456789abcdef"),
        ("{hook}", "h"),
        ("{delivery}", "0123456789abcdef0123456789abcdef"),
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

impl Call {
    /// The same call about an app: its own path, or a raw key of it.
    pub fn about(&self, app: &str) -> Self {
        let key = format!("rolling/{app}/blendpercent");
        let path = self.described.replace("{app}", app).replace("{key}", &key);
        Self {
            method: self.method.clone(),
            described: self.described.clone(),
            path: filled(&path),
            role: self.role.clone(),
            body: self.body.clone(),
        }
    }
}

/// Somebody with a token, or none, and a connection that lasts.
pub struct Caller<'a> {
    router: &'a Router,
    token: Option<String>,
    wire: Option<Wire>,
}

impl<'a> Caller<'a> {
    /// Nothing is sent yet.
    pub fn new(router: &'a Router, token: Option<&str>) -> Self {
        Self { router, token: token.map(str::to_owned), wire: None }
    }

    /// The status of the answer to a call.
    pub fn status(&mut self, call: &Call) -> u16 {
        let mut wire = self.wire.take().unwrap_or_else(|| Wire::open(self.router.admin));
        wire.send(self.request(call));
        let head = String::from_utf8_lossy(&wire.read_until(b"\r\n\r\n")).to_lowercase();
        let field = |name: &str| head.lines().find_map(|line| line.strip_prefix(name)).map(str::trim);
        // An answer without a length may have no end, so its connection is given up.
        if let Some(length) = field("content-length:").filter(|_| field("connection:") != Some("close")) {
            wire.read_exactly(length.parse().unwrap_or_else(|_| panic!("{head}")));
            self.wire = Some(wire);
        }
        head.split(' ').nth(1).and_then(|status| status.parse().ok()).unwrap_or_else(|| panic!("{head}"))
    }

    fn request(&self, call: &Call) -> String {
        let Call { method, path, body, .. } = call;
        let token = self.token.as_ref().map(|token| format!("Authorization: Bearer {token}\r\n"));
        let token = token.unwrap_or_default();
        let body = body.as_ref().map(Value::to_string).unwrap_or_default();
        let kind = if body.is_empty() { "" } else { "Content-Type: application/json\r\n" };
        // A command's role is looked at when it is decided, and then it must be whole.
        let query = if body.contains("no_such_field") { "?no_such_parameter=1" } else { "" };
        let (host, length) = (self.router.admin, body.len());
        format!(
            "{method} {path}{query} HTTP/1.1\r\nHost: {host}\r\n{token}{kind}Content-Length: {length}\r\n\r\n{body}"
        )
    }
}
