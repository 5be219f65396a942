//! The router's own cookies in a Cookie header (RFC 6265 section 4.2), found in place.

use std::ops::Range;

use super::preview::COOKIE_SUFFIX as PREVIEW_SUFFIX;

/// The pin cookie that was set by https is named like the one that was set by http, with this suffix. Under one name an
/// `http` answer could not replace the cookie of an `https` answer, and a browser would send both.
pub const HTTPS_SUFFIX: &str = "_s";

/// What the names of the cookies begin with that keep browsers signed in on the admin port. A browser sends them to every port of
/// a host, the front's too, and no endpoint sees them.
pub const SESSION_PREFIX: &str = "rolling-session-";

/// Which of the router's own cookies it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum OwnKind {
    /// The pin, as it is set by http.
    Pin,
    /// The pin, as it is set by https: with [`HTTPS_SUFFIX`].
    HttpsPin,
    /// A tester's preview token: with the suffix of previews.
    Preview,
    /// A session on the admin port: with the prefix of sessions, whatever the pin cookie is called.
    Session,
}

impl OwnKind {
    /// Those whose names begin with that of the pin cookie, and what follows it.
    const BESIDE_PIN: [(Self, &'static str); 3] =
        [(Self::Pin, ""), (Self::HttpsPin, HTTPS_SUFFIX), (Self::Preview, PREVIEW_SUFFIX)];

    /// Which of them a cookie's name stands for.
    pub fn of(name: &[u8], pin_cookie: &[u8]) -> Option<Self> {
        if name.starts_with(SESSION_PREFIX.as_bytes()) {
            return Some(Self::Session);
        }
        let rest = name.strip_prefix(pin_cookie)?;
        Self::BESIDE_PIN.into_iter().find(|(_, suffix)| rest == suffix.as_bytes()).map(|(kind, _)| kind)
    }
}

/// A cookie of the router's own in a Cookie header: a pin, or a tester's preview token.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OwnCookie<'a> {
    /// The bytes to leave out to remove it, its separator included.
    pub whole: Range<usize>,
    /// Its value.
    pub value: &'a [u8],
    /// Which of them it is.
    pub kind: OwnKind,
}

/// Finds all of the router's own cookies of an app whose pin cookie has this name, in order.
pub fn find<'a>(header: &'a [u8], name: &'a [u8]) -> impl Iterator<Item = OwnCookie<'a>> {
    let mut at = 0;
    std::iter::from_fn(move || find_from(&mut at, header, name))
}

#[inline(never)]
fn find_from<'a>(at: &mut usize, header: &'a [u8], name: &[u8]) -> Option<OwnCookie<'a>> {
    while *at < header.len() {
        let start = *at;
        let length = memchr::memchr(b';', &header[start..]);
        let end = length.map_or(header.len(), |length| start + length);
        *at = length.map_or(header.len(), |length| start + length + 1);
        if let Some((value, kind)) = value_of(&header[start..end], name) {
            return Some(OwnCookie { whole: start..*at, value, kind });
        }
    }
    None
}

/// The value of a `name=value` pair of one of the router's own names, without blanks around it.
fn value_of<'a>(pair: &'a [u8], name: &[u8]) -> Option<(&'a [u8], OwnKind)> {
    let leading = pair.iter().take_while(|byte| matches!(byte, b' ' | b'\t')).count();
    let pair = &pair[leading..];
    let Some(rest) = pair.strip_prefix(name) else { return session_of(pair) };
    OwnKind::BESIDE_PIN.into_iter().find_map(|(kind, suffix)| {
        let value = rest.strip_prefix(suffix.as_bytes())?.trim_ascii_start().strip_prefix(b"=")?;
        Some((value.trim_ascii(), kind))
    })
}

/// The value of a session's cookie.
fn session_of(pair: &[u8]) -> Option<(&[u8], OwnKind)> {
    let rest = pair.strip_prefix(SESSION_PREFIX.as_bytes())?;
    let at = memchr::memchr(b'=', rest)?;
    Some((rest[at + 1..].trim_ascii(), OwnKind::Session))
}
