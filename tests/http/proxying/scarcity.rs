//! Few buffers, and many who hold them: new requests are refused, transfers under way wait for a buffer, and everything goes on
//! when buffers are back. The router never takes more memory than it was given.

use std::io::{ErrorKind, Read, Write};
use std::net::TcpStream;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;
use support::clock::{Deadline, pause};
use support::{Endpoint, Peer, Router, eventually, router, serving};

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

/// Who holds a buffer may do so for 10 s while they run short. A new request is answered sooner.
const AT_ONCE: Duration = Duration::from_secs(5);

/// Whether a new request is answered 503.
fn is_refused(router: &Router) -> bool {
    let mut wire = router.connect().patience(AT_ONCE);
    wire.send(format!("GET / HTTP/1.1\r\nHost: {}\r\n\r\n", router.host));
    let status = wire.response("GET").status;
    assert!(matches!(status, 200 | 503), "{status}");
    status == 503
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

/// An endpoint that answers `/held` and `/large` when it is told, each for itself; how often it was asked for one of them.
fn gated(open: [&Arc<AtomicBool>; 2]) -> (Endpoint, Arc<AtomicUsize>) {
    let asked = Arc::new(AtomicUsize::new(0));
    let (heard, [held, sent]) = (Arc::clone(&asked), open.map(Arc::clone));
    let endpoint = serving(move |peer: &mut Peer| {
        while let Some(request) = peer.head() {
            let gate = match request.target().as_str() {
                "/held" => &held,
                "/large" => &sent,
                _ => {
                    peer.send("HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok");
                    continue;
                }
            };
            heard.fetch_add(1, Ordering::SeqCst);
            while !gate.load(Ordering::SeqCst) {
                pause(Duration::from_millis(5));
            }
            peer.send(format!("HTTP/1.1 200 OK\r\nContent-Length: {LARGE_BYTES}\r\n\r\n"));
            while peer.send(PIECE) {}
        }
    });
    (endpoint, asked)
}

/// They were let in while buffers were left, and then waited until somebody gave one back.
#[test]
fn who_was_let_in_before_the_last_buffer_went_is_refused_at_once() {
    let (held, sent) = (Arc::new(AtomicBool::new(false)), Arc::new(AtomicBool::new(false)));
    let (endpoint, asked) = gated([&held, &sent]);
    let router = router()
        .stable_on("v1", vec![endpoint])
        .workers(1)
        .limit("small_buffers_max", 8)
        .limit("large_buffers_max", 0)
        .start();
    let send = |request: String| {
        let mut wire = router.connect().patience(AT_ONCE);
        wire.send(request);
        wire
    };
    let host = &router.host;
    let mut answers = send(format!("GET /held HTTP/1.1\r\nHost: {host}\r\n\r\n"));
    let mut upload = send(format!("PUT /held HTTP/1.1\r\nHost: {host}\r\nContent-Length: 20000\r\n\r\n"));
    // Nobody of these reads, and more of them than there are buffers are answered at once.
    let takers: Vec<TcpStream> = (0..TAKERS).map(|_| ask(&router)).collect();
    eventually("all are at the endpoint", || asked.load(Ordering::SeqCst) == 2 + TAKERS);
    sent.store(true, Ordering::SeqCst);
    // For a while the kernel takes what they do not.
    eventually("no buffer is left, and none comes back", || {
        (0..20).all(|_| {
            pause(Duration::from_millis(20));
            is_refused(&router)
        })
    });
    upload.send([b'x'; 20_000]);
    assert_eq!(upload.response("PUT").status, 503);
    held.store(true, Ordering::SeqCst);
    assert_eq!(answers.response("GET").status, 503);
    let failures = router.api().metrics().sum("rolling_endpoint_failures_total", &[]);
    assert!(failures.abs() < 0.1, "the endpoint has not failed");
    drop(takers);
    eventually("buffers are back", || !is_refused(&router));
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
