//! How connections of HTTP/2 end: when the router stops, when nobody asks anything, and when they were used enough.

use super::{get, open};
use std::sync::{Mutex, mpsc};
use support::frames::{END_STREAM, Frames, GOAWAY, HEADERS, Outcome, get as fields};
use support::{Reply, eventually, router, serving};

#[test]
fn at_sigterm_what_is_open_is_finished_and_nothing_more_is_asked_for() {
    let (answer, may_answer) = mpsc::channel();
    let may_answer = Mutex::new(may_answer);
    let endpoint = serving(move |peer| {
        while let Some(received) = peer.request() {
            let slow = received.target() == "/slow";
            peer.keep(received);
            if slow {
                may_answer.lock().unwrap().recv().expect("the test says when");
            }
            peer.send("HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\ndone");
        }
    });
    let mut router = router().stable_on("v1", vec![endpoint]).start();
    let (client, idle) = (open(&router), open(&router));
    assert_eq!(idle.exchange(&get(&router, "/")).status, 200);
    let exchange = client.begin_request(&get(&router, "/slow"), true).expect("it can be sent");
    eventually("it arrives", || router.endpoint("v1").received() >= 2);
    router.terminate();
    eventually("an idle connection is told and ends", || idle.ended() == Some(Ok(())));
    assert_eq!(client.ended(), None, "a request is open");
    answer.send(()).expect("the endpoint waits");
    assert_eq!(exchange.finish().expect("it is answered").text(), "done");
    eventually("it ends with its last request", || client.ended() == Some(Ok(())));
    assert_eq!(router.exit_code(), Some(0), "{}", router.log());
}

#[test]
fn an_idle_connection_is_told_goodbye() {
    let router = router().stable("v1").limit("idle_ms", 300).start();
    let client = open(&router);
    assert_eq!(client.exchange(&get(&router, "/")).status, 200);
    eventually("it ends in order", || client.ended() == Some(Ok(())));
    // One that does not answer the router's question is closed as well.
    let mut frames = Frames::open(router.front);
    let mut told = false;
    while let Some(frame) = frames.read() {
        told |= frame.kind == GOAWAY;
    }
    assert!(told);
}

#[test]
fn a_connection_carries_as_many_requests_as_it_may() {
    let router = router().stable("v1").limit("requests_per_connection_max", 3).start();
    let client = open(&router);
    for _ in 0..3 {
        assert_eq!(client.exchange(&get(&router, "/")).status, 200);
    }
    eventually("it ends in order", || client.ended() == Some(Ok(())));
}

#[test]
fn a_head_that_does_not_end_is_cut() {
    let router = router().stable("v1").limit("header_ms", 300).start();
    // Not even the preface is whole.
    let mut wire = router.connect();
    wire.send("PRI * HTTP/2.0\r\n\r\n");
    wire.rest();
    let mut frames = Frames::open(router.front);
    frames.headers(1, &fields(&router.host, "/"), END_STREAM);
    assert_eq!(frames.outcome(1), Outcome::Status(200));
    frames.frame(HEADERS, END_STREAM, 3, &[]);
    assert!(matches!(frames.ending(), Outcome::Goodbye(_)), "the block never ends");
}

#[test]
fn an_answer_to_a_body_that_goes_on_ends_its_request() {
    let endpoint = serving(|peer| {
        if let Some(received) = peer.head() {
            peer.keep(received);
            peer.send("HTTP/1.1 413 Content Too Large\r\nContent-Length: 4\r\nConnection: close\r\n\r\nmuch");
        }
    });
    let router = router().stable_on("v1", vec![endpoint]).start();
    let client = open(&router);
    let head = format!("POST / HTTP/1.1\r\nHost: {}\r\nContent-Length: 1000000\r\n\r\n", router.host);
    let mut exchange = client.begin_request(&head, false).expect("it can be sent");
    exchange.body.send_data(bytes::Bytes::from_static(b"part"), false).expect("it is taken");
    let answer = exchange.finish().expect("it is answered");
    assert_eq!((answer.status, answer.text().as_str()), (413, "much"));
    router.endpoint("v1").always(Reply::ok(""));
    assert_eq!(client.ended(), None, "its connection goes on");
}
