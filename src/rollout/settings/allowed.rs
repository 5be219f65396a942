//! What each setting allows, in words: for whoever set it to something else.
//!
//! A reader of JSON says what it found in its own terms; here it is said which setting, what its value was, and what
//! would be taken. Ranges stand here in words only: `check` enforces them, and a test holds both to what
//! `docs/openapi.json` says.

use serde_json::Value;

use super::{Settings, SettingsError, pin};
use crate::rollout::network::Network;

/// How much of a value is repeated to its author.
const SHOWN_CHARS_MAX: usize = 60;

/// Each setting with what it allows; `[]` behind a list is one of its entries.
const ALLOWED: [(&str, &str); 33] = [
    ("hosts", "a list of at most 1000 host names, such as [\"shop.example\", \"*.shop.example\"]"),
    ("hosts[]", "a host name such as shop.example or *.shop.example, without port and path"),
    ("drainseconds", "a whole number of seconds from 0 to drainmaxseconds, which is at most 2592000"),
    ("drainmaxseconds", "a whole number of seconds from 0 to 2592000"),
    ("abortseconds", "a whole number of seconds from 0 to 3600"),
    ("pinseconds", "a whole number of seconds from 60 to 34560000"),
    ("pin", pin::ALLOWED),
    ("transition", "`keep` or `navigate`"),
    ("cookie.name", "a cookie's name: 1 to 100 letters, digits and !#$%&'*+-.^_`|~"),
    ("cookie.domain", "a host name without a leading dot, or null"),
    ("cookie.samesite", "`Lax`, `Strict` or `None`"),
    ("cookie.partitioned", "true or false"),
    ("cookie.secure", "true, false or null"),
    ("cache", "`guard` or `trust`"),
    ("traceparent", "`pass` or `create`"),
    ("assets.detect", "true or false"),
    ("assets.paths", "a list of at most 32 patterns, such as [\"/static/*\"]"),
    ("assets.paths[]", "a pattern that begins with `/` or `*`, of at most 200 characters, such as /static/*"),
    ("assets.fall_through", "true or false"),
    (
        "health.path",
        "a path that begins with `/`, at most 1000 visible ASCII characters without `#`, or null",
    ),
    ("health.interval_ms", "a whole number of ms from 100 to 3600000"),
    ("health.timeout_ms", "a whole number of ms from 10 to interval_ms, which is at most 3600000"),
    ("health.status", "statuses from 100 to 599 and ranges of them, such as \"200-399\" or \"200,204\""),
    ("health.fall", "a whole number from 1 to 100"),
    ("health.rise", "a whole number from 1 to 100"),
    ("shielding.enabled", "true or false"),
    ("shielding.first_byte_ms", "a whole number of ms from 10 to 3600000"),
    ("shielding.exclude", "a list of at most 32 paths, such as [\"/export/\"]"),
    ("shielding.exclude[]", "a path that begins with `/`, of at most 200 characters, such as /export/"),
    (
        "override.header",
        "a header's name of 1 to 64 letters, digits and `-`, such as X-Rolling-Release, or null",
    ),
    ("override.networks", "a list of 1 to 64 addresses or networks, such as [\"10.0.0.0/8\"]"),
    ("override.networks[]", "an address or a network, such as 10.0.0.0/8"),
    ("ci_blend_max", "a percentage from 0 to 100 with at most two decimals, or null"),
];

/// What a setting allows, `[3]` read as `[]`.
fn allowed(path: &str) -> Option<&'static str> {
    let list = path.split_once('[').map(|(list, _)| format!("{list}[]"));
    let name = list.as_deref().unwrap_or(path);
    ALLOWED.iter().find(|(known, _)| *known == name).map(|(_, allowed)| *allowed)
}

impl SettingsError {
    /// A value that the setting at `path` does not allow.
    pub(super) fn value(path: &str, value: impl Into<Value>) -> Self {
        let value = value.into();
        let message = match (allowed(path), group(path)) {
            (Some(allowed), _) => format!("{} is not {allowed}", shown(&value)),
            (None, Some(members)) => format!("{} is not an object of {members}", shown(&value)),
            (None, None) => unknown(path),
        };
        Self { field: path.to_owned(), message }
    }
}

/// What is wrong with a document that could not be read: at `path`, as far as the reader could tell.
pub(super) fn fault(document: &Value, path: &str) -> SettingsError {
    let (path, value) = place(document, path);
    if let (true, Some(text)) = (path.starts_with("override.networks["), value.as_str())
        && let Err(message) = text.parse::<Network>()
    {
        return SettingsError { field: path.to_owned(), message };
    }
    let readable = serde_json::to_vec(document).is_ok_and(|json| {
        serde_path_to_error::deserialize::<_, Settings>(&mut serde_json::Deserializer::from_slice(&json))
            .is_ok()
    });
    if readable {
        // A document keeps one value for each name.
        return SettingsError { field: path.to_owned(), message: "a setting stands there twice".into() };
    }
    SettingsError::value(path, value.clone())
}

