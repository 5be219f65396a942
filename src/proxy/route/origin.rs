//! Where a request came from: the peer, or what the last trusted proxy on its way says of it. It is worked out once, when
//! the head is read, and everything that goes by a client's address goes by that (docs/design.md section 14).
//!
//! X-Forwarded-For is asked first, since every proxy that writes one of these headers writes it; then Forwarded (RFC
//! 7239), then X-Real-IP. Each is read from its end: what stands before the first proxy that is not trusted is hearsay.

use std::net::{IpAddr, SocketAddr};

use crate::proxy::codec::head::{Known, RequestHead};
use crate::proxy::worker::client::Client;

/// Who asks: the peer, or the client for which a trusted proxy asks. `trust` says which proxies are trusted.
#[inline]
pub fn client_of(head: &RequestHead<'_>, peer: Client, trust: &dyn Fn(IpAddr) -> bool) -> Client {
    if peer.trusted { told_by_proxies(head, peer, trust) } else { peer }
}

#[cold]
fn told_by_proxies(head: &RequestHead<'_>, client: Client, trust: &dyn Fn(IpAddr) -> bool) -> Client {
    let mut client = client;
    let known = [Known::XForwardedFor, Known::Forwarded, Known::XRealIp];
    let Some(header) = known.into_iter().find(|known| head.present.has(*known)) else { return client };
    let lines = head.lines.iter().rev().filter(|line| line.known == header);
    for member in lines.flat_map(|line| line.value(head.block).rsplit(|&byte| byte == b',')) {
        let member = member.trim_ascii();
        let text = if header == Known::Forwarded { forwarded_for(member) } else { member };
        // Proxies may say that they do not know, or do not tell.
        let Some(before) = parse(text) else {
            client.named = false;
            break;
        };
        client.address = before;
        if !trust(before) {
            break;
        }
    }
    client
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        limits::Limits,
        proxy::{
            codec::{lines::Progress, request::read_request},
            worker::client::Door,
        },
    };

    fn client(headers: &str) -> Client {
        let text = format!("GET / HTTP/1.1\r\nHost: a\r\n{headers}\r\n");
        let mut lines = Vec::new();
        let read = read_request(text.as_bytes(), &mut lines, &Limits::default());
        let Ok(Progress::Complete(request)) = read else { panic!("{text:?} is a request") };
        let client = Client::new("10.0.0.1".parse().unwrap(), true, false, Door::Front);
        told_by_proxies(&request.head, client, &|address| address.to_string().starts_with("10."))
    }

    fn came_from(headers: &str) -> String {
        client(headers).address.to_string()
    }

    #[test]
    fn a_client_is_where_the_last_trusted_proxy_says() {
        let chain = "X-Forwarded-For: 6.6.6.6, 1.2.3.4\r\nX-Forwarded-For: 10.0.0.2\r\n";
        assert_eq!(came_from(chain), "1.2.3.4", "what came before is hearsay");
        assert_eq!(came_from(""), "10.0.0.1");
        assert_eq!(came_from("X-Forwarded-For: 10.0.0.3\r\n"), "10.0.0.3");
        assert_eq!(came_from("X-Forwarded-For: unknown, 10.0.0.3\r\n"), "10.0.0.3");
        assert_eq!(came_from("X-Forwarded-For: [fd00::1]:80\r\n"), "fd00::1");
        assert_eq!(came_from("X-Forwarded-For: [fd00::1]\r\n"), "fd00::1");
        assert_eq!(came_from("X-Forwarded-For: 1.2.3.4:99\r\n"), "1.2.3.4");
        assert_eq!(came_from("X-Forwarded-For: ::ffff:1.2.3.4\r\n"), "1.2.3.4");
    }

    #[test]
    fn the_other_headers_count_where_the_first_is_missing() {
        assert_eq!(came_from("X-Real-IP: 1.2.3.4\r\n"), "1.2.3.4");
        assert_eq!(came_from("X-Real-IP: 1.2.3.4\r\nForwarded: for=2.2.2.2\r\n"), "2.2.2.2");
        assert_eq!(came_from("Forwarded: for=2.2.2.2\r\nX-Forwarded-For: 3.3.3.3\r\n"), "3.3.3.3");
        let chain = "Forwarded: for=6.6.6.6, proto=http;FOR=\"[2001:db8::1]:99\"; by=x, for=\"10.0.0.3\"\r\n";
        assert_eq!(came_from(chain), "2001:db8::1");
    }

    #[test]
    fn a_client_that_nobody_names_is_known_as_such() {
        assert!(client("").named && client("X-Forwarded-For: 10.0.0.3\r\n").named);
        for unnamed in [
            "X-Forwarded-For: unknown\r\n",
            "X-Forwarded-For: 10.0.0.3, _hidden, 10.0.0.4\r\n",
            "X-Forwarded-For: \r\n",
            "X-Forwarded-For: 10.0.0.300\r\n",
            "Forwarded: proto=https\r\n",
            "Forwarded: for=unknown\r\n",
            "X-Real-IP: x\r\n",
        ] {
            assert!(!client(unnamed).named, "{unnamed}");
        }
    }
}
