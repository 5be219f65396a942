//! How exchanges end that do not go as planned: what was sent arrives, the client can tell a cut from an end, and somebody who
//! looks for the cause finds it.

use std::io::{ErrorKind, Read};
use std::sync::mpsc::channel;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use serde_json::{Value, json};
use support::clock::pause;
use support::log::objects;
use support::message::Fault;
use support::{Endpoint, Peer, Reply, Router, Wire, eventually, router, scripted, serving};

/// A router whose only endpoint is run by `serve` once it has read a request's head.
fn staged(serve: impl Fn(&mut Peer) + Send + Sync + 'static) -> Router {
    let endpoint = serving(move |peer| {
        if let Some(request) = peer.head() {
            peer.keep(request);
            serve(peer);
        }
    });
    router().stable_on("v1", vec![endpoint]).start()
}

fn ask(router: &Router, version: &str) -> Wire {
    let mut wire = router.connect();
    wire.send(format!("GET / HTTP/{version}\r\nHost: {}\r\n\r\n", router.host));
    wire
}

/// Reads all that comes, 64 KiB every 20 ms, and how it ended.
fn read_slowly(wire: &mut Wire) -> (Vec<u8>, std::io::Result<usize>) {
    let (mut all, mut buffer) = (Vec::new(), vec![0; 65_536]);
    loop {
        match wire.stream().read(&mut buffer) {
            Ok(read) if read > 0 => all.extend_from_slice(&buffer[..read]),
            end => return (all, end),
        }
        pause(Duration::from_millis(20));
    }
}

/// 1,000,012 of 1,000,100 bytes, and a reader who takes his time: 98 KB arrived, then a reset.
#[test]
fn of_a_download_that_the_endpoint_cuts_all_arrives_that_it_sent() {
    let body = "x".repeat(1_000_012);
    let length = format!("HTTP/1.1 200 OK\r\nContent-Length: 1000100\r\n\r\n{body}");
    let chunked = format!("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n{:x}\r\n{body}", 1_000_100);
    for (answer, is_chunked) in [(length, false), (chunked, true)] {
        let router = staged(move |peer| {
            peer.send(&answer);
        });
        let (all, end) = read_slowly(&mut ask(&router, "1.1"));
        assert!(matches!(end, Ok(0)), "an orderly end: {end:?} after {} bytes", all.len());
        let head = all.windows(4).position(|bytes| bytes == b"\r\n\r\n").expect("there is a head");
        assert_eq!(all[head..].iter().filter(|byte| **byte == b'x').count(), 1_000_012);
        assert!(!is_chunked || !all.ends_with(b"0\r\n\r\n"), "no last chunk");
    }
}

/// To HTTP/1.0 nothing but a reset tells a cut body of unknown length from a whole one.
#[test]
fn where_nothing_else_shows_the_cut_it_is_a_reset() {
    let router = staged(|peer| {
        peer.send("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n");
    });
    let (all, end) = read_slowly(&mut ask(&router, "1.0"));
    let reset = matches!(&end, Err(error) if error.kind() == ErrorKind::ConnectionReset);
    assert!(reset || all.starts_with(b"HTTP/1.1 502"), "{end:?}");
}

#[test]
fn a_hint_or_a_100_before_the_endpoint_dies_is_still_a_502() {
    for (interim, more) in [
        ("HTTP/1.1 103 Early Hints\r\nLink: </a.css>\r\n\r\n", ""),
        ("HTTP/1.1 102 Processing\r\n\r\n", ""),
        ("HTTP/1.1 100 Continue\r\n\r\n", "Expect: 100-continue\r\nContent-Length: 5\r\n"),
        ("HTTP/1.1 103 Early Hints\r\n\r\nHTTP/1.1 200 O", ""),
    ] {
        let router = staged(move |peer| {
            peer.send(interim);
        });
        let mut wire = router.connect();
        wire.send(format!("PUT / HTTP/1.1\r\nHost: {}\r\n{more}\r\n", router.host));
        let response = wire.response("PUT");
        assert_eq!(response.status, 502, "{interim:?}");
        assert_eq!(response.interim.len(), 1, "{interim:?}");
        assert_eq!(router.endpoint("v1").received(), 1, "what the client has seen a part of is not repeated");
    }
}

