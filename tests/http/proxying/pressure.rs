//! Back-pressure: a reader that does not read costs buffers of a fixed size, not the whole body.

use std::io::{Read, Write};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;
use support::clock::{Deadline, pause};
use support::{count, router, serving};

static PIECE: [u8; 64 * 1024] = [b'x'; 64 * 1024];

/// What the kernel's socket buffers of two connections may hold at most, with room to spare; the rest is the router's.
const KERNEL_BYTES_MAX: usize = 40 << 20;

/// What one stalled transfer may cost the router itself.
const ROUTER_BYTES_MAX: usize = 4 << 20;

fn total() -> usize {
    count(128, 1024) << 20
}

/// Waits until `moved` stands still; how far it got.
fn stalled_at(moved: &AtomicUsize) -> usize {
    let mut last = moved.load(Ordering::SeqCst);
    let mut since = Deadline::after(Duration::from_millis(400));
    loop {
        pause(Duration::from_millis(20));
        let now = moved.load(Ordering::SeqCst);
        if now != last {
            (last, since) = (now, Deadline::after(Duration::from_millis(400)));
        } else if now > 0 && since.passed() {
            return now;
        }
    }
}

#[test]
fn a_client_that_does_not_read_stops_the_endpoint() {
    let sent = Arc::new(AtomicUsize::new(0));
    let counter = Arc::clone(&sent);
    let endpoint = serving(move |peer| {
        if peer.request().is_none() {
            return;
        }
        peer.send(format!("HTTP/1.1 200 OK\r\nContent-Length: {}\r\n\r\n", total()));
        while counter.load(Ordering::SeqCst) < total() && peer.send(PIECE) {
            counter.fetch_add(PIECE.len(), Ordering::SeqCst);
        }
    });
    let router = router().stable_on("v1", vec![endpoint]).start();
    router.readiness();
    let before = router.process().memory_bytes();
    let mut wire = router.connect();
    wire.send(format!("GET / HTTP/1.1\r\nHost: {}\r\n\r\n", router.host));
    let stalled = stalled_at(&sent);
    assert!(stalled < KERNEL_BYTES_MAX, "{stalled} bytes were taken for a client that reads nothing");
    let grown = router.process().memory_bytes().saturating_sub(before);
    assert!(grown < ROUTER_BYTES_MAX, "one stalled response costs {grown} bytes");
    wire.read_until(b"\r\n\r\n");
    assert_eq!(read_all(&mut wire), total(), "once the client reads, everything comes");
}

fn read_all(wire: &mut support::Wire) -> usize {
    let already = wire.take_ahead().len();
    let mut buffer = vec![0; 256 * 1024];
    let mut read = already;
    while read < total() {
        match wire.stream().read(&mut buffer) {
            Ok(n) if n > 0 => read += n,
            _ => break,
        }
    }
    read
}

#[test]
fn an_endpoint_that_does_not_read_stops_the_client() {
    let (go, told) = std::sync::mpsc::channel::<()>();
    let told = std::sync::Mutex::new(told);
    let endpoint = serving(move |peer| {
        let Some(mut request) = peer.head() else { return };
        let _ = told.lock().expect("nobody else waits").recv();
        peer.body(&mut request);
        let complete = request.complete && request.body.len() == total();
        peer.send(format!("HTTP/1.1 200 OK\r\nX-Complete: {complete}\r\nContent-Length: 0\r\n\r\n"));
    });
    let router = router().stable_on("v1", vec![endpoint]).start();
    router.readiness();
    let before = router.process().memory_bytes();
    let mut wire = router.connect();
    wire.send(format!("POST / HTTP/1.1\r\nHost: {}\r\nContent-Length: {}\r\n\r\n", router.host, total()));
    let sent = Arc::new(AtomicUsize::new(0));
    let (counter, mut stream) =
        (Arc::clone(&sent), wire.stream().try_clone().expect("a socket can be shared"));
    let sender = std::thread::spawn(move || {
        while counter.load(Ordering::SeqCst) < total() && stream.write_all(&PIECE).is_ok() {
            counter.fetch_add(PIECE.len(), Ordering::SeqCst);
        }
    });
    let stalled = stalled_at(&sent);
    assert!(stalled < KERNEL_BYTES_MAX, "{stalled} bytes were taken for an endpoint that reads nothing");
    let grown = router.process().memory_bytes().saturating_sub(before);
    assert!(grown < ROUTER_BYTES_MAX, "one stalled upload costs {grown} bytes");
    go.send(()).expect("the endpoint waits for this");
    sender.join().expect("everything can be sent");
    assert_eq!(wire.response("POST").header("x-complete"), Some("true"));
}
