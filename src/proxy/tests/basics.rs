//! Requests there and back.

use std::{io::Write, sync::atomic::Ordering, time::Duration};

use super::stage::{Stage, endpoint, ok, read_all, read_message, text};
use crate::limits::Limits;

const GET: &str = "GET / HTTP/1.1\r\nHost: shop.example\r\n\r\n";

#[test]
fn a_request_goes_there_and_back_on_kept_connections() {
    let endpoint = endpoint(|_| ok("hello"));
    let stage = Stage::new(&[endpoint.address]);
    let mut stream = stage.connect();
    for _ in 0..10 {
        stream.write_all(GET.as_bytes()).unwrap();
        let response = text(read_message(&mut stream).unwrap());
        assert!(response.starts_with("HTTP/1.1 200 OK\r\nDate: now\r\n"), "{response}");
        assert!(response.contains("set-cookie: rolling_pin="), "{response}");
        assert!(response.ends_with("content-length: 5\r\n\r\nhello"), "{response}");
    }
    assert_eq!(endpoint.connections.load(Ordering::SeqCst), 1);
    assert_eq!(stage.count("rolling_upstream_reuses_total"), 9);
}

#[test]
fn pipelined_requests_are_answered_in_order() {
    let endpoint = endpoint(|request| {
        let target = text(request.to_vec()).split(' ').nth(1).unwrap().to_owned();
        ok(&target)
    });
    let stage = Stage::new(&[endpoint.address]);
    let mut stream = stage.connect();
    let requests: String = (0..50).map(|n| format!("GET /{n} HTTP/1.1\r\nHost: a\r\n\r\n")).collect();
    stream.write_all(requests.as_bytes()).unwrap();
    for n in 0..50 {
        let response = text(read_message(&mut stream).unwrap());
        assert!(response.ends_with(&format!("\r\n\r\n/{n}")), "{n}: {response}");
    }
}

#[test]
fn a_body_goes_up_in_either_framing() {
    let endpoint = endpoint(|_| ok("done"));
    let stage = Stage::new(&[endpoint.address]);
    let response =
        stage.ask("POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\nExpect: 100-continue\r\n\r\nhello");
    assert!(response.ends_with("done"), "{response}");
    assert!(endpoint.requests.lock().unwrap()[0].ends_with(b"\r\n\r\nhello"));
}

#[test]
fn a_refused_request_ends_its_connection() {
    let endpoint = endpoint(|_| ok("done"));
    let stage = Stage::new(&[endpoint.address]);
    let mut stream = stage.connect();
    let bad = "GET / HTTP/1.1\r\nHost: a\r\nContent-Length: 1\r\nTransfer-Encoding: chunked\r\n\r\n";
    stream.write_all(format!("{GET}{bad}{GET}").as_bytes()).unwrap();
    let all = text(read_all(&mut stream).unwrap());
    assert_eq!(all.matches("HTTP/1.1 ").count(), 2, "{all}");
    assert!(all.contains("HTTP/1.1 400 Bad Request") && all.contains("connection: close"), "{all}");
    assert_eq!(endpoint.requests.lock().unwrap().len(), 1);
}

#[test]
fn an_endpoint_that_closed_a_kept_connection_is_asked_again() {
    let endpoint = endpoint(|request| if request.starts_with(b"GET /close") { Vec::new() } else { ok("x") });
    let stage = Stage::new(&[endpoint.address]);
    assert!(stage.ask(GET).ends_with('x'));
    assert!(stage.ask("GET /close HTTP/1.1\r\nHost: a\r\n\r\n").starts_with("HTTP/1.1 502"));
    assert!(stage.ask(GET).ends_with('x'));
}

#[test]
fn an_endpoint_that_refuses_is_passed_over() {
    let dead = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    let endpoint = endpoint(|_| ok("x"));
    let stage = Stage::new(&[dead, endpoint.address]);
    for _ in 0..20 {
        assert!(stage.ask(GET).ends_with('x'));
    }
    assert!(stage.count("rolling_upstream_retries_total") > 0);
}

#[test]
fn what_comes_too_slowly_is_cut() {
    let endpoint = endpoint(|_| {
        std::thread::park_timeout(Duration::from_secs(10));
        ok("late")
    });
    let limits = Limits { header_ms: 1_000, first_byte_ms: 1_000, idle_ms: 2_000, ..Limits::default() };
    let stage = Stage::with(&[endpoint.address], limits);
    let mut slow = stage.connect();
    slow.write_all(b"GET / HTTP/1.1\r\nHo").unwrap();
    assert!(text(read_all(&mut slow).unwrap()).starts_with("HTTP/1.1 408"));
    assert!(stage.ask(GET).starts_with("HTTP/1.1 504"));
    let mut idle = stage.connect();
    assert_eq!(read_all(&mut idle).unwrap(), b"");
}

#[test]
fn a_large_response_goes_through_whole() {
    let body = "0123456789".repeat(300_000);
    let expected = body.clone();
    let endpoint = endpoint(move |_| ok(&body));
    let stage = Stage::new(&[endpoint.address]);
    assert!(stage.ask(GET).ends_with(&expected));
}

#[tokio::test]
async fn a_front_drains_without_losing_a_request() {
    let endpoint = endpoint(|_| ok("x"));
    let mut stage = Stage::new(&[endpoint.address]);
    let mut kept = stage.connect();
    kept.write_all(GET.as_bytes()).unwrap();
    assert!(!text(read_message(&mut kept).unwrap()).contains("connection: close"));
    let front = stage.front.take().unwrap();
    let draining = tokio::spawn(front.drain(Duration::from_secs(3)));
    let answered = tokio::task::spawn_blocking(move || {
        let mut answered = 0;
        loop {
            let Ok(mut stream) = std::net::TcpStream::connect(stage.address) else { return answered };
            if stream.write_all(GET.as_bytes()).is_err() {
                return answered;
            }
            let Some(response) = read_message(&mut stream) else { return answered };
            assert!(text(response).ends_with('x'));
            answered += 1;
        }
    });
    assert!(draining.await.unwrap(), "nothing had to be cut");
    assert!(answered.await.unwrap() > 10);
    assert_eq!(read_all(&mut kept).unwrap(), b"");
}
