//! Where a request came from: the peer, or what the last trusted proxy on its way says of it. It is worked out once, when
//! the head is read, and everything that goes by a client's address goes by that (docs/design.md section 14).
//!
//! X-Forwarded-For is asked first, since every proxy that writes one of these headers writes it; then Forwarded (RFC
//! 7239), then X-Real-IP. Each is read from its end: what stands before the first proxy that is not trusted is hearsay.
//!
//! Scheme, host and port come from X-Forwarded-Proto, -Host and -Port, or from Forwarded where no X-Forwarded-For says that
//! the proxy does not write it.

use std::net::IpAddr;

use crate::{
    authority::Authority,
    proxy::{
        codec::{
            authority,
            forwarded::{address, parameter},
            head::{KnownName, RequestHead, members},
        },
        rewrite::forwarding::Origin,
        worker::client::Client,
    },
    rollout::forwarded::{Family, client_before},
};

/// Who asks: the peer, or the client for which a trusted proxy asks. `trust` says which proxies are trusted.
#[inline]
pub fn client_of(head: &RequestHead<'_>, peer: Client, trust: &dyn Fn(IpAddr) -> bool) -> Client {
    if peer.trusted { told_by_proxies(head, peer, trust) } else { peer }
}

/// Under which address this client asked.
#[inline]
pub fn origin_of<'a>(head: &RequestHead<'a>, client: Client) -> Origin<'a> {
    if client.trusted {
        origin_told_by_proxies(head, client)
    } else {
        Origin { client, authority: head.authority, other_port: None }
    }
}

#[cold]
fn told_by_proxies(head: &RequestHead<'_>, client: Client, trust: &dyn Fn(IpAddr) -> bool) -> Client {
    let mut client = client;
    let known = |family: Family| match family {
        Family::XForwardedFor => KnownName::XForwardedFor,
        Family::Forwarded => KnownName::Forwarded,
        Family::XRealIp => KnownName::XRealIp,
    };
    if let Some(family) = Family::ALL.into_iter().find(|family| head.present.has(known(*family))) {
        let lines = head.lines.iter().rev().filter(|line| line.known == known(family));
        let values = lines.map(|line| line.value(head.block));
        let origin = client_before(client.address, family, values, trust);
        (client.address, client.named) = (origin.address, client.named && origin.is_named);
    }
    client.secure = scheme_told(head, client).unwrap_or(client.secure);
    client
}

/// Whether the client asked in https, if a proxy says so in one way or the other.
fn scheme_told(head: &RequestHead<'_>, client: Client) -> Option<bool> {
    // Of several proxies the first one spoke with the client.
    let first = |known: KnownName| head.values(known).flat_map(members).next();
    let is_https = |value: &[u8]| match value {
        value if value.eq_ignore_ascii_case(b"https") || value.eq_ignore_ascii_case(b"wss") => Some(true),
        value if value.eq_ignore_ascii_case(b"http") || value.eq_ignore_ascii_case(b"ws") => Some(false),
        _ => None,
    };
    let in_forwarded = || element_of(head, client).and_then(|element| is_https(parameter(element, "proto")));
    let in_ssl = || first(KnownName::XForwardedSsl).map(|value| value.eq_ignore_ascii_case(b"on"));
    let told = first(KnownName::XForwardedProto).and_then(is_https);
    told.or_else(|| first(KnownName::XForwardedScheme).and_then(is_https))
        .or_else(in_forwarded)
        .or_else(in_ssl)
}

