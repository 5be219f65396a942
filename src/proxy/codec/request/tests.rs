//! Raw bytes in, what is understood out.

use super::*;

fn read(bytes: &[u8]) -> Result<Option<String>, RequestFault> {
    let mut lines = Vec::new();
    match read_request(bytes, &mut lines, &Limits::default())? {
        Progress::Partial => Ok(None),
        Progress::Complete(request) => {
            let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
            let head = request.head;
            assert_eq!(request.length, bytes.len());
            Ok(Some(format!(
                "{} {} {} {:?}{}{}{}",
                text(head.method),
                head.authority,
                text(head.target),
                head.framing,
                if request.keep_alive { " keep" } else { "" },
                head.upgrade.map_or(String::new(), |protocol| format!(" {}", protocol.name())),
                if head.expects_continue { " continue" } else { "" },
            )))
        }
    }
}

fn status(bytes: impl AsRef<[u8]>) -> u16 {
    match read(bytes.as_ref()) {
        Err(fault) => fault.status(),
        Ok(Some(request)) => panic!("accepted: {request}"),
        Ok(None) => 0,
    }
}

/// A request with these header lines behind Host.
fn post(lines: &str) -> String {
    format!("POST / HTTP/1.1\r\nHost: a\r\n{lines}\r\n\r\n")
}

#[test]
fn understands_what_is_well_formed() {
    let cases = [
        ("GET / HTTP/1.1\r\nHost: a\r\n\r\n", "GET a / None keep"),
        ("\r\nGET /x?y=%20 HTTP/1.1\r\nhost:a:80\r\n\r\n", "GET a:80 /x?y=%20 None keep"),
        ("GET / HTTP/1.0\r\nHost: a\r\n\r\n", "GET a / None"),
        ("GET / HTTP/1.0\r\nHost: a\r\nConnection: Keep-Alive\r\n\r\n", "GET a / None keep"),
        ("GET / HTTP/1.1\r\nHost: a\r\nConnection: x, CLOSE\r\n\r\n", "GET a / None"),
        ("OPTIONS * HTTP/1.1\r\nHost: a\r\n\r\n", "OPTIONS a * None keep"),
        ("GET http://b/x HTTP/1.1\r\nHost: a\r\n\r\n", "GET b /x None keep"),
        ("PUT / HTTP/1.1\r\nHost: a\r\nContent-Length: 007\r\n\r\n", "PUT a / Length(7) keep"),
        ("POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: Chunked\r\n\r\n", "POST a / Streamed keep"),
        (
            "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 1\r\nExpect: 100-Continue\r\n\r\n",
            "POST a / Length(1) keep continue",
        ),
        ("GET / HTTP/1.1\r\nHost: a\r\nExpect: 100-continue\r\n\r\n", "GET a / None keep"),
        (
            "GET /s HTTP/1.1\r\nHost: a\r\nConnection: keep-alive, Upgrade\r\nUpgrade: WebSocket\r\nSec-WebSocket-Key: \
             x\r\nSec-WebSocket-Version: 13\r\n\r\n",
            "GET a /s None keep websocket",
        ),
        ("GET / HTTP/1.1\r\nHost: a\r\nConnection: Upgrade\r\nUpgrade: h2c\r\n\r\n", "GET a / None keep"),
    ];
    for (bytes, expected) in cases {
        assert_eq!(read(bytes.as_bytes()), Ok(Some(expected.to_owned())), "{bytes}");
    }
}

/// What only annoyed: HAProxy's check says HTTP/1.0 and no Host, and a router in front of which that was refused was out.
#[test]
fn what_no_two_readers_take_differently_is_read() {
    for (bytes, expected) in [
        ("GET / HTTP/1.0\r\n\r\n", "GET  / None"),
        ("OPTIONS * HTTP/1.0\r\n\r\n", "OPTIONS  * None"),
        ("GET http://b/x HTTP/1.0\r\n\r\n", "GET b /x None"),
        ("GET http://b?q HTTP/1.1\r\nHost: a\r\n\r\n", "GET b ?q None keep"),
        ("GET http://b HTTP/1.1\r\nHost: a\r\n\r\n", "GET b / None keep"),
        ("OPTIONS http://b HTTP/1.1\r\nHost: a\r\n\r\n", "OPTIONS b * None keep"),
        ("OPTIONS http://b/ HTTP/1.1\r\nHost: a\r\n\r\n", "OPTIONS b / None keep"),
        ("GET / HTTP/1.1\r\nHost: a:\r\n\r\n", "GET a / None keep"),
        ("GET / HTTP/1.1\r\nHost: a~b\r\n\r\n", "GET a~b / None keep"),
        ("\r\n\r\nGET / HTTP/1.1\r\nHost: a\r\n\r\n", "GET a / None keep"),
        ("GET /caf\u{e9}?\u{4f60} HTTP/1.1\r\nHost: a\r\n\r\n", "GET a /caf\u{e9}?\u{4f60} None keep"),
    ] {
        assert_eq!(read(bytes.as_bytes()), Ok(Some(expected.to_owned())), "{bytes}");
    }
}

#[test]
fn every_prefix_of_a_request_is_partial() {
    let whole = b"\r\n\r\nPOST /x HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\nCookie: a=b\r\n\r\n";
    for end in 0..whole.len() {
        assert_eq!(read(&whole[..end]), Ok(None), "{end}");
    }
}

