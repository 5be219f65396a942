//! Headers by which proxies say who their client is. Each is read from its end: what stands before the first proxy that is
//! not trusted is hearsay (docs/design.md section 14).

use std::net::{IpAddr, SocketAddr};

/// The headers, each with a way of its own to write it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Family {
    /// `X-Forwarded-For`.
    XForwardedFor,
    /// `Forwarded` (RFC 7239).
    Forwarded,
    /// `X-Real-IP`.
    XRealIp,
}

impl Family {
    /// In the order in which they are asked: every proxy that writes one of them writes the first.
    pub const ALL: [Self; 3] = [Self::XForwardedFor, Self::Forwarded, Self::XRealIp];

    /// The header's name.
    pub const fn name(self) -> &'static str {
        match self {
            Self::XForwardedFor => "x-forwarded-for",
            Self::Forwarded => "forwarded",
            Self::XRealIp => "x-real-ip",
        }
    }
}

/// Where a request came from, as far as proxies tell.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Origin {
    /// The client's address, or that of the first proxy which does not name its client.
    pub address: IpAddr,
    /// Whether it is the client's.
    pub is_named: bool,
}

/// The client before a trusted peer. `lines`: the header's lines, the last one first. `trust` says which proxies are trusted.
pub fn client_before<'a>(
    peer: IpAddr,
    family: Family,
    lines: impl Iterator<Item = &'a [u8]>,
    trust: &dyn Fn(IpAddr) -> bool,
) -> Origin {
    let mut origin = Origin { address: peer, is_named: true };
    for member in lines.flat_map(|line| line.rsplit(|&byte| byte == b',')) {
        let member = member.trim_ascii();
        let text = if family == Family::Forwarded { forwarded_for(member) } else { member };
        // Proxies may say that they do not know, or do not tell.
        let Some(before) = parse(text) else {
            origin.is_named = false;
            break;
        };
        origin.address = before;
        if !trust(before) {
            break;
        }
    }
    origin
}

/// The value of `for` in one element of Forwarded; empty if there is none.
fn forwarded_for(element: &[u8]) -> &[u8] {
    let pairs = element.split(|&byte| byte == b';').map(<[u8]>::trim_ascii);
    let named = |pair: &[u8]| pair.get(..4).is_some_and(|name| name.eq_ignore_ascii_case(b"for="));
    let value = pairs.into_iter().find(|pair| named(pair)).map_or(&b""[..], |pair| &pair[4..]);
    value.strip_prefix(b"\"").and_then(|value| value.strip_suffix(b"\"")).unwrap_or(value)
}

/// An address as proxies write it: with a port or without, IPv6 in brackets or not.
fn parse(member: &[u8]) -> Option<IpAddr> {
    let text = std::str::from_utf8(member).ok()?;
    let with_port = || text.parse::<SocketAddr>().ok().map(|address| address.ip());
    let in_brackets = || text.strip_prefix('[')?.strip_suffix(']')?.parse().ok().map(IpAddr::V6);
    text.parse().ok().or_else(with_port).or_else(in_brackets).map(|address: IpAddr| address.to_canonical())
}
