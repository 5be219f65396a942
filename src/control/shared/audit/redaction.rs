//! What is shown of a value: as much as tells what it was, and no secret.

use serde_json::{Map, Value, json};

use crate::{
    control::limits::AUDIT_VALUE_BYTES_MAX,
    rollout::keys::{self, Meaning},
};

/// What stands in the place of a secret.
pub const SECRET: &str = "(secret)";
/// What a hook's secret begins with, wherever it stands.
const HOOK_SECRET: &str = "whsec_";
/// Of the router's own keys, those whose values are no secrets as a whole.
const OPEN: [&str; 9] =
    ["epoch", "hooks", "hooks-in", "hooks-in-deliveries", "members", "reports", "heard", "loads", "secrets"];
/// What names of fields with secrets contain.
const SECRET_NAMES: [&str; 5] = ["secret", "password", "token", "private", "credential"];
/// Parameters of a query that change what a call does. What else somebody puts there may be anything.
const PARAMETERS: [&str; 8] = ["force", "wait", "timeout", "recurse", "cas", "acquire", "release", "flags"];

/// A stored value; none: there is none.
pub fn of_key(key: &str, value: Option<&[u8]>) -> Value {
    match value {
        None => Value::Null,
        Some(_) if is_secret(key) => SECRET.into(),
        Some(bytes) => of_bytes(bytes),
    }
}

/// Whether the value of a key is a secret as a whole. A key of the router's that nobody knows yet is one.
pub fn is_secret(key: &str) -> bool {
    // The environment of a deployment is one; what is asked for is told without it.
    if matches!(keys::meaning(key), Some(Meaning::Deployment(..))) {
        return true;
    }
    let own = key.strip_prefix(keys::ROUTER);
    own.is_some_and(|own| !OPEN.contains(&own.split('/').next().unwrap_or_default()))
}

/// Bytes from outside: JSON objects and lists as such, else text.
pub fn of_bytes(bytes: &[u8]) -> Value {
    if bytes.len() > AUDIT_VALUE_BYTES_MAX {
        return format!("({} bytes)", bytes.len()).into();
    }
    match serde_json::from_slice(bytes) {
        Ok(value @ (Value::Object(_) | Value::Array(_))) => without_secrets(value),
        _ => match std::str::from_utf8(bytes) {
            Ok(text) => of_text(text).into(),
            Err(_) => format!("({} bytes)", bytes.len()).into(),
        },
    }
}

/// A sentence or a text, less any word with a hook's secret.
pub fn of_text(text: &str) -> String {
    if !text.contains(HOOK_SECRET) {
        return text.to_owned();
    }
    let word = |word: &str| if word.contains(HOOK_SECRET) { SECRET.to_owned() } else { word.to_owned() };
    text.split(' ').map(word).collect::<Vec<String>>().join(" ")
}

/// A path with what its query says, less what may be a secret.
pub fn of_path(path: &str, query: Option<&str>) -> String {
    let known = |pair: &str| {
        let name = pair.split('=').next().unwrap_or_default();
        if PARAMETERS.contains(&name) { pair.to_owned() } else { "...".to_owned() }
    };
    let mut shown = path.to_owned();
    if let Some(query) = query.filter(|query| !query.is_empty()) {
        shown = format!("{path}?{}", query.split('&').map(known).collect::<Vec<String>>().join("&"));
    }
    shown.chars().take(AUDIT_VALUE_BYTES_MAX).collect()
}

fn without_secrets(value: Value) -> Value {
    match value {
        Value::Object(fields) => fields.into_iter().map(field).collect::<Map<String, Value>>().into(),
        Value::Array(items) => items.into_iter().map(without_secrets).collect(),
        Value::String(text) => of_text(&text).into(),
        other => other,
    }
}

fn field((name, value): (String, Value)) -> (String, Value) {
    let lower = name.to_ascii_lowercase();
    let says_nothing = matches!(value, Value::Null | Value::Bool(_));
    let value = match value {
        _ if !says_nothing && SECRET_NAMES.iter().any(|secret| lower.contains(secret)) => SECRET.into(),
        Value::String(url) if lower == "url" => of_url(&url).into(),
        header if lower == "header" && !says_nothing => of_header(header),
        other => without_secrets(other),
    };
    (name, value)
}

/// A header of a hook, less its value.
fn of_header(header: Value) -> Value {
    match header {
        Value::Object(mut header) => {
            let name = header.remove("name").map(without_secrets).unwrap_or_default();
            json!({ "name": name, "value": SECRET })
        }
        _ => SECRET.into(),
    }
}

/// A URL less its user, password and query.
fn of_url(url: &str) -> String {
    let (url, query) = url.split_once('?').map_or((url, ""), |(url, _)| (url, "?..."));
    let Some((scheme, rest)) = url.split_once("://") else { return format!("{}{query}", of_text(url)) };
    let (authority, path) = rest.split_at(rest.find('/').unwrap_or(rest.len()));
    let host = authority.rsplit_once('@').map_or(authority, |(_, host)| host);
    of_text(&format!("{scheme}://{host}{path}{query}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_value_shows_a_secret() {
        let hook = br#"{"url":"https://u:hunter2@h/x?k=hunter2","secret":"whsec_hunter2","new_secret":true,"header":{"name":"authorization","value":"Bearer hunter2"}}"#;
        for (key, value, shown) in [
            ("rolling/router/pinkeys", &br#"{"current":{"secret":"hunter2"}}"#[..], json!(SECRET)),
            ("rolling/router/acme/account", b"hunter2", json!(SECRET)),
            (
                "rolling/shop/deployments/shop-1",
                br#"{"spec":{"environment":{"A":"hunter2"}}}"#,
                json!(SECRET),
            ),
            (
                "rolling/router/hooks/chat",
                hook,
                json!({
                    "url": "https://h/x?...",
                    "secret": SECRET,
                    "new_secret": true,
                    "header": { "name": "authorization", "value": SECRET },
                }),
            ),
            ("x/y", br#"{"header":"authorization: hunter2"}"#, json!({ "header": SECRET })),
            ("x/y", br#"{"header":null}"#, json!({ "header": null })),
            ("rolling/shop/blendpercent", b"10", json!("10")),
            (
                "x/y",
                br#"[{"apiToken":"hunter2","n":1},"a whsec_hunter2 b"]"#,
                json!([{ "apiToken": SECRET, "n": 1 }, "a (secret) b"]),
            ),
            ("x/y", &[0xff, 0xfe], json!("(2 bytes)")),
        ] {
            let value = of_key(key, Some(value));
            assert_eq!(value, shown, "{key}");
            assert!(!value.to_string().contains("hunter2"), "{value}");
        }
        assert_eq!(of_key("x", None), Value::Null);
        assert_eq!(
            of_path("/api/v1/apps/a", Some("force=true&token=hunter2&x")),
            "/api/v1/apps/a?force=true&...&..."
        );
    }
}
