//! Few buffers, and many who hold them: new requests are refused, transfers under way wait for a buffer, and everything goes on
//! when buffers are back. The router never takes more memory than it was given.

use std::io::{ErrorKind, Read, Write};
use std::net::TcpStream;
use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;
use support::clock::{Deadline, pause};
use support::{Peer, Router, eventually, router, serving};

/// More than the kernel holds of one response.
const LARGE_BYTES: usize = 16 << 20;
/// Takers that ask at once, after the first ones.
const TAKERS: usize = 20;
const TAKERS_MAX: usize = 200;
/// While buffers run short, a client that takes nothing for 10 s is cut. One that was not allowed to run for almost as long
/// cannot tell.
const PAUSE_MAX: Duration = Duration::from_secs(9);

static PIECE: [u8; 64 * 1024] = [b'x'; 64 * 1024];

fn large(peer: &mut Peer) {
    while let Some(request) = peer.request() {
        if request.target() != "/large" {
            peer.send("HTTP/1.1 200 OK\r\nX-Release: v1\r\nContent-Length: 2\r\n\r\nxx");
            continue;
        }
        peer.send(format!("HTTP/1.1 200 OK\r\nX-Release: v1\r\nContent-Length: {LARGE_BYTES}\r\n\r\n"));
        if !(0..LARGE_BYTES / PIECE.len()).all(|_| peer.send(PIECE)) {
            return;
        }
    }
}

/// Whether a new request is answered 503. One that was let in while the last buffer was left may have to wait for the takers,
/// so nobody waits for its answer.
fn is_refused(router: &Router) -> bool {
    let mut client = TcpStream::connect(router.front).expect("the front accepts");
    client.set_read_timeout(Some(Duration::from_millis(200))).expect("it takes a time-out");
    let head = format!("GET / HTTP/1.1\r\nHost: {}\r\n\r\n", router.host);
    client.write_all(head.as_bytes()).expect("it takes a request");
    let mut status = [0; 12];
    client.read_exact(&mut status).is_ok() && status == *b"HTTP/1.1 503"
}

fn ask(router: &Router) -> TcpStream {
    let socket = socket2::Socket::new(socket2::Domain::IPV4, socket2::Type::STREAM, None);
    let socket = socket.expect("a socket can be made");
    // On loopback a segment has 64 KiB, more than this client's buffer; nowhere else.
    socket.set_tcp_mss(1_400).expect("a segment can be small");
    socket.set_recv_buffer_size(16 * 1024).expect("its buffer can be small");
    socket.connect(&router.front.into()).expect("the front accepts");
    let mut client: TcpStream = socket.into();
    let head = format!("GET /large HTTP/1.1\r\nHost: {}\r\nConnection: close\r\n\r\n", router.host);
    client.write_all(head.as_bytes()).expect("it takes a request");
    client
}

/// What a client got.
#[derive(Debug)]
struct Taken {
    status: String,
    /// Of the body.
    bytes: usize,
    /// The longest time for which it took nothing that it could have taken.
    longest_pause: Duration,
    /// Its connection was reset.
    cut: bool,
}

/// Takes a response once `begun` is set.
fn take(mut client: TcpStream, begun: &AtomicBool) -> Taken {
    let (mut all, mut piece) = (Vec::new(), [0; 16 * 1024]);
    let (mut longest_pause, mut cut) = (Duration::ZERO, false);
    loop {
        let paused = Deadline::after(PAUSE_MAX);
        while !begun.load(Ordering::Relaxed) {
            pause(Duration::from_millis(3));
        }
        longest_pause = longest_pause.max(paused.elapsed());
        match client.read(&mut piece) {
            Ok(0) => break,
            Ok(read) => all.extend_from_slice(&piece[..read]),
            Err(error) => {
                assert_eq!(error.kind(), ErrorKind::ConnectionReset);
                cut = true;
                break;
            }
        }
    }
    let head = all.windows(4).position(|bytes| bytes == b"\r\n\r\n").map_or(all.len(), |end| end + 4);
    let status = String::from_utf8_lossy(all.get(9..12).unwrap_or_default()).into_owned();
    Taken { status, bytes: all.len() - head, longest_pause, cut }
}

#[test]
fn transfers_wait_for_a_buffer_and_new_requests_are_refused_meanwhile() {
    let router = router()
        .stable_on("v1", vec![serving(large)])
        .limit("small_buffers_max", 8)
        .limit("large_buffers_max", 0)
        .start();
    let (begun, taken) = (AtomicBool::new(false), Mutex::new(Vec::new()));
    let live = |client| {
        let took = take(client, &begun);
        taken.lock().expect("no taker fails").push(took);
    };
    std::thread::scope(|scope| {
        let live = &live;
        let enter = |client| drop(scope.spawn(move || live(client)));
        for _ in 0..4 {
            let first = ask(&router);
            first.peek(&mut [0]).expect("it is answered");
            enter(first);
        }
        (0..TAKERS).map(|_| ask(&router)).for_each(enter);
        let mut takers = 4 + TAKERS;
        eventually("no buffer is left", || {
            let refused = is_refused(&router);
            // While heads are read they take up buffers, so more takers may have been refused than had to be.
            if !refused && takers < TAKERS_MAX {
                takers += 1;
                enter(ask(&router));
            }
            refused
        });
        begun.store(true, Ordering::Relaxed);
    });
    let taken = taken.into_inner().expect("no taker failed");
    let whole = |taken: &&Taken| taken.status == "200" && taken.bytes == LARGE_BYTES;
    let paused = |taken: &&Taken| taken.cut && taken.longest_pause >= PAUSE_MAX;
    let refused = |taken: &&Taken| taken.status == "503" && !taken.cut;
    let odd = taken.iter().filter(|taken| !whole(taken) && !paused(taken) && !refused(taken));
    assert_eq!(odd.count(), 0, "{taken:?}");
    let held = taken.iter().filter(|taken| whole(taken) || paused(taken)).count();
    assert!(held >= 4, "{taken:?}");
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
    let taken = take(client, &AtomicBool::new(true));
    assert_eq!((taken.status.as_str(), taken.bytes), ("200", LARGE_BYTES), "{taken:?}");
    for (target, status) in [("/large", 200), ("/other", 408)] {
        let mut wire = router.connect();
        wire.send(format!("POST {target} HTTP/1.1\r\nHost: {}\r\nContent-Length: 4\r\n\r\nab", router.host));
        pause(Duration::from_millis(2_000));
        wire.send("cd");
        assert_eq!(wire.try_response("HEAD").map(|response| response.status).ok(), Some(status), "{target}");
    }
}
