//! Cookies (RFC 6265 section 4.2), read in place: one name is looked for, everything else is left as it is.

use std::ops::Range;

/// One cookie of a Cookie value that bears the name looked for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Found<'a> {
    /// What to leave out to remove it, its separator included.
    pub whole: Range<usize>,
    /// Its value.
    pub value: &'a [u8],
}

/// All cookies of this name, in order.
pub fn find<'a>(header: &'a [u8], name: &'a [u8]) -> impl Iterator<Item = Found<'a>> {
    let mut at = 0;
    std::iter::from_fn(move || {
        while at < header.len() {
            let start = at;
            let length = memchr::memchr(b';', &header[start..]);
            let end = length.map_or(header.len(), |length| start + length);
            at = length.map_or(header.len(), |length| start + length + 1);
            if let Some(value) = value_of(&header[start..end], name) {
                return Some(Found { whole: start..at, value });
            }
        }
        None
    })
}

/// The value of `name=value`, blanks around both left out, if it bears this name.
fn value_of<'a>(pair: &'a [u8], name: &[u8]) -> Option<&'a [u8]> {
    let leading = pair.iter().take_while(|byte| matches!(byte, b' ' | b'\t')).count();
    let rest = pair[leading..].strip_prefix(name)?.trim_ascii_start();
    Some(rest.strip_prefix(b"=")?.trim_ascii())
}