/// The setting that a path leads to or through, and the value there: behind a single value nothing has a name.
fn place<'a>(document: &'a Value, path: &'a str) -> (&'a str, &'a Value) {
    let mut value = document;
    for (at, _) in path.match_indices('.').chain([(path.len(), "")]) {
        let name = path[..at].rsplit_once('.').map_or(&path[..at], |(_, name)| name);
        let (name, index) = name.split_once('[').map_or((name, None), |(name, index)| (name, Some(index)));
        let index = index.and_then(|index| index.trim_end_matches(']').parse::<usize>().ok());
        value = value.get(name).unwrap_or(&Value::Null);
        if let Some(index) = index {
            value = value.get(index).unwrap_or(&Value::Null);
        }
        if allowed(&path[..at]).is_some() {
            return (&path[..at], value);
        }
    }
    (path, value)
}

/// The settings of a group such as `cookie`.
fn group(path: &str) -> Option<String> {
    let names: Vec<&str> = ALLOWED
        .iter()
        .filter_map(|(name, _)| name.strip_prefix(path)?.strip_prefix('.'))
        .filter(|name| !name.ends_with("[]"))
        .collect();
    (!names.is_empty()).then(|| names.join(", "))
}

fn unknown(path: &str) -> String {
    let (group_path, name) = path.rsplit_once('.').unwrap_or(("", path));
    let name = shown(&Value::from(name));
    match group(group_path) {
        Some(members) => format!("there is no {name} here; `{group_path}` has {members}"),
        None => format!("there is no setting {name}; there are {}", top()),
    }
}

fn top() -> String {
    let mut names: Vec<&str> =
        ALLOWED.iter().map(|(name, _)| name.split(['.', '[']).next().unwrap_or(name)).collect();
    names.dedup();
    names.join(", ")
}

/// A value as its author wrote it, shortened.
fn shown(value: &Value) -> String {
    let text = value.to_string();
    match text.char_indices().nth(SHOWN_CHARS_MAX) {
        Some((end, _)) => format!("{}...", &text[..end]),
        None => text,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn message(json: &str) -> String {
        Settings::parse(json.as_bytes()).unwrap_err().to_string()
    }

    #[test]
    fn a_wrong_value_is_told_with_field_value_and_what_is_allowed() {
        for (json, told) in [
            (
                r#"{"pinseconds": "1 h"}"#,
                r#"pinseconds: "1 h" is not a whole number of seconds from 60 to 34560000"#,
            ),
            (r#"{"pinseconds": 59}"#, "pinseconds: 59 is not a whole number of seconds from 60 to 34560000"),
            (
                r#"{"abortseconds": 1e30}"#,
                "abortseconds: 1e+30 is not a whole number of seconds from 0 to 3600",
            ),
            (r#"{"health": {"fall": -1}}"#, "health.fall: -1 is not a whole number from 1 to 100"),
            (r#"{"transition": {"keep": 1}}"#, r#"transition: {"keep":1} is not `keep` or `navigate`"#),
            (r#"{"cookie": {"secure": "no"}}"#, r#"cookie.secure: "no" is not true, false or null"#),
            (r#"{"cookie": 7}"#, "cookie: 7 is not an object of name, domain, samesite, partitioned, secure"),
            (
                r#"{"shielding": {"of": 1}}"#,
                r#"shielding.of: there is no "of" here; `shielding` has enabled, first_byte_ms, exclude"#,
            ),
            (r#"{"cache": "guard", "cache": "trust"}"#, ".: a setting stands there twice"),
            (r#"{"cookie": {"name": "a", "name": "b"}}"#, "cookie: a setting stands there twice"),
        ] {
            assert_eq!(message(json), told, "{json}");
        }
        let told = message(r#"{"hots": []}"#);
        assert!(
            told.starts_with(r#"hots: there is no setting "hots"; there are hosts, drainseconds, "#),
            "{told}"
        );
        let told = message(r#"{"override": {"header": "X-R", "networks": ["10.0.0.1/8"]}}"#);
        assert!(told.contains("the network is 10.0.0.0/8"), "{told}");
        let told = message(&format!(r#"{{"pin": "{}"}}"#, "a".repeat(500)));
        assert!(told.len() < 300 && told.contains("a... is not `cookie`, `address`"), "{told}");
    }
}
