//! Streams: lines that come one by one, long ones, trailers, and ends that are no ends.

use super::stage::{CODINGS, ask, chunk, compressing, decode, decoded, send};
use std::sync::Mutex;
use std::sync::mpsc::channel;
use support::message::Fault;
use support::{Reply, Wire, count, router, scripted, serving};

const HEAD: &str = "HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\n";

fn open(router: &support::Router, coding: &str) -> Wire {
    let mut wire = router.connect();
    send(&mut wire, router, "GET", &format!("Accept-Encoding: {coding}\r\n"));
    let head = String::from_utf8(wire.read_until(b"\r\n\r\n")).expect("a head is text");
    assert!(head.contains(&format!("\r\ncontent-encoding: {coding}\r\n")), "{head}");
    wire
}

/// A line that the endpoint had sent waited in the encoder until there was enough to make a block of.
#[test]
fn a_line_reaches_the_client_while_the_endpoint_pauses() {
    for coding in CODINGS {
        let (go, told) = channel::<()>();
        let told = Mutex::new(told);
        let endpoint = serving(move |peer| {
            if peer.request().is_none() {
                return;
            }
            peer.send(format!("{HEAD}Transfer-Encoding: chunked\r\n\r\n"));
            let told = told.lock().unwrap_or_else(|poisoned| poisoned.into_inner());
            for line in ["one\n", "two\n", "three\n"] {
                peer.send(format!("{:x}\r\n{line}\r\n", line.len()));
                let _ = told.recv();
            }
            peer.send("0\r\n\r\n");
        });
        let router = compressing(endpoint).start();
        let (mut wire, mut bytes) = (open(&router, coding), Vec::new());
        for so_far in ["one\n", "one\ntwo\n", "one\ntwo\nthree\n"] {
            while decode(coding, &bytes) != so_far.as_bytes() {
                let more = chunk(&mut wire);
                assert!(!more.is_empty(), "{coding}: it ended before {so_far:?}");
                bytes.extend(more);
            }
            go.send(()).expect("the endpoint waits for this");
        }
        while let more @ [_, ..] = &chunk(&mut wire)[..] {
            bytes.extend_from_slice(more);
        }
        assert_eq!(decode(coding, &bytes), b"one\ntwo\nthree\n", "{coding}");
    }
}

/// Text of which half can be saved.
fn text(bytes: usize) -> Vec<u8> {
    let mut state = 1_u64;
    let mut line = || {
        state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        format!("{:016x} the same words in every line\n", state)
    };
    let mut out = Vec::with_capacity(bytes + 64);
    while out.len() < bytes {
        out.extend_from_slice(line().as_bytes());
    }
    out
}

#[test]
fn a_long_stream_comes_whole_and_takes_little_memory() {
    let length = count(10, 100) << 20;
    let body = text(length);
    let sent = body.clone();
    let endpoint = serving(move |peer| {
        if peer.request().is_some() {
            peer.send(HEAD);
            peer.send("\r\n");
            peer.send(&sent);
        }
    });
    let router = compressing(endpoint).start();
    router.readiness();
    for coding in CODINGS {
        let before = router.process().memory_bytes();
        let mut wire = open(&router, coding);
        let (mut bytes, mut grown) = (Vec::new(), 0);
        while let more @ [_, ..] = &chunk(&mut wire)[..] {
            let mebibytes = bytes.len() >> 20;
            bytes.extend_from_slice(more);
            if bytes.len() >> 20 > mebibytes {
                grown = grown.max(router.process().memory_bytes().saturating_sub(before));
            }
        }
        assert!(decode(coding, &bytes) == body, "{coding}");
        assert!(grown < 4 << 20, "{coding}: {grown} bytes for one stream");
    }
}

#[test]
fn a_response_that_is_cut_is_seen_to_be_cut() {
    let half = String::from_utf8(text(50_000)).expect("it is text");
    for framing in
        [format!("Content-Length: {}\r\n\r\n", 100_000), "Transfer-Encoding: chunked\r\n\r\n1a000\r\n".into()]
    {
        for end in [Reply::Close, Reply::Reset] {
            let reply = end(format!("{HEAD}{framing}{half}").into_bytes());
            let router = compressing(scripted(move |_| reply.clone())).start();
            for coding in CODINGS {
                let mut wire = router.connect();
                send(&mut wire, &router, "GET", &format!("Accept-Encoding: {coding}\r\n"));
                let outcome = wire.try_response("GET");
                let cut = matches!(outcome, Err(Fault::Cut(_) | Fault::Ended));
                let refused = outcome.as_ref().is_ok_and(|response| response.status == 502);
                assert!(cut || refused, "{coding} {framing:?}: {outcome:?}");
            }
        }
    }
}

#[test]
fn trailers_come_behind_what_is_compressed() {
    let body = String::from_utf8(text(40_000)).expect("it is text");
    let chunked = format!("{:x}\r\n{body}\r\n0\r\nX-Sum: 7\r\n\r\n", body.len());
    let reply = Reply::Bytes(format!("{HEAD}Transfer-Encoding: chunked\r\n\r\n{chunked}").into());
    let router = compressing(scripted(move |_| reply.clone())).start();
    let response = ask(&router, "GET", "Accept-Encoding: gzip\r\nTE: trailers\r\nConnection: TE\r\n");
    assert!(decoded(&response) == body.as_bytes());
    assert_eq!(response.trailers, [("X-Sum".to_owned(), "7".to_owned())]);
}

/// Every part of these is one that an encoder makes longer.
#[test]
fn what_cannot_be_compressed_comes_whole_too() {
    let mut state = 1_u64;
    let noise: Vec<u8> = std::iter::repeat_with(|| {
        state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (state >> 56) as u8
    })
    .take(600_000)
    .collect();
    let reply = Reply::response("200 OK", &[("Content-Type", "text/plain")], &noise);
    let router = compressing(scripted(move |_| reply.clone())).start();
    for coding in CODINGS {
        let response = ask(&router, "GET", &format!("Accept-Encoding: {coding}\r\n"));
        assert_eq!(response.header("content-encoding"), Some(coding));
        assert!(decoded(&response) == noise, "{coding}");
    }
}

#[test]
fn events_are_never_held_back() {
    let endpoint = serving(|peer| {
        if peer.request().is_some() {
            peer.send("HTTP/1.1 200 OK\r\nContent-Type: text/event-stream; charset=utf-8\r\n\r\ndata: 1\n\n");
            peer.drain();
        }
    });
    let settings = r#"{"compression": {"enabled": true, "types": ["*/*"], "min_bytes": 0}}"#;
    let router = router().stable_on("v1", vec![endpoint]).key("rolling/hello/settings", settings).start();
    let mut wire = router.connect();
    send(&mut wire, &router, "GET", "Accept-Encoding: gzip, br, zstd\r\n");
    let head = String::from_utf8(wire.read_until(b"\r\n\r\n")).expect("a head is text");
    assert!(!head.contains("content-encoding"), "{head}");
    assert_eq!(chunk(&mut wire), b"data: 1\n\n");
}
