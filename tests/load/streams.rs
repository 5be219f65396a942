//! A thousand open streams of HTTP/2 and a hundred WebSockets, a third of them over HTTP/2, whose release or whose process is
//! replaced: what ends by itself comes whole, nothing is cut before its deadline, and at it everything ends so that its client
//! sees what it is.

use serde_json::json;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{Receiver, channel};
use std::thread::{self, JoinHandle};
use std::time::Duration;
use support::clock::{Deadline, PATIENCE, pause};
use support::http2::{Exchange, Http2Client, read_body, spawn, wait};
use support::websocket::{CLOSE, Socket, echo_frames, masked_frame, read_frame, upgrade_answer};
use support::{Endpoint, Router, count, eventually, router, serving};

/// Streams on one connection: a few less than the router allows, so that another request has room.
const STREAMS_PER_CONNECTION: usize = 80;
/// What a response is made of.
const PART: &[u8] = b"0123456789";
/// Close codes: the release behind the socket has ended; the router goes away.
const SERVICE_RESTART: u16 = 1_012;
const GOING_AWAY: u16 = 1_001;

/// An endpoint with responses that go on: those of `/short` until `finish` is set, those of `/endless` until somebody ends them.
fn site(release: &'static str, finish: &Arc<AtomicBool>) -> Endpoint {
    let finish = Arc::clone(finish);
    serving(move |peer| {
        while let Some(request) = peer.request() {
            if request.header("upgrade").is_some() {
                peer.send(upgrade_answer(release));
                return echo_frames(peer);
            }
            let goes_on = match request.target().as_str() {
                "/endless" => Some(false),
                "/short" => Some(true),
                _ => None,
            };
            let head =
                format!("HTTP/1.1 200 OK\r\nX-Release: {release}\r\nTransfer-Encoding: chunked\r\n\r\n");
            let mut sent = peer.send(head);
            if let Some(finishes) = goes_on {
                while sent && !(finishes && finish.load(Ordering::SeqCst)) {
                    sent = peer.send([b"a\r\n", PART, b"\r\n"].concat());
                    pause(Duration::from_millis(200));
                }
            }
            if !sent || !peer.send("0\r\n\r\n") {
                return;
            }
        }
    })
}

