//! Requests that two readers could understand differently, on the admin port and on its hosts that show a track: both took
//! Content-Length beside Transfer-Encoding, bare line feeds and fragments, which the front refuses.

use std::io::{Read as _, Write as _};
use support::router::token;
use support::wire::exchange;
use support::{Router, Wire, router};

/// What is sent behind each case; it is never answered.
const BEHIND: &str = "GET /healthz HTTP/1.1\r\nHost: localhost\r\n\r\n";

/// Name, the statuses that may refuse it, and the request.
type Case = (&'static str, &'static [u16], String);

fn heads(host: &str) -> Vec<Case> {
    let get = |headers: &str| format!("GET /healthz HTTP/1.1\r\nHost: {host}\r\n{headers}\r\n");
    let line = |line: &str| format!("{line}\r\nHost: {host}\r\n\r\n");
    let long = "a".repeat(100_000);
    vec![
        ("both framings", &[400], get("Content-Length: 5\r\nTransfer-Encoding: chunked\r\n") + "0\r\n\r\n"),
        ("both framings the other way", &[400], get("Transfer-Encoding: chunked\r\nContent-Length: 5\r\n")),
        ("two lengths", &[400], get("Content-Length: 0\r\nContent-Length: 0\r\n")),
        ("a length with a sign", &[400], get("Content-Length: +0\r\n")),
        ("a space before the colon", &[400], get("X-Y : z\r\n")),
        ("chunked twice", &[400], get("Transfer-Encoding: chunked, chunked\r\n")),
        ("an unknown coding", &[400, 501], get("Transfer-Encoding: xchunked\r\n")),
        ("bare line feeds", &[400], format!("GET /healthz HTTP/1.1\nHost: {host}\n\n")),
        ("one bare line feed", &[400], format!("GET /healthz HTTP/1.1\r\nHost: {host}\nX: y\r\n\r\n")),
        ("a bare carriage return", &[400], get("X-Y: a\rb\r\n")),
        ("a NUL", &[400], get("X-Y: a\0b\r\n")),
        ("a folded line", &[400], get("X-Y: a\r\n b\r\n")),
        ("no Host", &[400], "GET /healthz HTTP/1.1\r\n\r\n".to_owned()),
        ("two Hosts", &[400], get(&format!("Host: {host}\r\n"))),
        ("a Host that is none", &[400], "GET /healthz HTTP/1.1\r\nHost: a b\r\n\r\n".to_owned()),
        ("a fragment", &[400], line("GET /healthz#part HTTP/1.1")),
        ("a space in the target", &[400], line("GET /healthz x HTTP/1.1")),
        ("userinfo in the target", &[400], line(&format!("GET http://a@{host}/healthz HTTP/1.1"))),
        ("CONNECT", &[400, 405], line("CONNECT a:80 HTTP/1.1")),
        ("TRACE", &[405], line("TRACE / HTTP/1.1")),
        ("HTTP/2.0", &[400, 505], line("GET /healthz HTTP/2.0")),
        ("an expectation", &[417], get("Expect: wonders\r\n")),
        (
            "a transfer coding in HTTP/1.0",
            &[400],
            format!("GET / HTTP/1.0\r\nHost: {host}\r\nTransfer-Encoding: chunked\r\n\r\n"),
        ),
        ("a target of 100 KB", &[414], line(&format!("GET /{long} HTTP/1.1"))),
        ("a header of 1 MB", &[431], get(&format!("X-Y: {}\r\n", long.repeat(10)))),
        ("5,000 headers", &[431], get(&"X-Y: z\r\n".repeat(5_000))),
    ]
}

fn bodies(host: &str) -> Vec<Case> {
    let put = |body: &str| {
        let token = token("operator");
        format!(
            "PUT /api/kv/some/key HTTP/1.1\r\nHost: {host}\r\nAuthorization: Bearer {token}\r\n\
             Transfer-Encoding: chunked\r\n\r\n{body}"
        )
    };
    vec![
        ("a bare line feed behind a size", &[400], put("5\nhello\r\n0\r\n\r\n")),
        ("a size with a sign", &[400], put("+5\r\nhello\r\n0\r\n\r\n")),
        ("a chunk that is longer than said", &[400], put("5\r\nhello!\r\n0\r\n\r\n")),
        ("a bare line feed in the end", &[400], put("5\r\nhello\r\n0\n\n")),
    ]
}

