//! A request's target as it goes on: in origin form, and in ASCII (RFC 3986 section 2.1).

use crate::proxy::codec::head::RequestHead;

/// Appends the target.
#[inline]
pub fn write_target(head: &RequestHead<'_>, out: &mut Vec<u8>) {
    if head.target.starts_with(b"?") {
        out.push(b'/');
    }
    if head.target_is_high { escape(head.target, out) } else { out.extend_from_slice(head.target) }
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
