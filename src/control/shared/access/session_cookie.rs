//! The cookie that holds a browser's session (RFC 6265bis): for this router's API alone, unseen by scripts, sent by no other site.

use axum::http::{HeaderMap, HeaderValue, header};
use cookie::{Cookie, SameSite, time::Duration};

use super::{
    limits::{SESSION_COOKIES_MAX, SESSION_MAX},
    sessions::SessionPass,
};
use crate::{control::shared::core::Core, rollout::cookie::SESSION_PREFIX};

/// The session that a request's cookies stand for. Browsers send the cookies of all ports of a host, so there may be some of
/// other routers among them.
pub fn find(core: &Core, headers: &HeaderMap) -> Option<SessionPass> {
    let now = core.clock.wall_ms();
    secrets(headers).take(SESSION_COOKIES_MAX).find_map(|secret| core.sessions.find(&secret, now))
}

/// Whether a request brings any such cookie.
pub fn is_sent(headers: &HeaderMap) -> bool {
    secrets(headers).next().is_some()
}

/// What has a browser keep a session, until it ends at the latest.
pub fn keep(core: &Core, secret: &str, is_secure: bool) -> HeaderValue {
    let lasts = Duration::seconds((SESSION_MAX / 1_000).cast_signed());
    set(core, secret, is_secure, lasts)
}

/// What has a browser forget its session.
pub fn forget(core: &Core, is_secure: bool) -> HeaderValue {
    set(core, "", is_secure, Duration::ZERO)
}

/// Whether the browser reached this router by https: it says so of itself.
pub fn is_secure(core: &Core, headers: &HeaderMap) -> bool {
    let origin = headers.get(header::ORIGIN).and_then(|origin| origin.to_str().ok()).unwrap_or_default();
    core.options.tls.is_some() || origin.starts_with("https://")
}

fn secrets(headers: &HeaderMap) -> impl Iterator<Item = String> {
    let lines = headers.get_all(header::COOKIE).iter().filter_map(|line| line.to_str().ok());
    let cookies = lines.flat_map(Cookie::split_parse).filter_map(Result::ok);
    cookies.filter(|cookie| cookie.name().starts_with(SESSION_PREFIX)).map(|cookie| cookie.value().to_owned())
}

fn set(core: &Core, value: &str, is_secure: bool, lasts: Duration) -> HeaderValue {
    let cookie = Cookie::build((name(core), value))
        .path(format!("{}/api", core.options.admin_base))
        .http_only(true)
        .same_site(SameSite::Strict)
        .secure(is_secure)
        .max_age(lasts);
    HeaderValue::try_from(cookie.to_string()).expect("names and secrets are letters and digits")
}

/// One name for a fleet: so routers of several fleets on one host, as by forwarded ports, keep a session each.
fn name(core: &Core) -> String {
    match core.replica.mark_of(NAME_OF) {
        mark if mark.is_empty() => format!("{SESSION_PREFIX}{}", core.node),
        mark => format!("{SESSION_PREFIX}{mark}"),
    }
}

/// What the fleet's mark in the name is of.
const NAME_OF: &[u8] = b"the name of the session cookie";