/// How a stream ended: of which kind it is, since all began, and whether it was whole.
type StreamEnd = (&'static str, Duration, Result<usize, String>);

/// Everything that is open, and how it ends.
struct Open {
    connections: Vec<Http2Client>,
    streams: Receiver<StreamEnd>,
    sockets: Vec<JoinHandle<(Duration, Option<u16>)>>,
    began: Deadline,
    count: usize,
}

impl Open {
    fn start(router: &Router) -> Self {
        let (streams, sockets) = (count(100, 1_000), count(10, 100));
        let connections: Vec<Http2Client> =
            (0..streams.div_ceil(STREAMS_PER_CONNECTION)).map(|_| Http2Client::open(router.front)).collect();
        let began = Deadline::after(Duration::ZERO);
        let (tell, told) = channel();
        for number in 0..streams {
            let target = if number % 2 == 0 { "/short" } else { "/endless" };
            let connection = &connections[number / STREAMS_PER_CONNECTION];
            let head = format!("GET {target} HTTP/1.1\r\nHost: {}\r\n\r\n", router.host);
            let Exchange { response, .. } = connection.begin_request(&head, true).expect("there is room");
            let response = wait(response).expect("the stream begins");
            assert_eq!(
                (response.status().as_u16(), response.headers()["x-release"].as_bytes()),
                (200, &b"v1"[..])
            );
            let (tell, mut body) = (tell.clone(), response.into_body());
            spawn(async move {
                let read = read_body(&mut body, usize::MAX).await;
                let read = read.map(|bytes| bytes.len()).map_err(|error| error.to_string());
                // Nobody hears it if the test has failed.
                let _ = tell.send((target, began.elapsed(), read));
            });
        }
        let sockets = (0..sockets).map(|number| {
            let connection = &connections[number % connections.len()];
            if number % 3 == 0 { over_http2(connection, router, began) } else { over_http1(router, began) }
        });
        let sockets = sockets.collect();
        Self { sockets, streams: told, connections, began, count: streams }
    }

    /// Checks that the half which ends by itself ends whole, and nothing else before `least` after `since`.
    fn assert_ended(self, since: Duration, least: Duration, code: u16) {
        let mut faults = Vec::new();
        for _ in 0..self.count {
            let (target, at, end) = self.streams.recv_timeout(PATIENCE).expect("every stream ends");
            let whole = target == "/short";
            if end.is_ok() != whole || !whole && at < since + least {
                faults.push(format!("{target} after {:?}: {end:?}", at.saturating_sub(since)));
            }
            if end.is_ok_and(|length| length == 0 || length % PART.len() != 0) {
                faults.push(format!("{target}: a part is missing"));
            }
        }
        for socket in self.sockets {
            let (at, closed) = socket.join().expect("a socket ends");
            if closed != Some(code) || at < since + least {
                faults.push(format!("a socket after {:?}: {closed:?}", at.saturating_sub(since)));
            }
        }
        assert!(
            faults.is_empty(),
            "{} of {}: {:#?}",
            faults.len(),
            self.count,
            &faults[..faults.len().min(20)]
        );
    }
}

/// A WebSocket that is quiet until it is closed: when, and with which code.
fn over_http1(router: &Router, began: Deadline) -> JoinHandle<(Duration, Option<u16>)> {
    let mut socket = Socket::open(router, "/chat", "");
    socket.assert_echo("hello");
    thread::spawn(move || {
        let code = socket.close_code();
        let at = began.elapsed();
        socket.send(&masked_frame(CLOSE, &code.unwrap_or_default().to_be_bytes()));
        (at, code)
    })
}

fn over_http2(
    connection: &Http2Client,
    router: &Router,
    began: Deadline,
) -> JoinHandle<(Duration, Option<u16>)> {
    let headers = [("sec-websocket-version", "13")];
    let opened = connection.open_socket(&router.host, "/chat", &headers);
    let mut exchange = opened.expect("a socket can be asked for");
    let (status, _, mut body) = exchange.head().expect("it is answered");
    assert_eq!(status, 200, "over HTTP/2");
    let (tell, told) = channel();
    spawn(async move {
        let read = read_body(&mut body, 4).await;
        // The client's side stays open up to here.
        let _ = tell.send((began.elapsed(), read.unwrap_or_default()));
        drop(exchange);
    });
    thread::spawn(move || {
        let (at, bytes) = told.recv_timeout(PATIENCE).expect("it ends");
        let frame = read_frame(&mut &bytes[..], &mut Vec::new());
        let code = frame.filter(|(opcode, payload)| *opcode == CLOSE && payload.len() == 2);
        (at, code.map(|(_, payload)| u16::from_be_bytes([payload[0], payload[1]])))
    })
}

#[test]
fn a_promote_cuts_no_stream_before_its_deadline_and_ends_all_properly_at_it() {
    let finish = Arc::new(AtomicBool::new(false));
    let settings = json!({ "drainseconds": 1, "drainmaxseconds": 6, "shielding": { "enabled": false } });
    let builder = router().workers(2).stable_on("v1", vec![site("v1", &finish)]);
    let builder = builder.candidate_on("v2", vec![site("v2", &finish)]).blend(0);
    let router = builder.key("rolling/hello/settings", &settings.to_string()).start();
    let open = Open::start(&router);
    let since = open.began.elapsed();
    router.api().post("promote", &json!({})).expect(200);
    finish.store(true, Ordering::SeqCst);
    let connections = open.connections.clone();
    let page = format!("GET / HTTP/1.1\r\nHost: {}\r\n\r\n", router.host);
    let asked = |when: &str| {
        for connection in &connections {
            let response = connection.exchange(&page);
            assert_eq!((response.status, response.header("x-release")), (200, Some("v2")), "{when}");
        }
    };
    asked("while the old release drains");
    open.assert_ended(since, Duration::from_secs(6), SERVICE_RESTART);
    asked("on the connections whose streams have ended");
    let left = |name: &str| router.api().metrics().sum(name, &[]);
    eventually("nothing is counted any more", || {
        left("rolling_open_sockets") + left("rolling_open_requests") < 0.5
    });
}

#[test]
fn an_upgrade_cuts_no_stream_before_its_deadline_and_ends_all_properly_at_it() {
    let finish = Arc::new(AtomicBool::new(false));
    let builder = router().workers(2).durable().stable_on("v1", vec![site("v1", &finish)]);
    let mut router = builder.limit("replaced_ms", 8_000).limit("shutdown_ms", 1_000).start();
    let open = Open::start(&router);
    let since = open.began.elapsed();
    router.upgrade();
    finish.store(true, Ordering::SeqCst);
    let page = format!("GET / HTTP/1.1\r\nHost: {}\r\n\r\n", router.host);
    assert_eq!(router.visitor().get("/").release, "v1", "a newcomer is served");
    for connection in &open.connections {
        eventually("the client is told to go on elsewhere", || connection.try_exchange(&page).is_err());
    }
    open.assert_ended(since, Duration::from_secs(8), GOING_AWAY);
    eventually("the first process has ended", || router.first_has_ended());
    assert_eq!(router.visitor().get("/").release, "v1", "the new process serves");
}
