//! What goes wrong, and whom it harms.

use std::{io::Write, net::TcpListener, sync::Arc, time::Duration};

use super::stage::{Stage, endpoint, eventually, ok, read_all, read_message, text};
use crate::{
    limits::Limits,
    rollout::{
        table::RoutingTable,
        target::{EndpointSlot, ReleaseSlot},
    },
    slots::SlotVec,
};

const GET: &str = "GET / HTTP/1.1\r\nHost: a\r\n\r\n";

#[test]
fn a_panic_in_one_request_is_one_500() {
    let endpoint = endpoint(|_| ok("x"));
    let stage = Stage::new(&[endpoint.address]);
    let mut other = stage.connect();
    other.write_all(GET.as_bytes()).unwrap();
    read_message(&mut other).unwrap();
    let good = stage.live.load_full();
    stage.live.publish(broken(&good.table), Duration::ZERO);
    assert!(stage.ask(GET).starts_with("HTTP/1.1 500 "));
    stage.live.publish(good.table.clone(), Duration::ZERO);
    assert_eq!(stage.count("rolling_panics_total"), 1);
    other.write_all(GET.as_bytes()).unwrap();
    assert!(text(read_message(&mut other).unwrap()).ends_with('x'));
}

/// The other streams of its connection go on: one that began before ends whole, and the next one is answered.
#[test]
fn a_panic_in_one_stream_ends_that_stream_alone() {
    let gate = Arc::new(std::sync::Barrier::new(2));
    let opened = Arc::clone(&gate);
    let endpoint = endpoint(move |request| {
        if request.starts_with(b"GET /slow") {
            opened.wait();
        }
        ok("whole")
    });
    let stage = Stage::new(&[endpoint.address]);
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build().unwrap();
    let mut sender = runtime.block_on(async {
        let socket = tokio::net::TcpStream::connect(stage.address).await.unwrap();
        let (sender, connection) = h2::client::handshake(socket).await.unwrap();
        tokio::spawn(connection);
        sender
    });
    let mut ask = |path: &str| {
        let request = http::Request::get(format!("http://a{path}")).body(()).unwrap();
        sender.send_request(request, true).unwrap().0
    };
    let read = |response: h2::client::ResponseFuture| {
        runtime.block_on(async {
            let response = response.await.unwrap();
            let status = response.status().as_u16();
            let (mut body, mut bytes) = (response.into_body(), Vec::new());
            while let Some(part) = body.data().await {
                bytes.extend_from_slice(&part.unwrap());
            }
            (status, text(bytes))
        })
    };
    let slow = ask("/slow");
    eventually("the slow one is in flight", || stage.live.load().endpoint(EndpointSlot(0)).in_flight() == 1);
    let good = stage.live.load_full();
    stage.live.publish(broken(&good.table), Duration::ZERO);
    assert_eq!(read(ask("/panics")).0, 500);
    stage.live.publish(good.table.clone(), Duration::ZERO);
    assert_eq!(stage.count("rolling_panics_total"), 1);
    gate.wait();
    assert_eq!(read(slow), (200, "whole".to_owned()), "the stream that was open");
    assert_eq!(read(ask("/next")), (200, "whole".to_owned()), "the next one");
}

/// A table that names slots which nothing fills. It cannot be published by the control plane, and panics when used.
fn broken(good: &RoutingTable) -> RoutingTable {
    let mut broken = RoutingTable { endpoint_slots: SlotVec::default(), ..good.clone() };
    // Routes of their own, or the worker would go on with its view of the good ones.
    let routes = good.app_slots.iter().map(|app| app.as_ref().map(|app| Arc::new((**app).clone())));
    routes.enumerate().for_each(|(slot, app)| drop(broken.app_slots.set(slot, app)));
    broken.default_app = broken.app_slots[0].clone();
    broken
}

