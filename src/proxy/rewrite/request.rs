//! A request's head as it goes upstream: one Host, one framing, no hop-by-hop header, and about the client what the router
//! knows ([`super::forwarding`]; docs/design.md section 13, invariant 7).
//!
//! Lines that stay are copied as runs between the lines that do not.

use std::ops::Range;

use super::{
    certificate_line::CertificateLine,
    cookie,
    forwarding::{self, Origin},
    marks::Marks,
    target::write_target,
    trace::Trace,
};
use crate::{
    proxy::codec::{
        head::{Framing, HeaderLine, KnownName, RequestHead, is_named_by_connection},
        number::{write_hex, write_number},
        protocol::Protocol,
    },
    rollout::{
        host_paths::decode_unreserved,
        request::Evidence,
        settings::headers::{HeaderRule, removes},
        underscores::Underscores,
    },
};

/// The router's own cookies that a request brings: pins, and the tester's cookie.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum OwnCookies<'a> {
    /// There is none.
    Absent,
    /// There is one, which stands here in the only Cookie line.
    One(Range<usize>),
    /// They have to be looked for, and the app's pin cookie is called this.
    Several(&'a str),
}

impl<'a> OwnCookies<'a> {
    /// Those that a request's cookies are known to have. `name` is what the app calls its pin cookie.
    pub fn of(evidence: &Evidence, name: &'a str) -> Self {
        match evidence.only {
            Some(only) => Self::One(only.start..only.end),
            None if evidence.values + evidence.previews + evidence.sessions > 0 => Self::Several(name),
            None => Self::Absent,
        }
    }
}

/// What is written besides the client's own lines, and what is left out.
#[derive(Debug, Clone)]
pub struct Additions<'a> {
    /// Who asked.
    pub origin: Origin<'a>,
    /// What the client has shown in the TLS handshake.
    pub certificate: CertificateLine<'a>,
    /// The protocol that is asked for.
    pub upgrade: Option<Protocol>,
    /// What goes upstream as Host for a request that names nobody.
    pub host: Option<&'a str>,
    /// How many bytes of the target are the prefix that is taken off; 0: it stays.
    pub stripped: usize,
    /// What this router calls itself in CDN-Loop.
    pub pseudonym: &'a str,
    /// The router's own cookies, which are taken out.
    pub own_cookies: OwnCookies<'a>,
    /// The app's override header, which is for the router alone.
    pub override_header: Option<&'a str>,
    /// The app's header rules.
    pub rules: &'a [HeaderRule],
    /// What becomes of header names with `_`.
    pub underscores: Underscores,
    /// An X-Request-Id for a request that has none.
    pub request_id: u64,
    /// What is said about a trace instead of what the request says.
    pub trace: Option<Trace>,
}

/// Appends the head, the empty line included.
pub fn write(head: &RequestHead<'_>, additions: &Additions<'_>, out: &mut Vec<u8>) -> Marks {
    let mut marks = write_start(head, additions, out);
    let others_stay =
        !head.connection_names_headers && additions.override_header.is_none() && additions.rules.is_empty();
    let mut run_start = 0;
    for line in head.lines {
        let at = out.len() + usize::from(line.value_start).saturating_sub(run_start);
        let value = at..at + usize::from(line.value_end - line.value_start);
        match line.known {
            KnownName::Other if others_stay => continue,
            _ if removes(additions.rules, line.name(head.block)) => {
                out.extend_from_slice(&head.block[run_start..usize::from(line.start)]);
                run_start = usize::from(line.end);
            }
            KnownName::UserAgent => marks.user_agent = value,
            KnownName::Referer => marks.referer = value,
            KnownName::XRequestId if marks.request_id.is_empty() => marks.request_id = value,
            KnownName::Cookie => {
                let before = &head.block[run_start..usize::from(line.start)];
                let rewritten = match &additions.own_cookies {
                    OwnCookies::Absent => false,
                    OwnCookies::One(whole) => {
                        out.extend_from_slice(before);
                        write_cookies(line.value(head.block), std::iter::once(whole.clone()), out);
                        true
                    }
                    OwnCookies::Several(name) => {
                        write_without_several(before, line.value(head.block), name, out)
                    }
                };
                if rewritten {
                    run_start = usize::from(line.end);
                }
            }
            _ if stays(head, additions, line) => {}
            _ => {
                out.extend_from_slice(&head.block[run_start..usize::from(line.start)]);
                run_start = usize::from(line.end);
            }
        }
    }
    let end = head.lines.last().map_or(0, |line| usize::from(line.end));
    out.extend_from_slice(&head.block[run_start..end]);
    additions.rules.iter().for_each(|rule| rule.write(out));
    forwarding::write(head, &additions.origin, out);
    if let CertificateLine::Shown(line) = additions.certificate {
        out.extend_from_slice(line);
    }
    if additions.stripped > 0 {
        marks.prefix = write_prefix(head, additions, out);
    }
    out.extend_from_slice(b"cdn-loop: ");
    out.extend_from_slice(additions.pseudonym.as_bytes());
    out.extend_from_slice(b"\r\n");
    if marks.request_id.is_empty() {
        out.extend_from_slice(b"x-request-id: ");
        marks.request_id = out.len()..out.len() + 16;
        write_hex(additions.request_id, out);
        out.extend_from_slice(b"\r\n");
    }
    if let Some(trace) = &additions.trace {
        trace.write(out);
    }
    write_framing(head, additions.upgrade, out);
    out.extend_from_slice(b"\r\n");
    marks
}