#[test]
fn interim_responses_may_be_many_and_not_endless() {
    let (go, told) = channel::<()>();
    let told = Arc::new(Mutex::new(told));
    let router = staged(move |peer| {
        for _ in 0..18 {
            peer.send("HTTP/1.1 102 Processing\r\n\r\n");
            let told = told.lock().unwrap_or_else(|poisoned| poisoned.into_inner());
            let _ = told.recv_timeout(Duration::from_millis(150));
        }
        peer.send("HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok");
    });
    let response = ask(&router, "1.1").response("GET");
    assert_eq!((response.status, response.interim.len()), (200, 18));
    drop(go);

    let router = staged(|peer| {
        peer.send("HTTP/1.1 102 Processing\r\n\r\n".repeat(100));
        peer.drain();
    });
    let response = ask(&router, "1.1").response("GET");
    assert_eq!(response.status, 502);
    assert!((16..50).contains(&response.interim.len()), "more must be a loop: {}", response.interim.len());
}

/// An endpoint that answers at once and reads on: the rest of the upload never reached it, and nobody was told.
#[test]
fn an_upload_goes_on_after_an_early_answer() {
    for (status, framing, body) in [
        ("200 OK", "Content-Length: 5", "early"),
        ("303 See Other", "Content-Length: 0\r\nLocation: /done", ""),
        ("200 OK", "Transfer-Encoding: chunked", "5\r\nearly\r\n0\r\n\r\n"),
    ] {
        let (tell, heard) = channel();
        let tell = Arc::new(Mutex::new(tell));
        let answer = format!("HTTP/1.1 {status}\r\n{framing}\r\n\r\n{body}");
        let endpoint = serving(move |peer| {
            while let Some(mut request) = peer.head() {
                peer.send(&answer);
                peer.body(&mut request);
                let tell = tell.lock().unwrap_or_else(|poisoned| poisoned.into_inner());
                let _ = tell.send((request.complete, request.body.len()));
            }
        });
        let router = router().stable_on("v1", vec![endpoint]).start();
        let mut wire = router.connect();
        wire.send(format!("POST / HTTP/1.1\r\nHost: {}\r\nContent-Length: 300000\r\n\r\n", router.host));
        wire.send("a".repeat(1_000));
        let response = wire.response("POST");
        assert_eq!(response.status.to_string(), status[..3]);
        assert!(!response.says_close(), "the connection goes on: {status}");
        for _ in 0..299 {
            wire.send("a".repeat(1_000));
        }
        assert_eq!(heard.recv(), Ok((true, 300_000)), "{status} {framing}");
        wire.send(format!("GET / HTTP/1.1\r\nHost: {}\r\n\r\n", router.host));
        assert_eq!(wire.response("GET").status.to_string(), status[..3], "the next request is answered");
    }
}

#[test]
fn an_early_answer_that_ends_the_connection_says_so() {
    for (answer, expect) in [
        ("HTTP/1.1 200 OK\r\nContent-Length: 5\r\nConnection: close\r\n\r\nearly", ""),
        ("HTTP/1.1 413 Content Too Large\r\nContent-Length: 5\r\n\r\nearly", ""),
        ("HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nearly", "Expect: 100-continue\r\n"),
    ] {
        let router = staged(move |peer| {
            peer.send(answer);
            peer.drain();
        });
        let mut wire = router.connect();
        let length = "Content-Length: 100000";
        wire.send(format!("POST / HTTP/1.1\r\nHost: {}\r\n{expect}{length}\r\n\r\n", router.host));
        let response = wire.response("POST");
        assert!(response.text() == "early" && response.says_close(), "{answer:?}");
    }
}

fn failing(reply: Reply) -> (tempfile::TempDir, std::path::PathBuf, Router) {
    let dir = tempfile::tempdir().expect("a temporary directory can be made");
    let file = dir.path().join("access.log");
    let endpoint: Endpoint = scripted(move |_| reply.clone());
    let router = router().stable_on("v1", vec![endpoint]).access_log(&file).start();
    (dir, file, router)
}