#[test]
fn an_endpoint_with_too_many_requests_has_a_queue() {
    let gate = Arc::new(std::sync::Barrier::new(2));
    let opened = Arc::clone(&gate);
    let endpoint = endpoint(move |request| {
        if request.starts_with(b"GET /slow") {
            opened.wait();
        }
        ok("x")
    });
    let limits = Limits {
        endpoint_in_flight_max: 1,
        endpoint_queue_ms: 2_000,
        endpoint_queue_max: 1,
        ..Limits::default()
    };
    let stage = Stage::with(&[endpoint.address], limits);
    let mut slow = stage.connect();
    slow.write_all(b"GET /slow HTTP/1.1\r\nHost: a\r\n\r\n").unwrap();
    eventually("the slow one is in flight", || stage.live.load().endpoint(EndpointSlot(0)).in_flight() == 1);
    let refused = stage.ask(GET);
    assert!(refused.starts_with("HTTP/1.1 503 ") && refused.contains("retry-after: 1\r\n"), "{refused}");
    assert_eq!(stage.count("rolling_limits_hit_total"), 1);
    let mut waiting = stage.connect();
    waiting.write_all(GET.as_bytes()).unwrap();
    gate.wait();
    assert!(text(read_message(&mut slow).unwrap()).ends_with('x'));
    assert!(text(read_message(&mut waiting).unwrap()).ends_with('x'));
}

#[test]
fn a_client_that_reads_nothing_is_cut() {
    let body = "x".repeat(64 << 20);
    let endpoint = endpoint(move |_| ok(&body));
    let limits = Limits { body_grace_ms: 300, ..Limits::default() };
    let stage = Stage::with(&[endpoint.address], limits);
    let mut client = stage.connect();
    client.write_all(GET.as_bytes()).unwrap();
    eventually("it is cut", || stage.count("rolling_limits_hit_total") == 1);
    assert!(read_all(&mut client).is_err(), "a reset, not an end that looks like one");
}

#[test]
fn an_upload_that_stalls_is_cut_and_never_looks_whole() {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let limits = Limits { body_grace_ms: 300, ..Limits::default() };
    let stage = Stage::with(&[listener.local_addr().unwrap()], limits);
    let mut client = stage.connect();
    client
        .write_all(b"POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n")
        .unwrap();
    let (mut endpoint, _) = listener.accept().unwrap();
    let received = text(read_all(&mut endpoint).unwrap());
    assert!(received.ends_with("\r\n\r\n5\r\nhello\r\n"), "{received}");
    assert!(text(read_all(&mut client).unwrap()).starts_with("HTTP/1.1 408 "));
}

#[test]
fn an_exchange_of_an_ended_release_is_cut() {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let stage = Stage::new(&[listener.local_addr().unwrap()]);
    let mut client = stage.connect();
    client.write_all(GET.as_bytes()).unwrap();
    let (mut endpoint, _) = listener.accept().unwrap();
    read_message(&mut endpoint).unwrap();
    endpoint.write_all(b"HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nhello").unwrap();
    eventually("the response has begun", || stage.release().open_requests == 1);
    stage.live.load().release(ReleaseSlot(0)).set_ended(true);
    let all = text(read_all(&mut client).unwrap());
    assert!(all.contains("content-length: 10\r\n") && all.ends_with("\r\n\r\nhello"), "half of it: {all}");
    assert_eq!(stage.count("rolling_exchanges_ended_total"), 1);
}

#[test]
fn a_client_that_left_is_not_waited_for() {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let stage = Stage::new(&[listener.local_addr().unwrap()]);
    let mut client = stage.connect();
    client.write_all(GET.as_bytes()).unwrap();
    let (mut endpoint, _) = listener.accept().unwrap();
    read_message(&mut endpoint).unwrap();
    client.shutdown(std::net::Shutdown::Write).unwrap();
    // A client that only says it has nothing more to ask gets its answer, if that comes soon.
    std::thread::park_timeout(Duration::from_millis(400));
    endpoint.write_all(&ok("late")).unwrap();
    assert!(text(read_all(&mut client).unwrap()).ends_with("late"));
    // Otherwise the next request may come on the connection that the router keeps.
    drop(endpoint);
    let mut client = stage.connect();
    client.write_all(GET.as_bytes()).unwrap();
    let (mut endpoint, _) = listener.accept().unwrap();
    read_message(&mut endpoint).unwrap();
    client.shutdown(std::net::Shutdown::Write).unwrap();
    assert!(read_all(&mut endpoint).unwrap().is_empty(), "and else nobody works for it");
}
