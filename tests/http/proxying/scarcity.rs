//! Few buffers, and many who hold them: new requests are refused, transfers under way wait for a buffer, and everything goes on
//! when buffers are back. The router never takes more memory than it was given.

use std::io::{Read, Write};
use std::net::TcpStream;
use std::time::Duration;
use support::clock::pause;
use support::{Peer, Router, eventually, router, serving};

/// More than the kernel holds of one response.
const LARGE_BYTES: usize = 16 << 20;
const TAKERS: usize = 24;

fn large(peer: &mut Peer) {
    while let Some(request) = peer.request() {
        let length = if request.target() == "/large" { LARGE_BYTES } else { 2 };
        peer.send(format!("HTTP/1.1 200 OK\r\nX-Release: v1\r\nContent-Length: {length}\r\n\r\n"));
        if !peer.send(vec![b'x'; length]) {
            return;
        }
    }
}

fn ask(router: &Router) -> TcpStream {
    let socket = socket2::Socket::new(socket2::Domain::IPV4, socket2::Type::STREAM, None);
    let socket = socket.expect("a socket can be made");
    socket.set_recv_buffer_size(16 * 1024).expect("its buffer can be small");
    socket.connect(&router.front.into()).expect("the front accepts");
    let mut client: TcpStream = socket.into();
    let head = format!("GET /large HTTP/1.1\r\nHost: {}\r\nConnection: close\r\n\r\n", router.host);
    client.write_all(head.as_bytes()).expect("it takes a request");
    client
}

/// The status, and how many bytes came after the head.
fn take(mut client: TcpStream) -> (String, usize) {
    let mut all = Vec::new();
    client.read_to_end(&mut all).expect("it ends in order");
    let head = all.windows(4).position(|bytes| bytes == b"\r\n\r\n").expect("a head") + 4;
    (String::from_utf8_lossy(&all[9..12]).into_owned(), all.len() - head)
}

#[test]
fn transfers_wait_for_a_buffer_and_new_requests_are_refused_meanwhile() {
    let router = router()
        .stable_on("v1", vec![serving(large)])
        .limit("small_buffers_max", 8)
        .limit("large_buffers_max", 0)
        .start();
    let mut takers: Vec<TcpStream> = (0..4).map(|_| ask(&router)).collect();
    pause(Duration::from_millis(300));
    takers.extend((4..TAKERS).map(|_| ask(&router)));
    eventually("no buffer is left", || {
        router.visitor().try_get("/").is_ok_and(|visit| visit.response.status == 503)
    });
    let taken: Vec<(String, usize)> = std::thread::scope(|scope| {
        let threads: Vec<_> = takers.into_iter().map(|taker| scope.spawn(|| take(taker))).collect();
        threads.into_iter().map(|thread| thread.join().expect("each is answered")).collect()
    });
    let whole = taken.iter().filter(|(status, bytes)| status == "200" && *bytes == LARGE_BYTES).count();
    let refused = taken.iter().filter(|(status, _)| status == "503").count();
    assert_eq!(whole + refused, TAKERS, "{taken:?}");
    assert!(whole >= 4, "{taken:?}");
    router.visitor().get("/");
}

/// A stopped `curl` was reset after 25 s, and an upload that paused for as long was answered 408.
#[test]
fn an_app_says_for_how_long_its_clients_may_pause() {
    let router = router()
        .stable_on("v1", vec![serving(large)])
        .limit("body_grace_ms", 700)
        .key("rolling/hello/settings", r#"{"timeouts": {"paths": ["/large;body_grace_ms=60000"]}}"#)
        .start();
    let client = ask(&router);
    pause(Duration::from_millis(2_500));
    let (status, bytes) = take(client);
    assert_eq!((status.as_str(), bytes), ("200", LARGE_BYTES));
    for (target, status) in [("/large", 200), ("/other", 408)] {
        let mut wire = router.connect();
        wire.send(format!("POST {target} HTTP/1.1\r\nHost: {}\r\nContent-Length: 4\r\n\r\nab", router.host));
        pause(Duration::from_millis(2_000));
        wire.send("cd");
        assert_eq!(wire.try_response("HEAD").map(|response| response.status).ok(), Some(status), "{target}");
    }
}
