//! Bodies over HTTP/2: large ones both ways, clients and endpoints that are slow or stop, and that one request's pace is not
//! another's.

use super::{get, open};
use bytes::Bytes;
use h2::Reason;
use support::http2::{read_body, send_all, trailers, wait};
use support::{Reply, Router, eventually, router, scripted, serving};

const MIB: usize = 1 << 20;

fn post(router: &Router, headers: &str) -> String {
    format!("POST /upload HTTP/1.1\r\nHost: {}\r\n{headers}\r\n", router.host)
}

/// Bytes that differ from place to place.
fn pattern(length: usize) -> Vec<u8> {
    (0..length).map(|at| (at * 7 + at / 251) as u8).collect()
}

#[test]
fn ten_mib_pass_both_ways_with_a_length_and_without() {
    let endpoint = scripted(|received| {
        if received.method() == "GET" { Reply::ok(pattern(10 * MIB)) } else { Reply::ok(&received.body) }
    });
    let router = router().stable_on("v1", vec![endpoint]).start();
    let client = open(&router);
    let body = pattern(10 * MIB);
    assert!(client.exchange(&get(&router, "/")).body == body, "a download arrives whole");
    for headers in [String::new(), format!("Content-Length: {}\r\n", body.len())] {
        let answer = client.exchange_body(&post(&router, &headers), &body);
        assert_eq!(answer.status, 200);
        assert!(answer.body == body, "what was sent comes back, {headers:?}");
    }
    for received in router.endpoint("v1").take() {
        assert!(received.complete && received.faults.is_empty(), "{:?}", received.faults);
    }
}

#[test]
fn trailers_pass_and_no_trailer_becomes_a_header() {
    let router = router().stable("v1").start();
    let client = open(&router);
    let mut exchange = client.begin_request(&post(&router, ""), false).expect("it can be sent");
    exchange.body.send_data(Bytes::from_static(b"hello"), false).expect("it is taken");
    exchange
        .body
        .send_trailers(trailers(&[("x-sum", "5"), ("x-forwarded-for", "6.6.6.6")]))
        .expect("they are taken");
    assert_eq!(exchange.finish().expect("it is answered").status, 200);
    let received = router.endpoint("v1").take().pop().expect("it arrived");
    assert_eq!(
        (received.body.as_slice(), received.trailers.len()),
        (&b"hello"[..], 1),
        "{:?}",
        received.trailers
    );
    assert_eq!(received.trailers[0].0.to_ascii_lowercase(), "x-sum");
}

#[test]
fn an_upload_arrives_while_it_is_sent() {
    let endpoint = serving(|peer| {
        let Some(mut received) = peer.head() else { return };
        peer.body(&mut received);
        let length = received.body.len();
        peer.keep(received);
        peer.send(format!("HTTP/1.1 200 OK\r\nContent-Length: {}\r\n\r\n{length}", length.to_string().len()));
    });
    let router = router().stable_on("v1", vec![endpoint]).start();
    let client = open(&router);
    let mut exchange = client.begin_request(&post(&router, ""), false).expect("it can be sent");
    wait(send_all(&mut exchange.body, &pattern(300_000), false))
        .expect("more than the window is taken before the end");
    wait(send_all(&mut exchange.body, b"end", true)).expect("the end is taken");
    assert_eq!(exchange.finish().expect("it is answered").text(), "300003");
}

/// Of 50 downloads one is not read. It stops its own endpoint, and nobody else.
#[test]
fn one_response_that_is_not_read_stops_no_other() {
    let endpoint = scripted(|_| Reply::ok(pattern(4 * MIB)));
    let router = router().stable_on("v1", vec![endpoint]).start();
    let client = open(&router);
    let mut slow = client.begin_request(&get(&router, "/slow"), true).expect("it can be sent");
    let (status, _, mut unread) = slow.head().expect("it has a head");
    assert_eq!(status, 200);
    for _ in 0..7 {
        let begun: Vec<_> =
            (0..7).map(|_| client.begin_request(&get(&router, "/"), true).expect("it can be sent")).collect();
        for exchange in begun {
            assert_eq!(exchange.finish().expect("it is answered").body.len(), 4 * MIB);
        }
    }
    assert!(wait(read_body(&mut unread, usize::MAX)).expect("it goes on").len() == 4 * MIB);
}