/// Says which prefix was taken off, behind the one that a trusted proxy has taken off before. Where it stands.
#[cold]
fn write_prefix(head: &RequestHead<'_>, additions: &Additions<'_>, out: &mut Vec<u8>) -> Range<usize> {
    out.extend_from_slice(b"x-forwarded-prefix: ");
    if additions.origin.client.trusted
        && let Some(outer) = head.value(KnownName::XForwardedPrefix)
        && outer.starts_with(b"/")
    {
        out.extend_from_slice(outer.trim_ascii_end().strip_suffix(b"/").unwrap_or(outer));
    }
    let start = out.len();
    out.extend_from_slice(&decode_unreserved(&head.target[..additions.stripped]));
    let prefix = start..out.len();
    out.extend_from_slice(b"\r\n");
    prefix
}

fn write_start(head: &RequestHead<'_>, additions: &Additions<'_>, out: &mut Vec<u8>) -> Marks {
    out.extend_from_slice(head.method);
    out.push(b' ');
    let target = out.len();
    write_target(head, additions.stripped, out);
    let target = target..out.len();
    out.extend_from_slice(b" HTTP/1.1\r\nhost: ");
    let authority = out.len()..out.len() + head.authority.as_str().len();
    out.extend_from_slice(head.authority.as_str().as_bytes());
    if let Some(host) = additions.host {
        out.extend_from_slice(host.as_bytes());
    }
    out.extend_from_slice(b"\r\n");
    Marks { method: head.method.len(), target, authority, ..Marks::default() }
}

/// Whether a line goes upstream as it is.
fn stays(head: &RequestHead<'_>, additions: &Additions<'_>, line: &HeaderLine) -> bool {
    match line.known {
        KnownName::Other => {
            let name = line.name(head.block);
            let is_own = |own: &str| name.eq_ignore_ascii_case(own.as_bytes());
            !is_named_by_connection(head.block, head.lines, line)
                && !additions.override_header.is_some_and(is_own)
        }
        KnownName::Traceparent | KnownName::Tracestate => {
            let replaced = |trace: Trace| line.known == KnownName::Traceparent || !trace.continued;
            !additions.trace.is_some_and(replaced) && !is_named_by_connection(head.block, head.lines, line)
        }
        KnownName::Host
        | KnownName::ContentLength
        | KnownName::Proxy
        | KnownName::Forwarded
        | KnownName::XForwardedFor
        | KnownName::XForwardedHost
        | KnownName::XForwardedPort
        | KnownName::XForwardedProto
        | KnownName::XForwardedScheme
        | KnownName::XForwardedSsl
        | KnownName::XRealIp
        | KnownName::Trailer => false,
        KnownName::ClientCert | KnownName::ClientCertChain => {
            additions.origin.client.trusted && additions.certificate == CertificateLine::Unasked
        }
        KnownName::Underscored => !is_dropped(head, additions, line),
        KnownName::XForwardedPrefix => additions.origin.client.trusted && additions.stripped == 0,
        KnownName::SecWebSocketKey | KnownName::SecWebSocketVersion | KnownName::SecWebSocketAccept => {
            additions.upgrade == Some(Protocol::WebSocket)
        }
        KnownName::Expect => head.expects_continue,
        known => !known.hop_by_hop(),
    }
}

