//! Header rules: lines that are set, added or removed on the way.
//!
//! What frames a message, belongs to one connection, says who asks, or is the router's own is out of their reach: a rule that names
//! it is refused, so that what goes upstream stays unambiguous (docs/design.md section 13, invariant 7).

use serde::{Deserialize, Serialize};

use super::error::SettingsError;

/// The most rules for one direction. Each costs a comparison for each header line.
const RULES_MAX: usize = 32;
/// The longest name, in bytes.
const NAME_BYTES_MAX: usize = 64;
/// The longest value, in bytes.
const VALUE_BYTES_MAX: usize = 1_000;

/// Names that no rule may have: of framing, of one connection, of who asks, of pins and logins, of the coding of a body, and those
/// that have a setting of their own.
const RESERVED: &[&str] = &[
    "accept-encoding",
    "accept-ranges",
    "cdn-loop",
    "client-cert",
    "client-cert-chain",
    "connection",
    "content-encoding",
    "content-length",
    "content-range",
    "cookie",
    "date",
    "etag",
    "expect",
    "forwarded",
    "host",
    "http2-settings",
    "keep-alive",
    "persistent-auth",
    "proxy",
    "range",
    "set-cookie",
    "strict-transport-security",
    "te",
    "traceparent",
    "tracestate",
    "trailer",
    "transfer-encoding",
    "upgrade",
    "via",
    "www-authenticate",
    "x-real-ip",
    "x-request-id",
    "x-rolling-release",
];
/// How reserved names begin.
const RESERVED_BEGINS: [&str; 3] = ["proxy-", "sec-websocket-", "x-forwarded-"];

/// An app's header rules. Each direction's are applied together: what one of them adds, no other removes.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct HeaderSettings {
    /// For requests on their way to endpoints.
    pub request: Vec<HeaderRule>,
    /// For the responses of endpoints.
    pub response: Vec<HeaderRule>,
}

/// One header rule.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct HeaderRule {
    /// Whether lines of this name that are there go.
    removes: bool,
    /// The name, as it is written.
    name: Box<str>,
    /// The value of the line that comes in.
    value: Option<Box<str>>,
    /// It is about what caches may do.
    caching: bool,
}

impl HeaderRule {
    /// Whether a line of this name goes.
    pub fn removes(&self, name: &[u8]) -> bool {
        self.removes && name.eq_ignore_ascii_case(self.name.as_bytes())
    }

    /// Whether it is about what caches may do.
    pub fn is_caching(&self) -> bool {
        self.caching
    }

    /// Appends the line that comes in, if any.
    pub fn write(&self, out: &mut Vec<u8>) {
        let Some(value) = &self.value else { return };
        for part in [self.name.as_bytes(), b": ", value.as_bytes(), b"\r\n"] {
            out.extend_from_slice(part);
        }
    }

    fn parse(text: &str) -> Option<Self> {
        let (action, rest) = text.split_once(' ')?;
        let (name, value) = match action {
            "set" | "add" => rest.split_once(':').map(|(name, value)| (name, Some(value.trim())))?,
            "remove" => (rest, None),
            _ => return None,
        };
        let written = |value: &str| {
            (1..=VALUE_BYTES_MAX).contains(&value.len())
                && value.bytes().all(|byte| (b' '..=b'~').contains(&byte))
        };
        let allowed = is_name(name) && !is_reserved(name) && value.is_none_or(written);
        allowed.then(|| Self {
            removes: action != "add",
            name: name.into(),
            value: value.map(Box::from),
            caching: is_caching(name),
        })
    }
}

/// Whether a line of this name goes by one of these rules.
#[inline]
pub fn removes(rules: &[HeaderRule], name: &[u8]) -> bool {
    rules.iter().any(|rule| rule.removes(name))
}

impl TryFrom<String> for HeaderRule {
    type Error = &'static str;

    fn try_from(text: String) -> Result<Self, Self::Error> {
        Self::parse(&text).ok_or("it is no header rule")
    }
}

impl From<HeaderRule> for String {
    fn from(rule: HeaderRule) -> Self {
        match (rule.value, rule.removes) {
            (None, _) => format!("remove {}", rule.name),
            (Some(value), true) => format!("set {}: {value}", rule.name),
            (Some(value), false) => format!("add {}: {value}", rule.name),
        }
    }
}

impl HeaderSettings {
    /// `override_header`: the app's, which is for the router alone.
    pub(super) fn check(&self, override_header: Option<&str>) -> Result<(), SettingsError> {
        for (path, rules) in [("headers.request", &self.request), ("headers.response", &self.response)] {
            let texts = || rules.iter().cloned().map(String::from);
            if rules.len() > RULES_MAX {
                return Err(SettingsError::value(path, texts().collect::<Vec<_>>()));
            }
            let own =
                |rule: &&HeaderRule| override_header.is_some_and(|own| own.eq_ignore_ascii_case(&rule.name));
            if let Some(rule) = rules.iter().find(own) {
                return Err(SettingsError::entry(path, &String::from(rule.clone())));
            }
        }
        Ok(())
    }
}

fn is_name(name: &str) -> bool {
    (1..=NAME_BYTES_MAX).contains(&name.len())
        && name.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-')
}

fn is_reserved(name: &str) -> bool {
    let name = name.to_ascii_lowercase();
    RESERVED.contains(&name.as_str()) || RESERVED_BEGINS.iter().any(|begin| name.starts_with(begin))
}

/// Whether caches act on a header, shared ones included: `Cache-Control` and those that they read instead of it.
fn is_caching(name: &str) -> bool {
    let name = name.to_ascii_lowercase();
    name.ends_with("cache-control")
        || ["surrogate-control", "edge-control", "x-accel-expires", "expires", "pragma"]
            .contains(&name.as_str())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rules_are_read_and_written_as_they_are() {
        for text in ["set X-Frame-Options: DENY", "add Link: </a.css>; rel=preload", "remove Server"] {
            assert_eq!(HeaderRule::parse(text).map(String::from).as_deref(), Some(text));
        }
        let rule = HeaderRule::parse("set X-A:   b  ").unwrap();
        assert!(rule.removes(b"x-a") && !rule.removes(b"x-ab"));
        let mut out = Vec::new();
        rule.write(&mut out);
        assert_eq!(out, b"X-A: b\r\n");
        assert!(!HeaderRule::parse("add X-A: b").unwrap().removes(b"x-a"));
    }

    #[test]
    fn nothing_reserved_and_no_line_end_is_a_rule() {
        for text in [
            "set Host: a",
            "remove content-length",
            "add Transfer-Encoding: chunked",
            "set X-Forwarded-For: 10.0.0.1",
            "set X-FORWARDED-Anything: 1",
            "set Proxy-Authorization: a",
            "add Set-Cookie: rolling_pin=1",
            "remove Cookie",
            "set Forwarded: for=1",
            "remove ETag",
            "set Content-Encoding: gzip",
            "set X-A: b\r\nX-B: c",
            "set X-A: b\nc",
            "set X-A:",
            "set X_A: b",
            "set X-A b",
            "remove X-A: b",
            "remove ",
            "drop X-A",
            "set : b",
            "",
        ] {
            assert_eq!(HeaderRule::parse(text), None, "{text:?}");
        }
    }
}
