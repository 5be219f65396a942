//! The PROXY protocol: a trusted proxy says whose connection it passes on, and nobody else does.

use std::time::Duration;

use serde_json::json;
use support::tls::{CertificateFiles, TlsClient};
use support::{Response, Router, RouterBuilder, Wire, eventually, router};

const REQUEST: &str = "GET / HTTP/1.1\r\nHost: shop.example.test\r\n\r\n";
const LINE: &[u8] = b"PROXY TCP4 203.0.113.7 192.0.2.1 4660 80\r\n";
const PREFIX: &[u8] = b"\r\n\r\n\0\r\nQUIT\n";
const V4: [u8; 12] = [203, 0, 113, 7, 192, 0, 2, 1, 0x12, 0x34, 0, 80];

/// The proxies are at 127.0.0.1; whoever comes from 127.0.0.2 is a stranger.
fn behind_a_proxy(builder: RouterBuilder) -> RouterBuilder {
    builder.stable("v1").flag("--proxy-protocol").flag("--trusted-networks=127.0.0.1")
}

fn binary(command: u8, family: u8, body: &[u8]) -> Vec<u8> {
    let length = u16::try_from(body.len()).expect("it is short").to_be_bytes();
    [PREFIX, &[0x20 | command, family], &length, body].concat()
}

fn refused(router: &Router) -> f64 {
    router.api().metrics().sum("rolling_proxy_headers_refused_total", &[])
}

/// Whose request the endpoint saw: its echo says what came.
fn client(response: &Response) -> String {
    assert_eq!(response.status, 200);
    let text = String::from_utf8_lossy(&response.body).into_owned();
    let line = text.lines().find_map(|line| {
        let (name, value) = line.split_once(':')?;
        name.eq_ignore_ascii_case("x-forwarded-for").then(|| value.trim().to_owned())
    });
    line.expect("it is stated")
}

#[test]
fn the_client_is_whom_the_header_names() {
    let log = tempfile::tempdir().unwrap();
    let log = log.path().join("access.log");
    let router = behind_a_proxy(router()).access_log(&log).start();
    let v6 =
        [&[0x20, 1, 0xd, 0xb8, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 7][..], &[0; 16], &[0, 9, 0, 80]].concat();
    for (header, address) in [
        (LINE.to_vec(), "203.0.113.7"),
        (b"PROXY TCP6 2001:db8::7 ::1 9 80\r\n".to_vec(), "2001:db8::7"),
        (b"PROXY UNKNOWN\r\n".to_vec(), "127.0.0.1"),
        (binary(1, 0x11, &V4), "203.0.113.7"),
        (binary(1, 0x21, &v6), "2001:db8::7"),
        (binary(1, 0x11, &[&V4[..], &[0xee, 0, 3, 1, 2, 3]].concat()), "203.0.113.7"),
        (binary(0, 0x00, &[]), "127.0.0.1"),
    ] {
        for bytewise in [false, true] {
            let mut wire = Wire::open(router.front);
            let bytes = [&header[..], REQUEST.as_bytes()].concat();
            if bytewise {
                wire.send_bytewise(&bytes)
            } else {
                wire.send(&bytes)
            };
            assert_eq!(client(&wire.response("GET")), address, "{header:?}");
            wire.assert_usable("shop.example.test");
        }
    }
    let logged = || std::fs::read_to_string(&log).unwrap_or_default();
    eventually("the log has it", || logged().contains("\"203.0.113.7\""));
    assert!(refused(&router).abs() < f64::EPSILON);
}

/// What the client of the header says of itself is hearsay: it is no trusted proxy.
#[test]
fn the_client_of_a_header_is_not_trusted_as_the_proxy_is() {
    let router = behind_a_proxy(router()).start();
    let mut wire = Wire::open(router.front);
    let request =
        REQUEST.replace("\r\n\r\n", "\r\nX-Forwarded-For: 127.0.0.1\r\nX-Real-IP: 127.0.0.1\r\n\r\n");
    wire.send([LINE, request.as_bytes()].concat());
    assert_eq!(client(&wire.response("GET")), "203.0.113.7");
}

#[test]
fn the_header_comes_before_tls() {
    let (files, trust) = CertificateFiles::new(&["shop.example.test"]);
    let [certificate, key] = files.flags();
    let builder = behind_a_proxy(router()).flag("--listen-tls=127.0.0.1:0").flag(&certificate).flag(&key);
    let router = builder.start();
    let mut client_of_proxy =
        TlsClient::open_behind(router.front_tls(), "shop.example.test", &trust, LINE).unwrap();
    client_of_proxy.send(REQUEST);
    assert_eq!(client(&client_of_proxy.response("GET")), "203.0.113.7");
    assert!(TlsClient::try_open(router.front_tls(), "shop.example.test", &trust).is_none(), "it needs one");
}