/// The reason of a 502 was nowhere, and its page said that the application could not be reached.
#[test]
fn a_502_says_its_cause_to_whoever_looks_for_it() {
    let bytes = |text: &str| Reply::Close(text.as_bytes().to_vec());
    for (reply, rule, told) in [
        (
            bytes("HTTP/1.1 200 OK\r\nContent-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\nhello"),
            "Transfer-Encoding with Content-Length",
            "not valid HTTP",
        ),
        (
            bytes("HTTP/1.1 200 OK\r\nContent-Length: 5\r\nContent-Length: 6\r\n\r\nhello"),
            "two Content-Length",
            "not valid HTTP",
        ),
        (bytes("SSH-2.0-OpenSSH_9.2\r\n"), "does not begin with a version of HTTP", "not valid HTTP"),
        (
            bytes(&format!("HTTP/1.1 200 OK\r\n{}\r\n", "X: a\r\n".repeat(1_001))),
            "too many header lines",
            "not valid HTTP",
        ),
        (bytes("HTTP/1.1 200 OK\r\nX: a"), "ended inside the response's header", "not valid HTTP"),
        (bytes(""), "closed the connection before its response", "closed the connection before it answered"),
    ] {
        let (_dir, file, router) = failing(reply);
        let response = ask(&router, "1.1").response("GET");
        assert_eq!(response.status, 502, "{rule}");
        assert!(response.text().contains(told), "{rule}: {}", response.text());
        let address = router.endpoint("v1").address.to_string();
        assert!(
            !response.text().contains(&address),
            "a visitor has no business knowing where an endpoint is"
        );
        let mut lines = Vec::new();
        eventually("the access log has the line", || {
            lines = objects(&file);
            !lines.is_empty()
        });
        let field = |name: &str| lines[0][name].as_str().unwrap_or_default().to_owned();
        assert!(field("failure").contains(rule) && field("fault") == "endpoint", "{rule}: {}", lines[0]);
        assert_eq!(field("endpoint"), address, "{rule}");
        let log = router.log();
        assert!(log.lines().any(|line| line.contains(rule) && line.contains(&address)), "{rule}: {log}");
        let told: Value = router.api().post("explain", &json!({})).expect(200).json();
        let why = told["why"].to_string();
        assert!(why.contains(rule) && why.contains(&address), "{rule}: {why}");
        assert_eq!(told["failures"][0]["address"], json!(address), "{rule}");
    }
}

#[test]
fn what_failed_later_and_through_whom_is_in_the_access_log() {
    let cut = Reply::Close(b"HTTP/1.1 200 OK\r\nContent-Length: 11\r\n\r\nhello".to_vec());
    let (_dir, file, router) = failing(cut);
    assert!(matches!(ask(&router, "1.1").try_response("GET"), Err(Fault::Cut(_))));
    let mut wire = router.connect();
    let chunks = "Transfer-Encoding: chunked\r\n\r\n5\r\nhello";
    wire.send(format!("POST / HTTP/1.1\r\nHost: {}\r\n{chunks}XX", router.host));
    assert_eq!(wire.response("POST").status, 400);
    let mut lines = Vec::new();
    eventually("the access log has both lines", || {
        lines = objects(&file);
        lines.len() == 2
    });
    let failures: Vec<&str> = lines.iter().filter_map(|line| line["failure"].as_str()).collect();
    assert!(failures[0].contains("the connection ended inside a body"), "{failures:?}");
    let faults: Vec<&str> = lines.iter().filter_map(|line| line["fault"].as_str()).collect();
    assert_eq!(faults, ["endpoint", "client"], "{lines:?}");
}

#[test]
fn an_answer_that_went_well_has_no_failure() {
    let (_dir, file, router) = failing(Reply::ok("fine"));
    assert_eq!(ask(&router, "1.1").response("GET").status, 200);
    eventually("the line is written", || objects(&file).len() == 1);
    let line = objects(&file).remove(0);
    assert!(line.get("failure").is_none() && line.get("fault").is_none(), "{line}");
}