/// An endpoint takes nothing of an upload, so its client may send no more of that, and all of another.
#[test]
fn one_upload_that_is_not_taken_stops_no_other() {
    let endpoint = serving(|peer| {
        while let Some(mut received) = peer.head() {
            if received.target() == "/stuck" {
                peer.keep(received);
                // Until the client has left, nothing of the body is read.
                peer.drain();
                return;
            }
            peer.body(&mut received);
            peer.keep(received);
            peer.send("HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n");
        }
    });
    let router = router().stable_on("v1", vec![endpoint]).start();
    let client = open(&router);
    for _ in 0..3 {
        let answer = client.exchange_body(&post(&router, ""), &pattern(MIB));
        assert_eq!(answer.status, 200);
    }
    let head = format!("POST /stuck HTTP/1.1\r\nHost: {}\r\n\r\n", router.host);
    let mut stuck = client.begin_request(&head, false).expect("it can be sent");
    wait(send_all(&mut stuck.body, &pattern(64 * 1024), false)).expect("the window is open at first");
    for _ in 0..3 {
        assert_eq!(client.exchange_body(&post(&router, ""), &pattern(MIB)).status, 200);
    }
}

#[test]
fn a_client_that_resets_its_request_has_left() {
    let endpoint = serving(|peer| {
        while let Some(received) = peer.request() {
            let answered = received.target() == "/";
            peer.keep(received);
            if !answered {
                // The end of the connection says that nobody waits any more.
                peer.drain();
                return;
            }
            peer.send("HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n");
        }
    });
    let router = router().stable_on("v1", vec![endpoint]).start();
    let client = open(&router);
    let mut exchange = client.begin_request(&get(&router, "/silent"), true).expect("it can be sent");
    let endpoint = router.endpoint("v1");
    eventually("it arrives", || endpoint.received() == 1);
    exchange.body.send_reset(Reason::CANCEL);
    eventually("the endpoint hears of it", || endpoint.open_connections() == 0);
    assert_eq!(client.exchange(&get(&router, "/")).status, 200, "its connection goes on");
}

#[test]
fn a_response_that_is_cut_is_reset_and_what_came_before_arrives() {
    let endpoint = scripted(|received| match received.target().as_str() {
        "/length" => Reply::Close(b"HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\npart".to_vec()),
        "/chunks" => {
            Reply::Close(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n4\r\npart\r\n".to_vec())
        }
        "/close" => Reply::Reset(b"HTTP/1.1 200 OK\r\n\r\npart".to_vec()),
        _ => Reply::ok("whole"),
    });
    let router = router().stable_on("v1", vec![endpoint]).start();
    let client = open(&router);
    for target in ["/length", "/chunks"] {
        let mut exchange = client.begin_request(&get(&router, target), true).expect("it can be sent");
        let (status, _, mut body) = exchange.head().expect("it has a head");
        assert_eq!(
            (status, wait(read_body(&mut body, 4)).expect("that came").as_slice()),
            (200, &b"part"[..]),
            "{target}"
        );
        let cut = wait(read_body(&mut body, usize::MAX)).expect_err("it is not whole");
        assert_eq!(cut.reason(), Some(Reason::INTERNAL_ERROR), "{target}");
    }
    let cut = client.try_exchange(&get(&router, "/close")).expect_err("it is not whole");
    assert_eq!(cut.reason(), Some(Reason::INTERNAL_ERROR));
    assert_eq!(client.exchange(&get(&router, "/")).text(), "whole", "its connection goes on");
}
