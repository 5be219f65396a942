//! Rows 20, 36 and 37 of docs/http.md in raw frames: what a message of HTTP/2 may not be.

use support::frames::{DATA, END_STREAM, Frames, Outcome, PROTOCOL_ERROR, SETTINGS, frame, get};
use support::{Router, router};

fn start() -> Router {
    router().stable("v1").start()
}

/// What becomes of a request with these fields and a body, on a connection of its own.
fn outcome(router: &Router, fields: &[(&str, &str)], data: &[&[u8]]) -> Outcome {
    let mut frames = Frames::open(router.front);
    frames.headers(1, fields, if data.is_empty() { END_STREAM } else { 0 });
    for (at, part) in data.iter().enumerate() {
        let flags = if at + 1 == data.len() { END_STREAM } else { 0 };
        frames.send(&frame(DATA, flags, 1, part));
    }
    frames.outcome(1)
}

fn with<'a>(fields: &[(&'a str, &'a str)], more: &[(&'a str, &'a str)]) -> Vec<(&'a str, &'a str)> {
    [fields, more].concat()
}

#[test]
fn row_36_fields_that_http_2_does_not_have() {
    let router = start();
    let right = get(&router.host, "/");
    assert_eq!(outcome(&router, &right, &[]), Outcome::Status(200));
    for more in [
        ("connection", "close"),
        ("connection", "x-hop"),
        ("keep-alive", "timeout=5"),
        ("proxy-connection", "keep-alive"),
        ("transfer-encoding", "chunked"),
        ("upgrade", "websocket"),
        ("te", "gzip"),
        ("x-blank", " a"),
        ("x-blank", "a "),
        ("x-blank", "\ta"),
    ] {
        let outcome = outcome(&router, &with(&right, &[more]), &[]);
        assert_eq!(outcome, Outcome::Reset(PROTOCOL_ERROR), "{more:?}");
    }
    assert_eq!(outcome(&router, &with(&right, &[("te", "trailers")]), &[]), Outcome::Status(200));
}

/// The library reads these while it decompresses, so the whole connection ends (RFC 9113 section 5.4.1 allows that).
#[test]
fn row_36_bytes_that_no_field_has() {
    let router = start();
    let right = get(&router.host, "/");
    for more in [
        ("X-Upper", "a"),
        ("x-value", "a\rb"),
        ("x-value", "a\nb"),
        ("x-value", "a\r\nhost: evil"),
        ("x-value", "a\0b"),
        ("x name", "a"),
        ("x-name\r\nhost", "evil"),
        ("x:name", "a"),
    ] {
        let outcome = outcome(&router, &with(&right, &[more]), &[]);
        let refused = matches!(outcome, Outcome::Reset(PROTOCOL_ERROR) | Outcome::Goodbye(PROTOCOL_ERROR));
        assert!(refused, "{more:?}: {outcome:?}");
    }
    assert_eq!(router.endpoint("v1").received(), 0);
}

#[test]
fn row_36_lengths_that_do_not_match() {
    let router = start();
    let post =
        [(":method", "POST"), (":scheme", "http"), (":authority", router.host.as_str()), (":path", "/")];
    let sized = |length| with(&post, &[("content-length", length)]);
    assert_eq!(outcome(&router, &sized("5"), &[b"hello"]), Outcome::Status(200));
    for (length, data) in [
        ("4", &[&b"hello"[..]][..]),
        ("6", &[b"hello"]),
        ("0", &[b"hello"]),
        ("5", &[]),
        ("5", &[b"hel", b"lo!"]),
        ("-1", &[b"hello"]),
        ("5, 5", &[b"hello"]),
        ("0x5", &[b"hello"]),
    ] {
        let outcome = outcome(&router, &sized(length), data);
        assert_eq!(outcome, Outcome::Reset(PROTOCOL_ERROR), "{length}: {data:?}");
    }
    let received = router.endpoint("v1").take();
    assert_eq!(received.iter().filter(|received| received.complete).count(), 1, "no other looks whole");
}