#[cold]
fn origin_told_by_proxies<'a>(head: &RequestHead<'a>, client: Client) -> Origin<'a> {
    let first = |known: KnownName| head.values(known).flat_map(members).next();
    let in_forwarded = || Some(parameter(element_of(head, client)?, "host"));
    let host = first(KnownName::XForwardedHost).and_then(authority::read);
    let host = host.or_else(|| in_forwarded().and_then(authority::read));
    let port =
        first(KnownName::XForwardedPort).and_then(|value| std::str::from_utf8(value).ok()?.parse().ok());
    let port = port.filter(|port: &u16| *port > 0);
    match (host, port) {
        (Some(host), _) if host.port().is_some() => Origin { client, authority: host, other_port: None },
        (None, None) => Origin { client, authority: head.authority, other_port: None },
        (host, port) => {
            let authority = Authority::split(host.unwrap_or(head.authority).host());
            let usual = if client.secure { 443 } else { 80 };
            Origin { client, authority, other_port: port.filter(|port| *port != usual) }
        }
    }
}

/// What Forwarded says of the client, where it is believed: the element that names it, else the last one.
fn element_of<'a>(head: &RequestHead<'a>, client: Client) -> Option<&'a [u8]> {
    if head.present.has(KnownName::XForwardedFor) {
        return None;
    }
    let elements = || head.values(KnownName::Forwarded).flat_map(members);
    let names = |element: &&[u8]| address(parameter(element, "for")) == Some(client.address);
    elements().filter(names).last().or_else(|| elements().last())
}

#[cfg(test)]
mod tests {
    use proptest::{collection, prelude::*, sample::select};

    use super::*;
    use crate::{
        limits::Limits,
        proxy::{
            codec::{lines::Progress, request::read_request},
            rewrite::forwarding,
            worker::client::Door,
        },
    };

    fn client(headers: &str) -> Client {
        let text = format!("GET / HTTP/1.1\r\nHost: a\r\n{headers}\r\n");
        let mut lines = Vec::new();
        let read = read_request(text.as_bytes(), &mut lines, &Limits::default());
        let Ok(Progress::Complete(request)) = read else { panic!("{text:?} is a request") };
        told_by_proxies(&request.head, peer(), &|address| address.to_string().starts_with("10."))
    }

    fn peer() -> Client {
        Client::new("10.0.0.1".parse().unwrap(), true, false, Door::Front)
    }

    /// What the endpoint is told: scheme, host with the port if one is shown, and what stands beside it.
    fn asked(headers: &str) -> String {
        let text = format!("GET / HTTP/1.1\r\nHost: a:8080\r\n{headers}\r\n");
        let mut lines = Vec::new();
        let read = read_request(text.as_bytes(), &mut lines, &Limits::default());
        let Ok(Progress::Complete(request)) = read else { panic!("{text:?} is a request") };
        let client = told_by_proxies(&request.head, peer(), &|_| true);
        let origin = origin_of(&request.head, client);
        let scheme = if client.secure { "https" } else { "http" };
        let port = origin.other_port.map_or(String::new(), |port| format!(":{port}"));
        format!("{scheme}://{}{port}", origin.authority)
    }

