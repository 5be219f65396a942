//! The router's own cookies in a Cookie header (RFC 6265 section 4.2), found in place.

use std::ops::Range;

use super::preview::COOKIE_SUFFIX;

/// A cookie of the router's own in a Cookie header: the pin, or a tester's preview token.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OwnCookie<'a> {
    /// The bytes to leave out to remove it, its separator included.
    pub whole: Range<usize>,
    /// Its value.
    pub value: &'a [u8],
    /// Whether it is a tester's cookie, whose name is that of the pin cookie with [`COOKIE_SUFFIX`].
    pub preview: bool,
}

/// Finds all cookies of this name, and of this name with [`COOKIE_SUFFIX`], in order.
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
        if let Some((value, preview)) = value_of(&header[start..end], name) {
            return Some(OwnCookie { whole: start..*at, value, preview });
        }
    }
    None
}

/// The value of a `name=value` pair of this name, without blanks around it, and whether the name has the suffix.
fn value_of<'a>(pair: &'a [u8], name: &[u8]) -> Option<(&'a [u8], bool)> {
    let leading = pair.iter().take_while(|byte| matches!(byte, b' ' | b'\t')).count();
    let rest = pair[leading..].strip_prefix(name)?;
    let suffixed = rest.strip_prefix(COOKIE_SUFFIX.as_bytes());
    let value = suffixed.unwrap_or(rest).trim_ascii_start().strip_prefix(b"=")?;
    Some((value.trim_ascii(), suffixed.is_some()))
}
