//! What proxies write about whom they speak for: addresses, and the elements of Forwarded (RFC 7239 section 4).

use std::net::{IpAddr, SocketAddr};

/// An address as proxies write it: with a port or without, IPv6 in brackets or not.
pub fn address(member: &[u8]) -> Option<IpAddr> {
    let text = std::str::from_utf8(member).ok()?;
    let with_port = || text.parse::<SocketAddr>().ok().map(|address| address.ip());
    let in_brackets = || text.strip_prefix('[')?.strip_suffix(']')?.parse().ok().map(IpAddr::V6);
    text.parse().ok().or_else(with_port).or_else(in_brackets).map(|address: IpAddr| address.to_canonical())
}

/// The value of a parameter in one element of Forwarded, without quotes; empty if there is none.
pub fn parameter<'a>(element: &'a [u8], name: &str) -> &'a [u8] {
    let pairs = element.split(|&byte| byte == b';').map(<[u8]>::trim_ascii);
    let mut values = pairs.filter_map(|pair| {
        let (own, value) = pair.split_at_checked(name.len())?;
        own.eq_ignore_ascii_case(name.as_bytes()).then(|| value.strip_prefix(b"="))?
    });
    let value = values.next().unwrap_or_default();
    value.strip_prefix(b"\"").and_then(|value| value.strip_suffix(b"\"")).unwrap_or(value)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_are_read_as_proxies_write_them() {
        let read = |text: &str| address(text.as_bytes()).map(|address| address.to_string());
        for (text, wanted) in [
            ("1.2.3.4", "1.2.3.4"),
            ("1.2.3.4:99", "1.2.3.4"),
            ("::ffff:1.2.3.4", "1.2.3.4"),
            ("fd00::1", "fd00::1"),
            ("[fd00::1]", "fd00::1"),
            ("[fd00::1]:80", "fd00::1"),
        ] {
            assert_eq!(read(text).as_deref(), Some(wanted));
        }
        for text in ["", "unknown", "_hidden", "10.0.0.300", "fe80::1%eth0", "a.example"] {
            assert_eq!(read(text), None, "{text}");
        }
    }

    #[test]
    fn a_parameter_is_found_in_any_case_with_or_without_quotes() {
        let element = b"FOR=\"[2001:db8::1]:99\"; by=x;Proto=https; host=\"a:8443\"";
        assert_eq!(parameter(element, "for"), b"[2001:db8::1]:99");
        assert_eq!(parameter(element, "proto"), b"https");
        assert_eq!(parameter(element, "host"), b"a:8443");
        assert_eq!(parameter(element, "hos"), b"");
        assert_eq!(parameter(b"for", "for"), b"");
    }
}