/// How many lines are left out since their names have `_`.
#[cold]
pub fn count_underscored(head: &RequestHead<'_>, additions: &Additions<'_>) -> u64 {
    let lines = head.lines.iter().filter(|line| line.known == KnownName::Underscored);
    lines.filter(|line| is_dropped(head, additions, line)).count() as u64
}

fn is_dropped(head: &RequestHead<'_>, additions: &Additions<'_>, line: &HeaderLine) -> bool {
    let dropped = additions.underscores.drops(line.name(head.block), additions.override_header);
    dropped.is_some() || is_named_by_connection(head.block, head.lines, line)
}

/// Writes a Cookie line without the router's own cookies, and what stands before it. Whether it has any; else nothing is written.
#[cold]
fn write_without_several(before: &[u8], value: &[u8], name: &str, out: &mut Vec<u8>) -> bool {
    let mut own = cookie::find(value, name.as_bytes()).peekable();
    if own.peek().is_none() {
        return false;
    }
    out.extend_from_slice(before);
    write_cookies(value, own.map(|found| found.whole), out);
    true
}

/// Writes a Cookie line without these cookies, if anything is left of it.
fn write_cookies(value: &[u8], removed: impl Iterator<Item = Range<usize>>, out: &mut Vec<u8>) {
    let start = out.len();
    out.extend_from_slice(b"cookie: ");
    let value_start = out.len();
    cookie::write_without(value, removed, out);
    if out.len() == value_start {
        out.truncate(start);
    } else {
        out.extend_from_slice(b"\r\n");
    }
}

