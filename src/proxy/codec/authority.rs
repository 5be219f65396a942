//! Reading authorities: `name`, `name:port`, `[address]:port`, and nothing that two readers could split differently (RFC
//! 9110 section 7.2, RFC 3986 section 3.2).

use crate::authority::Authority;

use super::bytes::{CLASS, HEX, HOST, all};

/// The longest authority, in bytes: a DNS name has at most 255, a port 6.
const AUTHORITY_BYTES_MAX: usize = 261;

/// Reads an authority: no userinfo, no escapes, no empty name, a port within 1..=65535. An empty port is none (RFC 3986 section
/// 3.2.3).
pub fn read(authority: &[u8]) -> Option<Authority<'_>> {
    if authority.len() > AUTHORITY_BYTES_MAX {
        return None;
    }
    let name_end = match authority {
        [b'[', rest @ ..] => 1 + address_length(rest)? + 1,
        _ => authority.iter().position(|&byte| byte == b':').unwrap_or(authority.len()),
    };
    let (name, port) = authority.split_at(name_end);
    let name_fits = name.starts_with(b"[") || (!name.is_empty() && all(name, HOST));
    if !name_fits || !port_fits(port) {
        return None;
    }
    let text = std::str::from_utf8(if port == b":" { name } else { authority }).ok()?;
    Some(Authority::new(text, name_end))
}

/// The length of an IPv6 address up to its closing bracket.
fn address_length(rest: &[u8]) -> Option<usize> {
    let length = rest.iter().position(|&byte| byte == b']')?;
    let address = std::str::from_utf8(&rest[..length]).ok()?;
    address.parse::<std::net::Ipv6Addr>().is_ok().then_some(length)
}

fn port_fits(port: &[u8]) -> bool {
    match port {
        [] | [b':'] => true,
        [b':', digits @ ..] if (1..=5).contains(&digits.len()) => {
            let number = digits.iter().try_fold(0_u32, |sum, &digit| {
                digit.is_ascii_digit().then(|| sum * 10 + u32::from(digit - b'0'))
            });
            number.is_some_and(|number| (1..=65_535).contains(&number))
        }
        _ => false,
    }
}

/// Splits `http://authority/path` (or `https`) into authority and path. This authority counts, and not the one of Host. The
/// path may be empty, or begin with its query.
pub fn split_absolute(target: &[u8]) -> Option<(Authority<'_>, &[u8])> {
    let scheme_end = target.iter().position(|&byte| byte == b':')?;
    let (scheme, rest) = target.split_at(scheme_end);
    if !scheme.eq_ignore_ascii_case(b"http") && !scheme.eq_ignore_ascii_case(b"https") {
        return None;
    }
    let rest = rest.strip_prefix(b"://")?;
    let end = rest.iter().position(|&byte| byte == b'/' || byte == b'?').unwrap_or(rest.len());
    let (authority, path) = rest.split_at(end);
    Some((read(authority)?, path))
}

/// Whether a byte may stand in an authority: for tests that compare with other readers.
pub fn may_hold(byte: u8) -> bool {
    CLASS[usize::from(byte)] & (HOST | HEX) != 0 || b"[]:".contains(&byte)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn takes_names_addresses_and_ports() {
        for authority in [
            "a",
            "shop.example",
            "a_b.c:80",
            "127.0.0.1:65535",
            "[::1]",
            "[2001:db8::1]:8443",
            "1:1",
            "a~b",
            "a'b!",
        ] {
            let read = read(authority.as_bytes());
            assert_eq!(read, Some(Authority::split(authority)), "{authority}");
        }
    }

    #[test]
    fn refuses_what_is_ambiguous() {
        for authority in [
            "", " ", "a b", "a/b", "a\\b", "user@a", "a,b", "a#b", "a?b", "a%00", "a%41", "[::1", "[]",
            "[::1]x", "[a]", ":", "a:0", "a:65536", "a:080000", "a:-1", "a:+1", "a:8a", ":80", "a:80:80",
            "é", "a\"", "a::", "[::1]::", "a<b", "a;b", "a=b", "a|b",
        ] {
            assert_eq!(read(authority.as_bytes()), None, "{authority:?}");
        }
        assert_eq!(read("a".repeat(300).as_bytes()), None);
        assert_eq!(read(b"a:"), Some(Authority::split("a")), "an empty port is none");
        assert_eq!(read(b"[::1]:"), Some(Authority::split("[::1]")));
    }

    #[test]
    fn splits_absolute_targets() {
        assert_eq!(split_absolute(b"http://a:80/x?y"), Some((Authority::split("a:80"), &b"/x?y"[..])));
        assert_eq!(split_absolute(b"HTTPS://a"), Some((Authority::split("a"), &b""[..])));
        assert_eq!(split_absolute(b"http://a?x"), Some((Authority::split("a"), &b"?x"[..])));
        for target in
            ["ftp://a/", "http:/a", "http://", "http:///x", "http://u@a/", "http://?x", "admin", "a:80"]
        {
            assert_eq!(split_absolute(target.as_bytes()), None, "{target}");
        }
    }
}