#[test]
fn row_36_bad_pseudo_headers() {
    let router = start();
    let host = router.host.as_str();
    let right = get(host, "/");
    let without = |name| right.iter().copied().filter(|(other, _)| *other != name).collect::<Vec<_>>();
    let cases = [
        without(":method"),
        without(":scheme"),
        without(":path"),
        with(&right, &[(":method", "GET")]),
        with(&right, &[(":authority", host)]),
        with(&right, &[(":status", "200")]),
        with(&right, &[(":protocol", "websocket")]),
        with(&[("x-before", "a")], &right),
        with(&without(":path"), &[(":path", "")]),
        with(&without(":path"), &[(":path", "/a b")]),
        with(&without(":path"), &[(":path", "http://other.test/")]),
        with(&without(":path"), &[(":path", "admin")]),
    ];
    for fields in cases {
        let outcome = outcome(&router, &fields, &[]);
        assert_eq!(outcome, Outcome::Reset(PROTOCOL_ERROR), "{fields:?}");
    }
    for unknown in [(":unknown", "a"), (":host", host)] {
        let outcome = outcome(&router, &with(&right, &[unknown]), &[]);
        let refused = matches!(outcome, Outcome::Reset(PROTOCOL_ERROR) | Outcome::Goodbye(PROTOCOL_ERROR));
        assert!(refused, "{unknown:?}: {outcome:?}");
    }
    assert_eq!(router.endpoint("v1").received(), 0);
}

#[test]
fn row_37_authority_and_host_that_differ() {
    let router = start();
    let host = router.host.as_str();
    let right = get(host, "/");
    let bare = [(":method", "GET"), (":scheme", "http"), (":path", "/")];
    assert_eq!(outcome(&router, &with(&right, &[("host", host)]), &[]), Outcome::Status(200));
    assert_eq!(outcome(&router, &with(&bare, &[("host", host)]), &[]), Outcome::Status(200));
    let other_port = format!("{host}:81");
    for more in [("host", "other.test"), ("host", other_port.as_str()), ("host", "")] {
        assert_eq!(outcome(&router, &with(&right, &[more]), &[]), Outcome::Status(400), "{more:?}");
    }
    let twice = with(&right, &[("host", host), ("host", host)]);
    assert_eq!(outcome(&router, &twice, &[]), Outcome::Status(400));
    assert_eq!(outcome(&router, &bare, &[]), Outcome::Status(400), "it names nobody");
    for received in router.endpoint("v1").take() {
        assert_eq!(received.header_all("host"), [host]);
    }
}

#[test]
fn row_37_cookies_are_joined() {
    let router = start();
    let cookies = [("cookie", "a=1"), ("accept", "*/*"), ("cookie", "b=2; c=3"), ("cookie", "d=4")];
    assert_eq!(outcome(&router, &with(&get(&router.host, "/"), &cookies), &[]), Outcome::Status(200));
    let received = router.endpoint("v1").take().pop().expect("it arrived");
    assert_eq!(received.header_all("cookie"), ["a=1; b=2; c=3; d=4"]);
}

#[test]
fn row_20_userinfo_in_the_authority() {
    let router = start();
    let authority = format!("user@{}", router.host);
    assert_eq!(outcome(&router, &get(&authority, "/"), &[]), Outcome::Reset(PROTOCOL_ERROR));
    assert_eq!(router.endpoint("v1").received(), 0);
}

#[test]
fn row_21_connect_and_unknown_protocols() {
    let router = start();
    let host = router.host.as_str();
    let connect = [(":method", "CONNECT"), (":authority", host)];
    assert_eq!(outcome(&router, &connect, &[b""]), Outcome::Status(405));
    let extended = with(&connect, &[(":scheme", "http"), (":path", "/"), (":protocol", "connect-udp")]);
    assert_eq!(outcome(&router, &extended, &[b""]), Outcome::Status(501));
}

/// A preface that is none, and one that comes where something else was said before.
#[test]
fn row_23_a_preface_that_is_none() {
    let router = start();
    let mut wire = router.connect();
    wire.send("PRI * HTTP/2.0\r\n\r\nXX\r\n\r\n");
    assert_eq!(wire.response("PRI").status, 505);
    let host = router.host.clone();
    let mut wire = router.connect();
    wire.send_bytewise(b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n");
    assert_eq!(wire.read_exactly(9)[3], SETTINGS, "however it arrives, one that is right is answered");
    let mut wire = router.connect();
    wire.assert_usable(&host);
    wire.send("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n");
    assert_eq!(wire.response("PRI").status, 505);
    wire.assert_closed();
}