fn write_framing(head: &RequestHead<'_>, upgrade: Option<Protocol>, out: &mut Vec<u8>) {
    match head.framing {
        Framing::Length(length) => {
            out.extend_from_slice(b"content-length: ");
            write_number(length, out);
            out.extend_from_slice(b"\r\n");
        }
        Framing::Streamed => out.extend_from_slice(b"transfer-encoding: chunked\r\n"),
        Framing::None | Framing::UntilClose => {}
    }
    if let Some(protocol) = upgrade {
        protocol.write(out);
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::*;
    use crate::{
        limits::Limits,
        proxy::{
            codec::{lines::Progress, request::read_request},
            worker::client::{Client, Door},
        },
        rollout::{
            endpoint::AddressPolicy,
            keyspace::{Keyspace, KeyspaceOptions},
            pin::{PinFormat, PinKey, PinKeys},
            release::ReleaseId,
            table::AppRoutes,
        },
    };

    fn rewritten(request: &str, client: Client, pin_cookie: Option<&str>) -> (String, Marks) {
        rewritten_without(request, client, pin_cookie.map_or(OwnCookies::Absent, OwnCookies::Several))
    }

    fn rewritten_without(request: &str, client: Client, own_cookies: OwnCookies<'_>) -> (String, Marks) {
        let mut lines = Vec::new();
        let read = read_request(request.as_bytes(), &mut lines, &Limits::default()).unwrap();
        let Progress::Complete(request) = read else { panic!("partial") };
        let additions = Additions {
            origin: Origin { client, authority: request.head.authority, other_port: None },
            certificate: CertificateLine::Unasked,
            upgrade: request.head.upgrade,
            host: request.head.authority.is_none().then_some("stand-in.test"),
            stripped: 0,
            pseudonym: "me",
            own_cookies,
            override_header: Some("x-release"),
            rules: &[],
            underscores: Underscores::Drop,
            request_id: 0xab,
            trace: None,
        };
        let mut out = Vec::new();
        let marks = write(&request.head, &additions, &mut out);
        (String::from_utf8(out).unwrap(), marks)
    }

    fn client(address: &str, trusted: bool) -> Client {
        Client::new(address.parse().unwrap(), trusted, false, Door::Front)
    }

    /// An app whose pin cookie is called `rolling_pin`.
    fn app() -> Arc<AppRoutes> {
        let current = PinKey { id: 1, secret: [7; 16] };
        let mut keyspace = Keyspace::new(KeyspaceOptions {
            default_app: None,
            addresses: AddressPolicy::default(),
            pin_keys: PinKeys { next: None, current, previous: None },
            pin_format: PinFormat::Two,
            https: false,
        });
        let release = ReleaseId::of_app(&"shop".parse().unwrap(), "a", 80).unwrap();
        let record = serde_json::json!({
            "seq": 1, "stable": {"release": release, "tenure": 1}, "candidate": null, "blend": 0, "sticky": true,
            "previous": null, "draining": [], "tenures": {"last": 1, "left": []}, "lock": null,
            "command": "stable", "actor": "ann", "reason": "", "at": 1,
        });
        keyspace.put("rolling/shop/rollout", record.to_string().as_bytes(), 1);
        keyspace.put(&format!("{release}/0"), b"10.0.0.1:80", 2);
        Arc::clone(&keyspace.build(2).apps["shop"])
    }

    #[test]
    fn only_what_may_pass_passes() {
        let request = "POST /x?y HTTP/1.1\r\nHost: a:80\r\nA: 1\r\nB:2 \r\nConnection: x-hop, host\r\nX-Hop: 1\r\n\
            Content-Length: 5\r\nUser-Agent: me too\r\nTE: trailers\r\nX_Y: 1\r\nProxy: p\r\nCookie: a=b; p=1; p_preview=t; c=d\r\n\
            X-Release: candidate\r\n\
            X-Forwarded-For: 6.6.6.6\r\nForwarded: for=6.6.6.6\r\nVia: 1.0 old\r\nCDN-Loop: cdn.test\r\nUpgrade: h2c\r\nExpect: 100-continue\r\n\r\n";
        let (out, marks) = rewritten(request, client("10.1.2.3", false), Some("p"));
        let expected = "POST /x?y HTTP/1.1\r\nhost: a:80\r\nA: 1\r\nB:2 \r\nUser-Agent: me too\r\n\
            cookie: a=b; c=d\r\nVia: 1.0 old\r\nCDN-Loop: cdn.test\r\nExpect: 100-continue\r\nx-forwarded-for: 10.1.2.3\r\n\
            x-forwarded-proto: http\r\nx-forwarded-host: a:80\r\nx-forwarded-port: 80\r\nx-real-ip: 10.1.2.3\r\n\
            forwarded: for=10.1.2.3;host=\"a:80\";proto=http\r\ncdn-loop: me\r\n\
            x-request-id: 00000000000000ab\r\ncontent-length: 5\r\n\r\n";
        assert_eq!(out, expected);
        assert_eq!((&out[marks.target], &out[marks.authority]), ("/x?y", "a:80"));
        assert_eq!(&out[marks.user_agent], "me too");
        assert_eq!(&out[marks.request_id], "00000000000000ab");
    }

    #[test]
    fn every_family_is_written_from_what_is_known() {
        let request = "GET / HTTP/1.1\r\nHost: a\r\nX-Forwarded-For: 6.6.6.6, 1.1.1.1\r\nX-Forwarded-Proto: https\r\n\
            X-Forwarded-Ssl: on\r\nX-Forwarded-Scheme: http\r\nX-Forwarded-Port: 1\r\nForwarded: for=6.6.6.6\r\n\
            X-Forwarded-Prefix: /p\r\nX-Real-IP: 6.6.6.6\r\nX-Request-Id: abc\r\nX-Forwarded-For: [fd00::2]:9\r\n\r\n";
        let told = Client { address: "1.1.1.1".parse().unwrap(), secure: true, ..client("fd00::1", true) };
        let (out, marks) = rewritten(request, told, None);
        let expected = "GET / HTTP/1.1\r\nhost: a\r\nX-Forwarded-Prefix: /p\r\nX-Request-Id: abc\r\n\
            x-forwarded-for: 1.1.1.1, fd00::2, fd00::1\r\nx-forwarded-proto: https\r\nx-forwarded-host: a\r\n\
            x-forwarded-port: 443\r\nx-real-ip: 1.1.1.1\r\n\
            forwarded: for=1.1.1.1;host=\"a\";proto=https, for=\"[fd00::2]\", for=\"[fd00::1]\"\r\ncdn-loop: me\r\n\r\n";
        assert_eq!(out, expected);
        assert_eq!(&out[marks.request_id], "abc");
        let (out, _) = rewritten("GET / HTTP/1.1\r\nHost: a\r\n\r\n", client("fd00::1", true), None);
        assert!(
            out.contains("x-forwarded-for: fd00::1\r\n"),
            "a proxy that names nobody asks for itself: {out}"
        );
        assert!(out.contains("forwarded: for=\"[fd00::1]\";host=\"a\";proto=http\r\n"), "{out}");
    }

    #[test]
    fn a_request_that_names_nobody_gets_a_host_and_a_target_in_ascii() {
        let (out, marks) =
            rewritten("GET /caf\u{e9}?\u{4f60} HTTP/1.0\r\n\r\n", client("1.1.1.1", false), None);
        assert!(out.starts_with("GET /caf%C3%A9?%E4%BD%A0 HTTP/1.1\r\nhost: stand-in.test\r\n"), "{out}");
        assert!(
            !out.contains("x-forwarded-host") && out.contains("forwarded: for=1.1.1.1;proto=http\r\n"),
            "{out}"
        );
        assert_eq!(&out[marks.target], "/caf%C3%A9?%E4%BD%A0");
        assert_eq!(&out[marks.authority], "");
        let (out, marks) =
            rewritten("GET http://a?b HTTP/1.1\r\nHost: c\r\n\r\n", client("1.1.1.1", false), None);
        assert!(out.starts_with("GET /?b HTTP/1.1\r\nhost: a\r\n"), "{out}");
        assert_eq!(&out[marks.target], "/?b");
    }

    #[test]
    fn a_cookie_line_with_nothing_but_the_pin_goes_altogether() {
        let request = "GET / HTTP/1.1\r\nHost: a\r\nCookie: p=1\r\n\r\n";
        let (out, _) = rewritten(request, client("1.1.1.1", false), Some("p"));
        assert!(!out.contains("ookie"), "{out}");
        let one = OwnCookies::One(0..3);
        assert_eq!(rewritten_without(request, client("1.1.1.1", false), one).0, out);
    }

    /// A pin in the second of two Cookie lines stands nowhere in the first.
    #[test]
    fn what_evidence_says_of_the_routers_cookies_is_all_of_them() {
        let app = app();
        let values = [
            "rolling_pin=1",
            "a=b; rolling_pin=1; c=d",
            "a=b; rolling_pin_s=2",
            "rolling_pin_preview=t; c=d",
            "rolling_pin=1; rolling_pin_s=2",
            "rolling_pin=1; a=b; rolling_pin=2",
            "a=b; rolling_pinned=1",
            "",
        ];
        let pairs = values.iter().flat_map(|first| values.iter().map(move |second| vec![*first, *second]));
        for cookies in pairs.chain(values.iter().map(|only| vec![*only])) {
            let lines: String = cookies.iter().map(|value| format!("Cookie: {value}\r\nA: 1\r\n")).collect();
            let request = format!("GET / HTTP/1.1\r\nHost: a\r\n{lines}\r\n");
            let evidence = Evidence::read(&app, cookies.iter().map(|value| value.as_bytes()), false);
            let known = OwnCookies::of(&evidence, "rolling_pin");
            let (out, _) = rewritten_without(&request, client("1.1.1.1", false), known);
            let (searched, _) = rewritten(&request, client("1.1.1.1", false), Some("rolling_pin"));
            assert_eq!(out, searched);
            let left = cookies.iter().filter(|value| value.contains("a=b") || value.contains("c=d")).count();
            assert_eq!(out.matches("a=b").count() + out.matches("c=d").count() > 0, left > 0, "{out}");
            assert!(["rolling_pin=", "_s=", "_preview="].iter().all(|own| !out.contains(own)), "{out}");
        }
    }

    #[test]
    fn a_websocket_keeps_its_handshake() {
        let request = "GET / HTTP/1.1\r\nHost: a\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\
            Sec-WebSocket-Key: k\r\nSec-WebSocket-Version: 13\r\n\r\n";
        let (out, _) = rewritten(request, client("1.1.1.1", false), None);
        assert!(out.ends_with("connection: upgrade\r\nupgrade: websocket\r\n\r\n"), "{out}");
        assert!(out.contains("Sec-WebSocket-Key: k\r\nSec-WebSocket-Version: 13\r\n"), "{out}");
    }
}
