//! Cookies (RFC 6265 section 4.2), read in place: one name is looked for, everything else is left as it is.

use std::ops::Range;

use super::preview::COOKIE_SUFFIX;

/// One cookie of a Cookie value that is the router's own.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Found<'a> {
    /// What to leave out to remove it, its separator included.
    pub whole: Range<usize>,
    /// Its value.
    pub value: &'a [u8],
    /// It bears the name of a tester's cookie: that of the pin, and a suffix.
    pub preview: bool,
}

/// All cookies of this name, and of this name with the suffix of a tester's cookie, in order.
pub fn find<'a>(header: &'a [u8], name: &'a [u8]) -> impl Iterator<Item = Found<'a>> {
    let mut at = 0;
    std::iter::from_fn(move || find_from(&mut at, header, name))
}

#[inline(never)]
fn find_from<'a>(at: &mut usize, header: &'a [u8], name: &[u8]) -> Option<Found<'a>> {
    while *at < header.len() {
        let start = *at;
        let length = memchr::memchr(b';', &header[start..]);
        let end = length.map_or(header.len(), |length| start + length);
        *at = length.map_or(header.len(), |length| start + length + 1);
        if let Some((value, preview)) = value_of(&header[start..end], name) {
            return Some(Found { whole: start..*at, value, preview });
        }
    }
    None
}

/// The value of `name=value`, blanks around both left out, if it bears this name, and whether with the suffix.
fn value_of<'a>(pair: &'a [u8], name: &[u8]) -> Option<(&'a [u8], bool)> {
    let leading = pair.iter().take_while(|byte| matches!(byte, b' ' | b'\t')).count();
    let rest = pair[leading..].strip_prefix(name)?;
    let suffixed = rest.strip_prefix(COOKIE_SUFFIX.as_bytes());
    let value = suffixed.unwrap_or(rest).trim_ascii_start().strip_prefix(b"=")?;
    Some((value.trim_ascii(), suffixed.is_some()))
}