    #[test]
    fn scheme_host_and_port_are_those_that_the_client_asked() {
        for (headers, wanted) in [
            ("", "http://a:8080"),
            ("X-Forwarded-Proto: https\r\n", "https://a:8080"),
            ("X-Forwarded-Proto: HTTPS, http\r\n", "https://a:8080"),
            ("X-Forwarded-Proto: wss\r\n", "https://a:8080"),
            ("X-Forwarded-Proto: gopher\r\n", "http://a:8080"),
            ("X-Forwarded-Scheme: https\r\n", "https://a:8080"),
            ("X-Forwarded-Ssl: on\r\n", "https://a:8080"),
            ("X-Forwarded-Proto: http\r\nX-Forwarded-Ssl: on\r\n", "http://a:8080"),
            ("X-Forwarded-Host: b\r\n", "http://b"),
            ("X-Forwarded-Host: b:81\r\nX-Forwarded-Port: 82\r\n", "http://b:81"),
            ("X-Forwarded-Host: b, c\r\nX-Forwarded-Port: 82\r\n", "http://b:82"),
            ("X-Forwarded-Host: b c\r\n", "http://a:8080"),
            ("X-Forwarded-Proto: https\r\nX-Forwarded-Port: 443\r\n", "https://a"),
            ("X-Forwarded-Proto: https\r\nX-Forwarded-Port: 8443\r\n", "https://a:8443"),
            ("X-Forwarded-Port: 0\r\nX-Forwarded-Port: 9\r\n", "http://a:8080"),
            ("X-Forwarded-Port: 99999\r\n", "http://a:8080"),
            ("Forwarded: for=1.1.1.1;proto=https;host=\"b:8443\"\r\n", "https://b:8443"),
            ("Forwarded: proto=https;host=b\r\n", "https://b"),
            ("Forwarded: for=1.1.1.1;proto=https\r\nX-Forwarded-For: 1.1.1.1\r\n", "http://a:8080"),
        ] {
            assert_eq!(asked(headers), wanted, "{headers:?}");
        }
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

    proptest! {
        /// Whatever proxies and clients write: every family says the same, once, and in a form that can be read again.
        #[test]
        fn no_two_families_disagree(
            lines in collection::vec(
                (
                    select(vec![
                        "X-Forwarded-For", "X-Forwarded-Proto", "X-Forwarded-Host", "X-Forwarded-Port", "X-Forwarded-Ssl",
                        "X-Forwarded-Scheme", "Forwarded", "X-Real-IP",
                    ]),
                    collection::vec(
                        select(vec![
                            "1.2.3.4", "10.0.0.7", "[fd00::1]:9", "unknown", "https", "http", "a.test", "b.test:81", "443", "0", "on",
                            "for=1.2.3.4;proto=https;host=c.test", "for=\"[fd00::1]\";host=\"d.test:8443\"", "proto=http", "\"", ";", "",
                        ]),
                        0..3,
                    ),
                ),
                0..6,
            ),
            trusted: bool,
        ) {
            let lines: String = lines.iter().map(|(name, values)| format!("{name}: {}\r\n", values.join(", "))).collect();
            let text = format!("GET / HTTP/1.1\r\nHost: a.test:8080\r\n{lines}\r\n");
            let mut space = Vec::new();
            let read = read_request(text.as_bytes(), &mut space, &Limits::default());
            let Ok(Progress::Complete(request)) = read else { panic!("{text:?} is a request") };
            let trust = |address: IpAddr| address.to_string().starts_with("10.");
            let client = client_of(&request.head, Client { trusted, ..peer() }, &trust);
            let mut out = Vec::new();
            forwarding::write(&request.head, &origin_of(&request.head, client), &mut out);
            let out = String::from_utf8(out).unwrap();
            let one = |name: &str| {
                let mut all = out.lines().filter_map(|line| line.strip_prefix(&format!("{name}: ")));
                let (first, next) = (all.next().unwrap_or_default(), all.next());
                assert!(!first.is_empty() && next.is_none(), "{name}: {out}");
                first.to_owned()
            };
            let first = |list: String| list.split(", ").next().unwrap_or_default().to_owned();
            let element = first(one("forwarded"));
            let told = |name: &str| String::from_utf8_lossy(parameter(element.as_bytes(), name)).into_owned();
            prop_assert_eq!(address(told("for").as_bytes()), Some(client.address), "{}", out);
            prop_assert_eq!(one("x-real-ip"), client.address.to_string());
            prop_assert_eq!(first(one("x-forwarded-for")), client.address.to_string());
            prop_assert_eq!(one("x-forwarded-proto"), told("proto"));
            prop_assert_eq!(one("x-forwarded-host"), told("host"));
            let host = one("x-forwarded-host");
            let usual = if client.secure { 443 } else { 80 };
            let port = Authority::split(&host).port().unwrap_or(usual);
            prop_assert_eq!(one("x-forwarded-port"), port.to_string(), "{}", out);
            prop_assert!(trusted || client.address == client.peer && !client.secure && host == "a.test:8080");
        }
    }
}
