//! Rows 11-16: chunked bodies that do not add up, extensions, trailers, and bodies that are cut short.

use super::case::{body_refused, forwarded, post, run};
use std::time::Duration;
use support::clock::within;
use support::{ReceivedMessage, Router, echo, router};

const BAD: &[u16] = &[400];
const CHUNKED: &str = "Transfer-Encoding: chunked\r\n";

fn refused_bodies(bodies: &[&str]) {
    run(bodies.iter().map(|body| body_refused(format!("{body:?}"), BAD, post(CHUNKED, body))).collect());
}

#[test]
fn row_11_bare_line_ends_between_chunks() {
    refused_bodies(&[
        "5\nhello\r\n0\r\n\r\n",
        "5;a\nhello\r\n0\r\n\r\n",
        "5;a=b\n\r\nhello\r\n0\r\n\r\n",
        "5\r\nhello\n0\r\n\r\n",
        "5\r\nhello\r\n0\n\r\n",
        "5\r\nhello\r\n0\r\n\n",
        "5\r\nhello\r\n0\n\n",
        "5\r\nhello\r\n0\r\nX: a\n\r\n",
        "5\r\nhello\r\n0\r\nX: a\nY: b\r\n\r\n",
        "5\r\nhello\r\n0\r\nX: a\r\n\n",
        "5\rhello\r\n0\r\n\r\n",
        "5\r\nhello\r0\r\n\r\n",
        "5;a\rb\r\nhello\r\n0\r\n\r\n",
        "5\r\nhello\r\n0\r\nX: a\rb\r\n\r\n",
        "5\r\nhello\r\n0\r\nX: a\0b\r\n\r\n",
        "5\r\nhello\r\n0\r\nX : a\r\n\r\n",
        "5\r\nhello\r\n0\r\n folded\r\n\r\n",
        "5\r\nhello\r\n0\r\nX: a\r\n b\r\n\r\n",
        "5\r\nhello\r\n0\r\nno colon\r\n\r\n",
        "5\r\nhello\r\n0\r\n: a\r\n\r\n",
    ]);
}

#[test]
fn row_12_chunk_sizes_that_are_none() {
    let sizes = [
        "-5",
        "+5",
        "0x5",
        "5xyz",
        "",
        "00000000000000005",
        "10000000000000005",
        "fffffffffffffffff",
        "ffffffffffffffff",
        "8000000000000000",
        "7fffffffffffffff",
        "4000000000001",
        " 5",
        "\t5",
        "g",
        "5,5",
        "5.0",
        "x",
        "5 5",
        ";a",
        "0x0",
        "-0",
        "\"5\"",
        "5\0",
        "5\x0b",
    ];
    let bodies: Vec<String> = sizes.iter().map(|size| format!("{size}\r\nhello\r\n0\r\n\r\n")).collect();
    refused_bodies(&bodies.iter().map(String::as_str).collect::<Vec<_>>());
}

#[test]
fn row_13_chunks_of_another_length_than_said() {
    refused_bodies(&[
        "5\r\nhelloX\r\n0\r\n\r\n",
        "5\r\nhello0\r\n\r\n",
        "4\r\nhello\r\n0\r\n\r\n",
        "6\r\nhello\r\n0\r\n\r\n",
        "5\r\nhello\r\r\n0\r\n\r\n",
        "5\r\nhello \r\n0\r\n\r\n",
        "1\r\nh\r\n\r\n0\r\n\r\n",
        "5\r\nhelloGET /smuggled HTTP/1.1\r\nHost: h\r\n\r\n",
    ]);
}

#[test]
fn row_14_chunk_extensions_are_stripped() {
    let bodies = [
        "5;a\r\nhello\r\n0\r\n\r\n",
        "5;a=b\r\nhello\r\n0\r\n\r\n",
        "5;a=\"b;c\"\r\nhello\r\n0;last\r\n\r\n",
        "5;a=b;c=d\r\nhello\r\n0\r\n\r\n",
        "2;a\r\nhe\r\n3;b\r\nllo\r\n0\r\n\r\n",
        "05\r\nhello\r\n00\r\n\r\n",
        "0000000000000005\r\nhello\r\n0\r\n\r\n",
    ];
    let cases = bodies.iter().map(|body| {
        // The endpoint takes no extension: with one the body would count as unreadable, so as not complete.
        forwarded(format!("{body:?}"), post(CHUNKED, body), |received| assert_eq!(received.body, b"hello"))
    });
    run(cases.collect());
}