/// Why a case was not refused as it must be.
fn fault(router: &Router, (name, statuses, request): &Case, before: &str) -> Option<String> {
    let mut wire = Wire::open(router.admin);
    wire.send([before, request, BEHIND].concat());
    if !before.is_empty() && wire.response("GET").status != 200 {
        return Some(format!("{name}: the request before it was not answered"));
    }
    let answer = match wire.try_response("GET") {
        Ok(answer) => answer,
        Err(broken) => return Some(format!("{name}: no answer: {broken:?}")),
    };
    if !statuses.contains(&answer.status) {
        return Some(format!("{name}: answered {}: {}", answer.status, answer.text()));
    }
    match wire.rest() {
        Some(rest) if rest.is_empty() => None,
        rest => Some(format!("{name}: behind the refusal came {rest:?}")),
    }
}

#[test]
fn the_admin_port_and_its_track_hosts_read_as_strictly_as_the_front() {
    let router = router().stable("v1").candidate("v2").start();
    let own = router.admin.to_string();
    let mut faults = Vec::new();
    for host in [&own, "stable.localhost", "candidate.localhost:80"] {
        for case in heads(host) {
            faults.extend(["", BEHIND].iter().filter_map(|before| fault(&router, &case, before)));
        }
    }
    for host in [&own, "candidate.localhost"] {
        faults.extend(bodies(host).iter().filter_map(|case| fault(&router, case, "")));
    }
    assert!(faults.is_empty(), "{}", faults.join("\n"));
    assert_eq!(router.api().kv_get("some/key"), "", "nothing was written");
}

#[test]
fn what_is_read_strictly_still_works() {
    let router = router().stable("v1").start();
    let api = router.api();
    // A probe of HTTP/1.0 has no Host.
    let probed = exchange(router.admin, b"GET /healthz HTTP/1.0\r\n\r\n");
    assert!(probed.starts_with(b"HTTP/1.0 200 "), "{}", String::from_utf8_lossy(&probed));
    let head = format!(
        "PUT /api/kv/some/key HTTP/1.1\r\nHost: {}\r\nAuthorization: Bearer {}\r\nTransfer-Encoding: chunked\r\n\r\n",
        router.admin,
        token("operator")
    );
    let request = head + "5;a=b\r\nhello\r\n6\r\n world\r\n0\r\nX-Trailer: y\r\n\r\n";
    for at in [1, 40, request.len() - 20, request.len() - 1] {
        let mut wire = Wire::open(router.admin);
        let answer = wire.send_split(request.as_bytes(), at).response("PUT");
        assert_eq!(answer.status, 200, "{}", answer.text());
        // And the next on the same connection.
        assert_eq!(wire.send(BEHIND).response("GET").status, 200);
    }
    assert_eq!(api.kv_get("some/key"), "hello world");
}

/// It was answered, and then taken away from whoever was still sending: a reset destroys what was not read.
#[test]
fn a_body_that_is_too_large_gets_its_answer() {
    let router = router().stable("v1").start();
    for length in [100_000, 8 << 20] {
        let mut wire = Wire::open(router.admin);
        wire.send(format!(
            "PUT /api/kv/some/key HTTP/1.1\r\nHost: {}\r\nAuthorization: Bearer {}\r\nContent-Length: {length}\r\n\r\n",
            router.admin,
            token("operator")
        ));
        let stream = wire.stream();
        // All of it is sent before anything is read, as simple clients do.
        stream.write_all(&vec![b'x'; length]).expect("the router takes what it does not want");
        let mut answer = Vec::new();
        stream.read_to_end(&mut answer).expect("the answer is read before the end");
        let answer = String::from_utf8_lossy(&answer).into_owned();
        assert!(answer.starts_with("HTTP/1.1 413 "), "{length}: {answer}");
        assert!(answer.contains("the body has more than 65536 bytes"), "{length}: {answer}");
    }
}
