//! The guard against shared caches (docs/design.md section 8). While several releases are routed, a response that a shared
//! cache keeps could be shown to clients of another release.

use crate::proxy::codec::head::{HeaderLine, KnownName, members};

/// Whether Cache-Control forbids shared caches to keep a response. `private="a-field"` forbids them to keep that field alone
/// (RFC 9111 section 5.2.2.7).
pub fn is_private(block: &[u8], lines: &[HeaderLine]) -> bool {
    let cache_control = lines.iter().filter(|line| line.known == KnownName::CacheControl);
    cache_control.flat_map(|line| members(line.value(block))).any(|member| {
        directive(member).eq_ignore_ascii_case(b"no-store") || member.eq_ignore_ascii_case(b"private")
    })
}

/// Appends a Cache-Control line with `private` and what the response said, without what was said to shared caches.
pub fn write_private(block: &[u8], lines: &[HeaderLine], out: &mut Vec<u8>) {
    out.extend_from_slice(b"cache-control: private");
    let cache_control = lines.iter().filter(|line| line.known == KnownName::CacheControl);
    for member in cache_control.flat_map(|line| members(line.value(block))) {
        let name = directive(member);
        if !name.eq_ignore_ascii_case(b"public") && !name.eq_ignore_ascii_case(b"s-maxage") {
            out.extend_from_slice(b", ");
            out.extend_from_slice(member);
        }
    }
    out.extend_from_slice(b"\r\n");
}

/// A directive's name, its argument left out.
fn directive(member: &[u8]) -> &[u8] {
    member.split(|&byte| byte == b'=').next().unwrap_or_default().trim_ascii()
}