#[test]
fn a_trusted_proxy_without_a_proper_header_is_not_served() {
    let router = behind_a_proxy(router()).limit("header_ms", 500).start();
    let huge = binary(1, 0x11, &[&V4[..], &[4, 0xff, 0], &vec![0; 65_280][..]].concat());
    let attempts = [
        REQUEST.as_bytes().to_vec(),
        b"PROXY TCP4 203.0.113.7 192.0.2.1 4660 80\n".to_vec(),
        b"PROXY TCP4 203.0.113.7 192.0.2.1 4660 99999\r\n".to_vec(),
        b"PROXY TCP6 203.0.113.7 192.0.2.1 4660 80\r\n".to_vec(),
        [b"PROXY UNKNOWN ".to_vec(), vec![b'x'; 20_000]].concat(),
        binary(1, 0x21, &V4),
        binary(1, 0x12, &V4),
        binary(3, 0x11, &V4),
        binary(1, 0x11, &[&V4[..], &[3, 0, 4, 1, 2, 3, 4]].concat()),
        binary(1, 0x11, &[&V4[..], &[4, 0xff, 0xff]].concat()),
        huge,
        // Those that never end.
        LINE[..20].to_vec(),
        PREFIX.to_vec(),
        binary(1, 0x11, &V4)[..20].to_vec(),
    ];
    for (count, attempt) in attempts.iter().enumerate() {
        let mut wire = Wire::open(router.front);
        wire.send(attempt);
        if attempt.len() < 40 || count == 0 {
            // Nothing more is sent, and nothing is left unread that would make the close a reset.
            assert_eq!(wire.rest().unwrap_or_default(), b"", "{attempt:?}");
        }
        eventually("it is counted", || refused(&router) > f64::from(u32::try_from(count).unwrap()) + 0.5);
    }
    assert!(router.log().contains("a connection is not served"), "{}", router.log());
    let mut good = Wire::open(router.front);
    good.send([LINE, REQUEST.as_bytes()].concat());
    assert_eq!(client(&good.response("GET")), "203.0.113.7");
}

/// Whoever can reach the front would be whoever it likes to be.
#[test]
fn a_stranger_speaks_for_nobody() {
    let router = behind_a_proxy(router()).start();
    let stranger = || Wire::open_from(router.front, [127, 0, 0, 2]);
    for (count, header) in [LINE.to_vec(), binary(1, 0x11, &V4), binary(0, 0, &[])].iter().enumerate() {
        let bytes = [&header[..], REQUEST.as_bytes()].concat();
        for at in [0, 3, 7] {
            let mut wire = stranger();
            if at == 0 {
                wire.send(&bytes)
            } else {
                wire.send_split(&bytes, at)
            };
            let answered = wire.rest().unwrap_or_default();
            assert!(!answered.starts_with(b"HTTP/1.1 200"), "{:?}", String::from_utf8_lossy(&answered));
        }
        eventually("each is counted", || {
            refused(&router) > 3.0 * f64::from(u32::try_from(count).unwrap()) + 2.5
        });
    }
    assert!(router.log().contains("in none of `trusted_networks`"), "{}", router.log());
    // Without a header it is served as ever, however slowly it begins.
    for at in [1, 2, 3] {
        let mut wire = stranger();
        wire.send_split(REQUEST.as_bytes(), at);
        assert_eq!(client(&wire.response("GET")), "127.0.0.2");
    }
    let mut slow = stranger();
    slow.send("P").is_silent_for(Duration::from_millis(100));
    slow.send("ROPFIND / HTTP/1.1\r\nHost: shop.example.test\r\n\r\n");
    assert_eq!(slow.response("PROPFIND").status, 200);
}

#[test]
fn without_the_option_a_header_is_no_request() {
    let router = router().stable("v1").flag("--trusted-networks=127.0.0.0/8").start();
    for header in [LINE.to_vec(), binary(1, 0x11, &V4)] {
        let mut wire = Wire::open(router.front);
        wire.send([&header[..], REQUEST.as_bytes()].concat());
        let answered = wire.rest().unwrap_or_default();
        assert!(answered.starts_with(b"HTTP/1.1 400"), "{:?}", String::from_utf8_lossy(&answered));
    }
}

/// Pins by address are each client's own, though all come from one proxy.
#[test]
fn clients_of_one_proxy_are_pinned_one_by_one() {
    let settings = json!({ "pin": "address" }).to_string();
    let builder = behind_a_proxy(router()).candidate("v2").blend(50);
    let router = builder.key("rolling/hello/settings", &settings).start();
    let release = |number: u8| {
        let header = format!("PROXY TCP4 198.51.100.{number} 192.0.2.1 1 80\r\n");
        let mut wire = Wire::open(router.front);
        wire.send(header + REQUEST);
        wire.response("GET").header("x-release").expect("it says which").to_owned()
    };
    let first: Vec<String> = (1..40).map(release).collect();
    assert_eq!(first, (1..40).map(release).collect::<Vec<_>>());
    assert!(first.contains(&"v1".to_owned()) && first.contains(&"v2".to_owned()), "{first:?}");
}

#[test]
fn the_option_needs_to_know_whom_to_trust() {
    let said = support::command::run(&["check", "--proxy-protocol", "--store", "memory"], &[]);
    assert_eq!(said.code, 2, "{said:?}");
    assert!(said.err.contains("`proxy_protocol` is on, but no proxy is trusted"), "{said:?}");
}