#[test]
fn ambiguous_framing_is_refused() {
    for lines in [
        "Content-Length: 5\r\nTransfer-Encoding: chunked",
        "Transfer-Encoding: chunked\r\nContent-Length: 5",
        "Content-Length: 5\r\nContent-Length: 5",
        "Content-Length: 5, 5",
        "Content-Length: -1",
        "Content-Length: +5",
        "Content-Length: 0x5",
        "Content-Length: 5.0",
        "Content-Length: 1_0",
        "Content-Length:",
        "Content-Length: 18446744073709551616",
        "Content-Length: 000000000000000000005",
        "Transfer-Encoding: chunked, chunked",
        "Transfer-Encoding: chunked, gzip",
        "Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked",
        "Transfer-Encoding: gzip, chunked",
        "Transfer-Encoding: \x0bchunked",
        "Transfer-Encoding: chunked\x0b",
        "Transfer-Encoding: chun\0ked",
    ] {
        assert_eq!(status(post(lines)), 400, "{lines:?}");
    }
    for lines in ["xchunked", "identity", "gzip", "\"chunked\"", "chunked;q=1"] {
        assert_eq!(status(post(&format!("Transfer-Encoding: {lines}"))), 501, "{lines:?}");
    }
    assert_eq!(status(b"POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: \xa0chunked\r\n\r\n"), 400);
    assert_eq!(status("POST / HTTP/1.0\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n"), 400);
}

#[test]
fn bad_lines_are_refused() {
    for lines in ["a : b", ": b", "a: b\r\n c", "a: b\nc: d", "a: b\rc", "a: b\0", "Host: b", "Host: a"] {
        assert_eq!(status(post(lines)), 400, "{lines:?}");
    }
    assert_eq!(status("GET / HTTP/1.1\r\n\r\n"), 400);
    assert_eq!(status("GET / HTTP/1.1\nHost: a\n\n"), 400);
    for host in ["", "a b", "a/b", "a@b", "a,b", "a#b", "a?b", "a%00", "[::1", "a:x", "a\\b"] {
        assert_eq!(status(format!("GET / HTTP/1.1\r\nHost: {host}\r\n\r\n")), 400, "{host:?}");
    }
}

#[test]
fn bad_request_lines_are_refused() {
    for (line, expected) in [
        ("CONNECT a:443 HTTP/1.1", 405),
        ("TRACE / HTTP/1.1", 405),
        ("GET /#x HTTP/1.1", 400),
        ("GET /\x01 HTTP/1.1", 400),
        ("GET / x HTTP/1.1", 400),
        ("GET  / HTTP/1.1", 400),
        ("GET admin HTTP/1.1", 400),
        ("GET * HTTP/1.1", 400),
        ("GET /", 400),
        ("GET / HTTP/2.0", 505),
        ("GET / HTTP/9.9", 505),
        ("PRI * HTTP/2.0", 505),
        ("GET / http/1.1", 400),
        ("GET / HTTP/1.1 ", 400),
        ("GET / HTTP/1.10", 400),
        ("G(T / HTTP/1.1", 400),
        (" GET / HTTP/1.1", 400),
        ("GET http://u@a/ HTTP/1.1", 400),
        ("GET http:// HTTP/1.1", 400),
    ] {
        assert_eq!(status(format!("{line}\r\nHost: a\r\n\r\n")), expected, "{line:?}");
    }
    let behind = |lines: usize| format!("{}GET / HTTP/1.1\r\nHost: a\r\n\r\n", "\r\n".repeat(lines));
    assert_eq!(status(behind(EMPTY_LINES_MAX + 1)), 400);
    assert_eq!(status("\n\nGET / HTTP/1.1\r\nHost: a\r\n\r\n"), 400);
    assert_eq!(status("\x16\x03\x01\x02\x00\x01\x00"), 400, "a TLS client is told at once");
    assert_eq!(status("\u{0}"), 400);
}

#[test]
fn long_things_are_refused() {
    let long = |length: usize| "a".repeat(length);
    assert_eq!(status(format!("GET /{} HTTP/1.1\r\nHost: a\r\n\r\n", long(100_000))), 414);
    assert_eq!(status(format!("GET /{}", long(100_000))), 414);
    assert_eq!(status(format!("GET /{} HTTP/1.1\r\nHost: a\r\n\r\n", long(8_192))), 414);
    assert_eq!(status(post(&format!("X: {}", long(1_000_000)))), 431);
    assert_eq!(status(post(&format!("X: {}", long(20_000)))), 431);
    assert_eq!(status(post(&"X: y\r\n".repeat(5_000))), 431);
    assert_eq!(status(format!("POST / HTTP/1.1\r\nX: {}", long(20_000))), 431);
    assert_eq!(status(long(40)), 400);
}

#[test]
fn a_websocket_needs_its_whole_handshake() {
    let upgrade = "Connection: Upgrade\r\nUpgrade: websocket";
    assert_eq!(status(post(&format!("{upgrade}\r\nSec-WebSocket-Key: x\r\nSec-WebSocket-Version: 13"))), 400);
    let get = |lines: &str| format!("GET / HTTP/1.1\r\nHost: a\r\n{lines}\r\n\r\n");
    assert_eq!(status(get(&format!("{upgrade}\r\nSec-WebSocket-Key: x"))), 400);
    assert_eq!(status(get(&format!("{upgrade}\r\nSec-WebSocket-Version: 13"))), 400);
    assert_eq!(
        status(get(&format!(
            "{upgrade}\r\nSec-WebSocket-Key: x\r\nSec-WebSocket-Version: 13\r\nContent-Length: 1"
        ))),
        400
    );
}
