//! A request's target as it goes on: in origin form, in ASCII (RFC 3986 section 2.1), and without the app's prefix if the app
//! wants that.

use crate::{proxy::codec::head::RequestHead, rollout::host_paths::without_prefix};

/// Appends the target without its first `stripped` bytes, which are whole segments.
#[inline]
pub fn write_target(head: &RequestHead<'_>, stripped: usize, out: &mut Vec<u8>) {
    let target = if stripped == 0 { head.target } else { without_prefix(head.target, stripped) };
    if target.is_empty() || target.starts_with(b"?") {
        out.push(b'/');
    }
    if head.target_is_high { escape(target, out) } else { out.extend_from_slice(target) }
}

/// Browsers send some bytes above ASCII as they are; a server may read them in any charset, or refuse them.
#[cold]
fn escape(target: &[u8], out: &mut Vec<u8>) {
    for &byte in target {
        if byte.is_ascii() {
            out.push(byte);
        } else {
            let digit = |value: u8| b"0123456789ABCDEF"[usize::from(value)];
            out.extend_from_slice(&[b'%', digit(byte >> 4), digit(byte & 15)]);
        }
    }
}
