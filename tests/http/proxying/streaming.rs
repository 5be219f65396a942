//! Bodies move while they are being made, in both directions, and interim responses arrive before the final one.

use std::sync::mpsc::{Receiver, Sender, channel};
use std::sync::{Arc, Mutex};
use support::{Framing, Peer, Router, router, serving};

/// A router whose only endpoint is run by `serve`, which hears from the test and talks back.
fn staged(
    serve: impl Fn(&mut Peer, &Receiver<()>, &Sender<Vec<u8>>) + Send + Sync + 'static,
) -> (Router, Sender<()>, Receiver<Vec<u8>>) {
    let (go, told) = channel();
    let (tell, heard) = channel();
    let (told, tell) = (Arc::new(Mutex::new(told)), Arc::new(Mutex::new(tell)));
    let endpoint = serving(move |peer| {
        // Health checks connect and say nothing; the lock is taken only once there is a request.
        if let Some(request) = peer.head() {
            peer.keep(request);
            let told = told.lock().unwrap_or_else(|poisoned| poisoned.into_inner());
            let tell = tell.lock().unwrap_or_else(|poisoned| poisoned.into_inner());
            serve(peer, &told, &tell);
        }
    });
    (router().stable_on("v1", vec![endpoint]).start(), go, heard)
}

fn read_some(peer: &mut Peer, length: usize) -> Vec<u8> {
    let mut bytes = peer.ahead();
    let mut buffer = [0; 1024];
    while bytes.len() < length {
        match std::io::Read::read(peer.stream(), &mut buffer) {
            Ok(n) if n > 0 => bytes.extend_from_slice(&buffer[..n]),
            _ => break,
        }
    }
    bytes
}

#[test]
fn a_response_arrives_while_it_is_being_made() {
    let framings = [
        ("Content-Length: 11\r\n", "hello", " world"),
        ("Transfer-Encoding: chunked\r\n", "5\r\nhello\r\n", "6\r\n world\r\n0\r\n\r\n"),
        ("", "hello", " world"),
    ];
    for (headers, first, second) in framings {
        let (router, go, _) = staged(move |peer, told, _| {
            peer.send(format!("HTTP/1.1 200 OK\r\n{headers}\r\n{first}"));
            let _ = told.recv();
            peer.send(second);
        });
        let mut wire = router.connect();
        wire.send(format!("GET / HTTP/1.1\r\nHost: {}\r\n\r\n", router.host));
        let mut start = wire.read_until(b"hello");
        go.send(()).expect("the endpoint waits for this");
        start.extend(wire.read_until(b"world"));
        assert!(start.starts_with(b"HTTP/1.1 200 "), "{headers:?}");
    }
}

#[test]
fn a_request_arrives_while_it_is_being_made() {
    let framings = [
        ("Content-Length: 11\r\n", "hello", " world"),
        ("Transfer-Encoding: chunked\r\n", "5\r\nhello\r\n", "6\r\n world\r\n0\r\n\r\n"),
    ];
    for (headers, first, second) in framings {
        let (router, _, heard) = staged(|peer, _, tell| {
            let start = read_some(peer, 5);
            let _ = tell.send(start);
            let mut rest = Vec::new();
            while !rest.windows(5).any(|window| window == b"world") {
                let more = read_some(peer, 1);
                if more.is_empty() {
                    return;
                }
                rest.extend(more);
            }
            peer.send("HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n");
        });
        let mut wire = router.connect();
        wire.send(format!("POST / HTTP/1.1\r\nHost: {}\r\n{headers}\r\n{first}", router.host));
        let start = heard.recv().expect("the endpoint gets the first part before the second is sent");
        assert!(start.windows(5).any(|window| window == b"hello"), "{headers:?}: {start:?}");
        wire.send(second);
        assert_eq!(wire.response("POST").status, 200);
    }
}

#[test]
fn an_answer_may_come_before_the_body_has_ended() {
    let (router, _, _) = staged(|peer, _, _| {
        peer.send("HTTP/1.1 413 Content Too Large\r\nContent-Length: 4\r\nConnection: close\r\n\r\nstop");
        peer.drain();
    });
    let mut wire = router.connect();
    wire.send(format!("POST / HTTP/1.1\r\nHost: {}\r\nContent-Length: 1000000\r\n\r\n", router.host));
    wire.send("a".repeat(1000));
    let response = wire.response("POST");
    assert_eq!((response.status, response.text().as_str()), (413, "stop"));
}

