//! What each setting allows, in words.
//!
//! The JSON parser describes a wrong value in its own terms. Here the message names the setting, its value, and what is
//! allowed. The ranges are here in words only: each setting's `check` enforces them, and a test compares both with
//! `docs/openapi.json`.

use serde_json::Value;

use super::pin;
use crate::rollout::{freeze, plan::template};

/// How many characters of a value a message repeats.
const SHOWN_CHARS_MAX: usize = 60;

/// What a page may be, in words.
const ERROR_PAGE: &str = "a page of HTML of 1 to 16384 bytes, or null";

/// What a rule may be, in words.
const HEADER_RULE: &str = "`set NAME: VALUE`, `add NAME: VALUE` or `remove NAME`, with a name of 1 to 64 letters, digits and `-` \
    and a value of 1 to 1000 visible ASCII characters; not a name that frames a message or belongs to one connection (Content-Length, \
    Connection), says who asks (Host, Forwarded, X-Forwarded-*), is the router's (Cookie, Set-Cookie, X-Request-Id), or goes with the \
    body's coding (Content-Encoding, ETag)";

/// Each setting with what it allows. `name[]` is an entry of the list `name`.
const ALLOWED: [(&str, &str); 114] = [
    ("hosts", "a list of at most 1000 host names, such as [\"shop.example\", \"*.shop.example\"]"),
    ("hosts[]", "a host name such as shop.example or *.shop.example, without port and path"),
    ("paths", "a list of at most 100 path prefixes, such as [\"/shop\", \"/basket\"]"),
    (
        "paths[]",
        "a path prefix such as /shop: `/`, then segments of letters, digits and -._~!$&'()*+,=:@, none of them empty, `.` or \
         `..`, the first not `_rolling`; at most 200 characters, without query and `%`",
    ),
    ("strip_prefix", "true or false"),
    ("share_host", "a list of at most 100 names of apps, such as [\"basket\"]"),
    ("share_host[]", "the name of an app"),
    ("drainseconds", "a whole number of seconds from 0 to drainmaxseconds, which is at most 2592000"),
    ("drainmaxseconds", "a whole number of seconds from 0 to 2592000"),
    ("abortseconds", "a whole number of seconds from 0 to 3600"),
    ("unregistered_seconds", "a whole number of seconds from 0 to 86400, or null"),
    ("pinseconds", "a whole number of seconds from 60 to 34560000"),
    ("pin", pin::ALLOWED),
    ("transition", "`keep` or `navigate`"),
    ("cookie.name", "a cookie's name: 1 to 100 letters, digits and !#$%&'*+-.^_`|~"),
    ("cookie.domain", "a host name without a leading dot, or null"),
    ("cookie.samesite", "`Lax`, `Strict`, `None` or null"),
    ("cookie.partitioned", "true, false or null"),
    ("cookie.secure", "true, false or null"),
    ("cookie.session", "true or false"),
    ("cache", "`guard` or `trust`"),
    ("traceparent", "`pass` or `create`"),
    ("release_headers", "true or false"),
    ("underscores", "`drop` or `pass`"),
    ("assets.detect", "true or false"),
    ("assets.paths", "a list of at most 32 patterns, such as [\"/static/*\"]"),
    ("assets.paths[]", "a pattern that begins with `/` or `*`, of at most 200 characters, such as /static/*"),
    ("assets.fall_through", "true or false"),
    (
        "health.path",
        "a path that begins with `/`, at most 1000 visible ASCII characters without `#`, or null",
    ),
    (
        "health.grpc",
        "the name of a service of gRPC, at most 200 visible ASCII characters, empty for the whole server, or null",
    ),
    ("health.host", "a host name such as shop.example, with a port or without, or null"),
    ("health.headers", "a list of at most 16 headers, such as [\"X-Check: yes\"]"),
    (
        "health.headers[]",
        "`Name: value` in visible ASCII characters, at most 1000, other than Host (the setting `host`), CDN-Loop and those \
         that frame the request",
    ),
    ("health.body_contains", "a text of 1 to 1000 characters, or null"),
    ("health.interval_ms", "a whole number of ms from 100 to 3600000"),
    ("health.timeout_ms", "a whole number of ms from 10 to interval_ms, which is at most 3600000"),
    ("health.status", "statuses from 100 to 599 and ranges of them, such as \"200-399\" or \"200,204\""),
    ("health.fall", "a whole number from 1 to 100"),
    ("health.rise", "a whole number from 1 to 100"),
    ("shielding.enabled", "true or false"),
    ("shielding.first_byte_ms", "a whole number of ms from 10 to 3600000"),
    ("shielding.exclude", "a list of at most 32 paths, such as [\"/export/\"]"),
    ("shielding.exclude[]", "a path that begins with `/`, of at most 200 characters, such as /export/"),
    ("shielding.race_exclude", "a list of at most 32 patterns, such as [\"*callback*\"]"),
    (
        "shielding.race_exclude[]",
        "a pattern that begins with `/` or `*`, of at most 200 characters, such as *callback*",
    ),
    ("verdict.on_worse", "`abort`, `hold`, `tell` or null"),
    ("verdict.on_slower", "`abort`, `hold`, `tell` or null"),
    ("verdict.alpha", "a number from 0.0001 to 0.1"),
    ("verdict.tolerate", "a number from 1 to 10"),
    ("verdict.at_least", "a percentage from 0 to 100"),
    (
        "verdict.failure",
        "statuses from 400 to 599 and ranges of them, such as \"500-599\" or \"429,500-599\"",
    ),
    ("shadow.percent", "a percentage from 0 to 100"),
    ("shadow.paths", "a list of at most 32 patterns, such as [\"/api/*\"]"),
    ("shadow.paths[]", "a pattern that begins with `/` or `*`, of at most 200 characters, such as /api/*"),
    ("shadow.ignore", "a list of at most 32 fields, such as [\"header etag\", \"body $.build\"]"),
    (
        "shadow.ignore[]",
        "a field as the report names it, of 1 to 200 visible ASCII characters, with `*` for any, such as header etag",
    ),
    ("shadow.credentials", "true or false"),
    ("certificate", "`files` or `acme`"),
    ("client_certificates.mode", "`off`, `optional` or `required`"),
    (
        "client_certificates.ca",
        "certificates of authorities as PEM, each between BEGIN CERTIFICATE and END CERTIFICATE, of at most 32768 bytes, or null",
    ),
    ("https_redirect", "a port from 1 to 65535, such as 443, or null"),
    (
        "canonical_host",
        "a host name that `hosts` covers, such as shop.example, without port and path, or null",
    ),
    ("hsts.max_age", "a whole number of seconds from 0 to 63072000, or null"),
    ("hsts.include_subdomains", "true or false"),
    ("hsts.preload", "true or false"),
    ("headers.request", "a list of at most 32 header rules, such as [\"set X-A: b\"]"),
    ("headers.request[]", HEADER_RULE),
    ("headers.response", "a list of at most 32 header rules, such as [\"remove Server\"]"),
    ("headers.response[]", HEADER_RULE),
    ("body_max", "a whole number of bytes from 0 to 1125899906842624, or null"),
    ("error_pages.400", ERROR_PAGE),
    ("error_pages.403", ERROR_PAGE),
    ("error_pages.404", ERROR_PAGE),
    ("error_pages.408", ERROR_PAGE),
    ("error_pages.413", ERROR_PAGE),
    ("error_pages.502", ERROR_PAGE),
    ("error_pages.503", ERROR_PAGE),
    ("error_pages.504", ERROR_PAGE),
    ("compression.enabled", "true or false"),
    ("compression.types", "a list of at most 64 media types, such as [\"text/*\", \"application/json\"]"),
    (
        "compression.types[]",
        "a media type or a pattern of some, such as text/* or application/json, of at most 100 characters, other than \
         text/event-stream and application/grpc, which are never compressed",
    ),
    ("compression.min_bytes", "a whole number of bytes from 0 to 1073741824"),
    ("upstream", "`http`, `https`, `h2c` or `h2`"),
    ("upstream_tls.server_name", "a host name such as shop.internal, without port and path, or null"),
    (
        "upstream_tls.ca",
        "certificates of authorities as PEM, each between BEGIN CERTIFICATE and END CERTIFICATE, of at most 32768 bytes, or null",
    ),
    (
        "upstream_tls.certificate",
        "the name of a client certificate of the router: 1 to 64 letters, digits and `-_.`, the first no dot, or null",
    ),
    ("upstream_proxy_protocol", "`off`, `v1` or `v2`"),
    ("upgrades", "a list of protocols, such as [\"tcp\"]"),
    ("upgrades[]", "`tcp` or `SPDY/3.1`"),
    ("lenient_responses", "true or false"),
    ("timeouts.first_byte_ms", "a whole number of ms from 10 to 86400000, or null"),
    ("timeouts.between_bytes_ms", "a whole number of ms from 10 to 86400000, or null"),
    ("timeouts.tunnel_idle_ms", "a whole number of ms from 10 to 604800000, or null"),
    ("timeouts.body_rate_min", "a whole number of bytes per second from 0 to 1000000000, or null"),
    ("timeouts.body_grace_ms", "a whole number of ms from 100 to 3600000, or null"),
    ("timeouts.paths", "a list of at most 32 paths, such as [\"/report/;first_byte_ms=600000\"]"),
    (
        "timeouts.paths[]",
        "a path that begins with `/`, of at most 200 characters, and after it one or more of ;first_byte_ms=, \
         ;between_bytes_ms=, ;tunnel_idle_ms=, ;body_rate_min= and ;body_grace_ms= with a number that the setting of that \
         name allows, such as /report/;first_byte_ms=600000",
    ),
    (
        "override.header",
        "a header's name of 1 to 64 letters, digits and `-`, such as X-Rolling-Release, or null",
    ),
    ("override.networks", "a list of 1 to 64 addresses or networks, such as [\"10.0.0.0/8\"]"),
    ("override.networks[]", "an address or a network, such as 10.0.0.0/8"),
    ("register_under_lock", "a list of at most 32 names of tokens, such as [\"registrator\"]"),
    ("register_under_lock[]", "the name of a token, of 1 to 100 characters"),
    ("fact_links", "a list of at most 12 links, such as [\"commit=https://git.example/commit/{}\"]"),
    (
        "fact_links[]",
        "the name of a fact, `=`, and an http or https URL of at most 300 bytes in which `{}` stands for the value",
    ),
    ("freeze_windows", "a list of at most 32 windows, such as [\"Fri 16:00 - Mon 08:00 Europe/Berlin\"]"),
    ("freeze_windows[]", freeze::ALLOWED),
    (
        "plans",
        "a list of at most 16 plans with different names, such as [\"gradual: 5% hold=10m; 50% hold=30m; promote\"]",
    ),
    ("plans[]", template::ALLOWED),
    ("ci_blend_max", "a percentage from 0 to 100 with at most two decimals, or null"),
    ("ci_may_promote", "true or false"),
    ("approvals", "a whole number from 0 to 3"),
    ("keep_previous", "a whole number from 0 to 10"),
    ("prune_images", "true or false"),
    ("pending_seconds", "a whole number of seconds from 0 to 86400"),
];

/// What the setting at `path` allows; an index such as `[3]` stands for every entry.
pub(super) fn allowed(path: &str) -> Option<&'static str> {
    let list = path.split_once('[').map(|(list, _)| format!("{list}[]"));
    let name = list.as_deref().unwrap_or(path);
    ALLOWED.iter().find(|(known, _)| *known == name).map(|(_, allowed)| *allowed)
}

/// Why the value of the setting at `path` is refused: the value and what is allowed, or that there is no such setting.
pub(super) fn describe(path: &str, value: &Value) -> String {
    match (allowed(path), group(path)) {
        (Some(allowed), _) => format!("{} is not {allowed}", shown(value)),
        (None, Some(members)) => format!("{} is not an object of {members}", shown(value)),
        (None, None) => unknown(path),
    }
}

/// The names of the settings in a group such as `cookie`.
pub(super) fn group(path: &str) -> Option<String> {
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

/// A value as JSON, shortened.
fn shown(value: &Value) -> String {
    let text = value.to_string();
    match text.char_indices().nth(SHOWN_CHARS_MAX) {
        Some((end, _)) => format!("{}...", &text[..end]),
        None => text,
    }
}