#[test]
fn row_14_too_many_extensions() {
    let one = format!("5;{}\r\nhello\r\n0\r\n\r\n", "a".repeat(17 * 1024));
    let many = format!("{}0\r\n\r\n", format!("1;{}\r\nx\r\n", "a".repeat(100)).repeat(200));
    let last = format!("5\r\nhello\r\n0;{}\r\n\r\n", "a".repeat(17 * 1024));
    let cases = [("one", one), ("many", many), ("the last", last)];
    run(cases.into_iter().map(|(name, body)| body_refused(name, BAD, post(CHUNKED, body)).large()).collect());
}

#[test]
fn row_15_trailers_never_become_headers() {
    let names = [
        "Content-Length",
        "Transfer-Encoding",
        "Host",
        "Cookie",
        "X-Forwarded-For",
        "X-Forwarded-Host",
        "X-Forwarded-Proto",
        "Forwarded",
        "X-Real-IP",
        "Connection",
        "Trailer",
        "TE",
        "Upgrade",
        "X_Under_Score",
        "Proxy",
        "content-length",
        "Authorization",
    ];
    let cases = names.into_iter().map(|name| {
        let body = format!("5\r\nhello\r\n0\r\nX-Good: yes\r\n{name}: 666\r\n\r\n");
        forwarded(name, post(CHUNKED, body), move |received: &ReceivedMessage| {
            assert_eq!(received.body, b"hello");
            // What the router names itself and the request is random, and may hold any digits.
            let random = |name: &str| {
                name.eq_ignore_ascii_case("x-request-id") || name.eq_ignore_ascii_case("cdn-loop")
            };
            let evil = |fields: &[(String, String)]| {
                fields.iter().any(|(name, value)| !random(name) && value.contains("666"))
            };
            assert!(!evil(&received.headers), "merged into the headers");
            assert!(!evil(&received.trailers), "forwarded as a trailer");
            assert!(received.header("x-good").is_none(), "merged into the headers");
        })
    });
    run(cases.collect());
}

#[test]
fn row_16_a_body_cut_short_never_looks_complete() {
    let router = router().stable_on("v1", vec![echo("v1")]).start();
    let messages = [
        post("Content-Length: 11\r\n", "hello world"),
        post(CHUNKED, "5\r\nhello\r\n6\r\n world\r\n0\r\n\r\n"),
        post(CHUNKED, "b;a=b\r\nhello world\r\n0\r\nX-Good: yes\r\n\r\n"),
    ];
    for message in &messages {
        let head = message.windows(4).position(|window| window == b"\r\n\r\n").expect("there is a head") + 4;
        for cut in head..message.len() {
            for reset in [false, true] {
                cut_at(&router, &message[..cut], reset);
            }
        }
    }
    // Whatever the cuts left behind, the next client is served.
    router.connect().assert_usable("shop.example.test");
    let still_forwarding = || router.endpoint("v1").take().iter().any(|r| r.complete && r.method() == "POST");
    assert!(!within(Duration::from_millis(300), still_forwarding), "a cut body arrived as a complete one");
}

fn cut_at(router: &Router, bytes: &[u8], reset: bool) {
    let mut wire = router.connect();
    wire.send(bytes);
    if reset {
        wire.reset();
    } else {
        // The router may answer the half request with an error, or just close: never with the endpoint's answer.
        wire.finish();
        if let Ok(response) = wire.try_response("POST") {
            assert!(response.status >= 400, "half a body was answered {}", response.status);
        }
    }
    let complete = router.endpoint("v1").take().into_iter().find(|received| received.complete);
    assert!(complete.is_none(), "{:?} arrived as complete", String::from_utf8_lossy(bytes));
}