#[test]
fn a_client_that_asks_first_is_told_to_continue() {
    let (router, _, heard) = staged(|peer, _, tell| {
        peer.send("HTTP/1.1 100 Continue\r\n\r\n");
        let _ = tell.send(read_some(peer, 5));
        peer.send("HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n");
    });
    let mut wire = router.connect();
    wire.send(format!(
        "POST / HTTP/1.1\r\nHost: {}\r\nExpect: 100-continue\r\nContent-Length: 5\r\n\r\n",
        router.host
    ));
    let interim = wire.read_until(b"\r\n\r\n");
    assert!(interim.starts_with(b"HTTP/1.1 100 "), "{:?}", String::from_utf8_lossy(&interim));
    wire.send("hello");
    assert_eq!(heard.recv().expect("the body arrives"), b"hello");
    assert_eq!(wire.response("POST").status, 200);
}

#[test]
fn a_client_that_asks_first_may_be_refused_without_sending() {
    let (router, _, _) = staged(|peer, _, _| {
        peer.send("HTTP/1.1 417 Expectation Failed\r\nContent-Length: 0\r\nConnection: close\r\n\r\n");
    });
    let mut wire = router.connect();
    wire.send(format!(
        "POST / HTTP/1.1\r\nHost: {}\r\nExpect: 100-continue\r\nContent-Length: 5\r\n\r\n",
        router.host
    ));
    let response = wire.response("POST");
    // The router may have said 100 by itself; the endpoint's refusal must arrive in any case.
    assert_eq!(response.status, 417);
}

#[test]
fn early_hints_come_before_the_answer() {
    let (router, _, _) = staged(|peer, _, _| {
        peer.send("HTTP/1.1 103 Early Hints\r\nLink: </a.css>; rel=preload\r\nConnection: X-Hop\r\nX-Hop: a\r\n\r\n");
        peer.send("HTTP/1.1 103 Early Hints\r\nLink: </b.css>; rel=preload\r\n\r\n");
        peer.send("HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok");
    });
    let mut wire = router.connect();
    wire.send(format!("GET / HTTP/1.1\r\nHost: {}\r\n\r\n", router.host));
    let response = wire.response("GET");
    assert_eq!(response.text(), "ok");
    let statuses: Vec<u16> = response.interim.iter().map(|(status, _)| *status).collect();
    assert_eq!(statuses, [103, 103]);
    assert!(response.interim[0].1.iter().all(|(name, _)| !name.eq_ignore_ascii_case("x-hop")));
}

#[test]
fn old_clients_get_no_interim_responses() {
    let (router, _, _) = staged(|peer, _, _| {
        peer.send("HTTP/1.1 103 Early Hints\r\n\r\nHTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok");
    });
    let mut wire = router.connect();
    wire.send(format!("GET / HTTP/1.0\r\nHost: {}\r\n\r\n", router.host));
    let response = wire.response("GET");
    assert!(response.interim.is_empty());
    assert_eq!(response.text(), "ok");
}

#[test]
fn a_body_that_ends_with_its_connection_arrives_whole() {
    let body = "line of text\n".repeat(100_000);
    let copy = body.clone();
    let (router, _, _) = staged(move |peer, _, _| {
        peer.send(format!("HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\n\r\n{copy}"));
    });
    let mut wire = router.connect();
    wire.send(format!("GET / HTTP/1.1\r\nHost: {}\r\n\r\n", router.host));
    let response = wire.response("GET");
    assert!(matches!(response.framing, Framing::Chunked | Framing::Close));
    assert_eq!(response.body.len(), body.len());
    assert_eq!(response.text(), body);
}

#[test]
fn large_bodies_survive_both_ways_in_both_framings() {
    let router = router().stable("v1").start();
    let body: Vec<u8> = (0..3_000_000_u32).map(|n| (n.wrapping_mul(2_654_435_761) >> 24) as u8).collect();
    let mut chunked = Vec::new();
    for piece in body.chunks(70_001) {
        chunked.extend(format!("{:x}\r\n", piece.len()).into_bytes());
        chunked.extend(piece);
        chunked.extend(b"\r\n");
    }
    chunked.extend(b"0\r\n\r\n");
    let length = format!("Content-Length: {}\r\n", body.len());
    for (headers, sent) in [(length.as_str(), &body), ("Transfer-Encoding: chunked\r\n", &chunked)] {
        let mut wire = router.connect();
        let head = format!("POST / HTTP/1.1\r\nHost: {}\r\n{headers}\r\n", router.host);
        wire.send([head.as_bytes(), sent].concat());
        let response = wire.response("POST");
        assert!(response.body.ends_with(&body), "the echo differs ({headers:?})");
        assert_eq!(router.endpoint("v1").take()[0].body, body);
        wire.assert_usable(&router.host);
        router.endpoint("v1").take();
    }
}
