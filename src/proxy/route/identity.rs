//! Who a client is that keeps no cookies: a hash of a header of its, or of its address (docs/design.md section 5).

use std::net::{IpAddr, SocketAddr};

use crate::{
    proxy::{
        codec::head::{HeaderLine, Known, RequestHead},
        worker::{client::Client, shared::Trust},
    },
    rollout::{pin::PinCodec, settings::PinSource},
};

/// The hash of what a client is known by; `None` where that is the pin cookie.
#[inline(never)]
pub fn hash_of(
    source: &PinSource,
    pins: &PinCodec,
    head: &RequestHead<'_>,
    client: Client,
    trust: &Trust,
) -> Option<u64> {
    let named = match source {
        PinSource::Cookie => return None,
        PinSource::Address => None,
        PinSource::Header(name) => value(head, name.as_bytes()),
    };
    Some(match named {
        Some(value) => pins.hash_client(value),
        None => pins.hash_address(origin(head, client, trust)),
    })
}

/// The first line of a header that says anything.
fn value<'a>(head: &RequestHead<'a>, name: &[u8]) -> Option<&'a [u8]> {
    let named = |line: &&HeaderLine| line.name(head.block).eq_ignore_ascii_case(name);
    let values = head.lines.iter().filter(named).map(|line| line.value(head.block));
    values.into_iter().find(|value| !value.is_empty())
}

/// Where a request came from: the peer, or what the last trusted proxy on its way says of it.
fn origin(head: &RequestHead<'_>, client: Client, trust: &Trust) -> IpAddr {
    let mut address = client.address;
    if !client.trusted {
        return address;
    }
    let lines = head.lines.iter().rev().filter(|line| line.known == Known::XForwardedFor);
    for member in lines.flat_map(|line| line.value(head.block).rsplit(|&byte| byte == b',')) {
        let Some(before) = parse(member.trim_ascii()) else { break };
        address = before;
        if !trust(before) {
            break;
        }
    }
    address
}

/// An address as proxies write it: with a port or without.
fn parse(member: &[u8]) -> Option<IpAddr> {
    let text = std::str::from_utf8(member).ok()?;
    let with_port = || text.parse::<SocketAddr>().ok().map(|address| address.ip());
    text.parse().ok().or_else(with_port)
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

    fn came_from(peer: &str, trusted: bool, headers: &str) -> String {
        let text = format!("GET / HTTP/1.1\r\nHost: a\r\n{headers}\r\n");
        let mut lines = Vec::new();
        let read = read_request(text.as_bytes(), &mut lines, &Limits::default());
        let Ok(Progress::Complete(request)) = read else { panic!("{text:?} is a request") };
        let client = Client { address: peer.parse().unwrap(), trusted, secure: false, door: Door::Front };
        origin(&request.head, client, &|address| address.to_string().starts_with("10.")).to_string()
    }

    #[test]
    fn a_client_is_where_the_last_trusted_proxy_says() {
        let chain = "X-Forwarded-For: 6.6.6.6, 1.2.3.4\r\nX-Forwarded-For: 10.0.0.2\r\n";
        assert_eq!(came_from("9.9.9.9", false, chain), "9.9.9.9", "anybody may say anything");
        assert_eq!(came_from("10.0.0.1", true, chain), "1.2.3.4", "what came before is hearsay");
        assert_eq!(came_from("10.0.0.1", true, ""), "10.0.0.1");
        assert_eq!(came_from("10.0.0.1", true, "X-Forwarded-For: 10.0.0.3\r\n"), "10.0.0.3");
        assert_eq!(came_from("10.0.0.1", true, "X-Forwarded-For: unknown, 10.0.0.3\r\n"), "10.0.0.3");
        assert_eq!(came_from("10.0.0.1", true, "X-Forwarded-For: [fd00::1]:80\r\n"), "fd00::1");
        assert_eq!(came_from("10.0.0.1", true, "X-Forwarded-For: 1.2.3.4:99\r\n"), "1.2.3.4");
    }
}
