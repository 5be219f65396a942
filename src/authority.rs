//! Authorities: a host, and perhaps a port, as a Host header names them (RFC 9110 section 7.2). A leaf: anything may import
//! it.
//!
//! [`Authority::split`] tells host and port of any text apart and checks nothing. What is ambiguous is refused where requests
//! are read ([`crate::proxy::codec::authority`]).

use std::fmt;

/// A host and perhaps a port: `shop.example`, `shop.example:8080`, `[::1]:8080`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Authority<'a> {
    text: &'a str,
    host_bytes: usize,
}

impl<'a> Authority<'a> {
    /// An authority whose host takes so many bytes. The rest is nothing, or a colon and a port.
    pub(crate) fn new(text: &'a str, host_bytes: usize) -> Self {
        Self { text, host_bytes }
    }

    /// Splits a text at the colon before its port, if it has one. Nothing is checked: a text without a host, a port that is no
    /// number, and an IPv6 address without brackets count as a host altogether.
    pub fn split(text: &'a str) -> Self {
        let host = match text.rsplit_once(':') {
            Some((host, port)) if port.bytes().all(|byte| byte.is_ascii_digit()) && !host.is_empty() => {
                let bare_address = host.contains(':') && !host.ends_with(']');
                if bare_address { text } else { host }
            }
            _ => text,
        };
        Self { text, host_bytes: host.len() }
    }

    /// That of a request which names none: HTTP/1.0 without Host.
    pub const NONE: Authority<'static> = Authority { text: "", host_bytes: 0 };

    /// Whether the request names no host.
    pub fn is_none(self) -> bool {
        self.text.is_empty()
    }

    /// The port, if one is named.
    pub fn port(self) -> Option<u16> {
        self.text.get(self.host_bytes + 1..)?.parse().ok()
    }

    /// All of it.
    pub fn as_str(self) -> &'a str {
        self.text
    }

    /// The host; the brackets of an IPv6 address belong to it.
    pub fn host(self) -> &'a str {
        &self.text[..self.host_bytes]
    }
}

impl fmt::Display for Authority<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.text)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_port_is_no_part_of_the_host() {
        for (text, host) in [
            ("a:80", "a"),
            ("a", "a"),
            ("a:", "a"),
            ("[::1]", "[::1]"),
            ("[::1]:80", "[::1]"),
            ("::1", "::1"),
            ("a:b", "a:b"),
            (":80", ":80"),
            ("", ""),
        ] {
            assert_eq!(Authority::split(text).host(), host, "{text}");
            let port = text.strip_prefix(host).and_then(|rest| rest.strip_prefix(':'));
            assert_eq!(Authority::split(text).port(), port.and_then(|port| port.parse().ok()), "{text}");
        }
    }
}
