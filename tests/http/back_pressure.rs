//! Back-pressure: who does not take bytes stops who sends them, by TCP alone, and costs the router one buffer.
//!
//! Bodies here are one [`PIECE`] after the other, so that every byte can be checked at its place without keeping any.
//! What a stalled transfer holds is mostly the kernel's: the socket buffers of two connections. The router's own part is
//! measured as memory of its process.
//!
//! Sizes are reduced by default; `tests/run --long` moves 1 GiB per case.

use std::io::{Read, Write};
use std::net::TcpStream;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::mpsc::{Receiver, Sender, channel};
use std::sync::{Arc, LazyLock, Mutex};
use std::thread;
use std::time::Duration;
use support::clock::{Deadline, pause};
use support::websocket::{BINARY, frame, upgrade};
use support::{Endpoint, Peer, Router, Wire, count, eventually, router, serving};

/// What bodies are made of: a WebSocket frame, so that the same bytes can go through a tunnel. Its length shares no
/// factor with the sizes of buffers.
static PIECE: LazyLock<Vec<u8>> = LazyLock::new(|| {
    let payload: Vec<u8> = (0..65_511_u32).map(|n| (n.wrapping_mul(2_654_435_761) >> 24) as u8).collect();
    frame(BINARY, &payload)
});

/// What the kernel's socket buffers of two connections may hold at most, with room to spare.
const KERNEL_BYTES_MAX: usize = 40 << 20;
/// What one stalled transfer may cost the router: a buffer of 256 KiB, and some for the allocator's rounding.
const ROUTER_BYTES_MAX: usize = 1 << 20;
/// What each of many stalled transfers may cost: a large buffer, and what is known of the exchange.
const EACH_BYTES_MAX: usize = 288 * 1024;

/// Pieces of a body that nobody could read: 4 TiB.
const ENDLESS: usize = 1 << 26;

/// How many pieces a large body has.
fn pieces() -> usize {
    (count(64, 1024) << 20) / PIECE.len()
}

/// How an endpoint marks the end of a body, or that it is a tunnel.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Shape {
    Length,
    Chunked,
    UntilClose,
    Tunnel,
}

/// An endpoint that answers `/N` with so many pieces, and how many of their bytes it got rid of. Stops counting and ends
/// the connection once nobody takes them.
fn source(shape: Shape) -> (Endpoint, Arc<AtomicUsize>) {
    let sent = Arc::new(AtomicUsize::new(0));
    let counter = Arc::clone(&sent);
    let endpoint = serving(move |peer| {
        while let Some(request) = peer.request() {
            let pieces = request.target()[1..].parse().expect("the target is a number of pieces");
            if !pour(peer, shape, pieces, &counter) || shape == Shape::UntilClose {
                return;
            }
        }
    });
    (endpoint, sent)
}

fn pour(peer: &mut Peer, shape: Shape, pieces: usize, sent: &AtomicUsize) -> bool {
    let accept = support::websocket::ACCEPT;
    let head = match shape {
        Shape::Length => format!("HTTP/1.1 200 OK\r\nContent-Length: {}\r\n\r\n", pieces * PIECE.len()),
        Shape::Chunked => "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n".to_owned(),
        Shape::UntilClose => "HTTP/1.1 200 OK\r\n\r\n".to_owned(),
        Shape::Tunnel => format!(
            "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\
             Sec-WebSocket-Accept: {accept}\r\n\r\n"
        ),
    };
    let one = match shape {
        Shape::Chunked => [format!("{:x}\r\n", PIECE.len()).as_bytes(), &PIECE, b"\r\n"].concat(),
        _ => PIECE.clone(),
    };
    let mut goes_on = peer.send(head);
    for _ in 0..pieces {
        goes_on = goes_on && peer.send(&one);
        if goes_on {
            sent.fetch_add(PIECE.len(), Ordering::SeqCst);
        }
    }
    goes_on && (shape != Shape::Chunked || peer.send("0\r\n\r\n"))
}

/// A client that takes a response as slowly as it is told, and checks every byte.
struct Taker {
    wire: Wire,
    chunked: bool,
    taken: usize,
}

impl Taker {
    fn ask(router: &Router, shape: Shape, pieces: usize) -> Self {
        let mut wire = router.connect();
        let target = format!("/{pieces}");
        wire.send(match shape {
            Shape::Tunnel => upgrade(&target, &router.host),
            _ => format!("GET {target} HTTP/1.1\r\nHost: {}\r\n\r\n", router.host),
        });
        Self { wire, chunked: false, taken: 0 }
    }

    /// Reads the head.
    fn begin(&mut self) {
        let head = String::from_utf8_lossy(&self.wire.read_until(b"\r\n\r\n")).to_ascii_lowercase();
        assert!(head.starts_with("http/1.1 200 ") || head.starts_with("http/1.1 101 "), "{head}");
        self.chunked = head.contains("transfer-encoding: chunked");
    }

    /// Takes at least `length` bytes of a body that is known to have them.
    fn take(&mut self, length: usize) {
        let wanted = self.taken + length;
        while self.taken < wanted {
            let size = if self.chunked { self.chunk_size() } else { (wanted - self.taken).min(64 * 1024) };
            assert!(size > 0, "the body ends after {} bytes", self.taken);
            let bytes = self.wire.read_exactly(size);
            assert!(is_at(&bytes, self.taken), "other bytes than were sent after {}", self.taken);
            self.taken += size;
            if self.chunked {
                assert_eq!(self.wire.read_exactly(2), b"\r\n");
            }
        }
    }

    /// Takes the end of a body, if it has a mark of its own.
    fn end(&mut self) {
        if self.chunked {
            assert_eq!(self.chunk_size(), 0);
            assert_eq!(self.wire.read_exactly(2), b"\r\n");
        }
    }

    fn chunk_size(&mut self) -> usize {
        let line = self.wire.read_until(b"\r\n");
        let digits = String::from_utf8_lossy(&line[..line.len() - 2]).into_owned();
        usize::from_str_radix(&digits, 16).unwrap_or_else(|_| panic!("chunk size {digits:?}"))
    }
}

/// Whether `bytes` are what a body has from position `at`.
fn is_at(mut bytes: &[u8], at: usize) -> bool {
    let mut offset = at % PIECE.len();
    while !bytes.is_empty() {
        let length = bytes.len().min(PIECE.len() - offset);
        if bytes[..length] != PIECE[offset..offset + length] {
            return false;
        }
        bytes = &bytes[length..];
        offset = 0;
    }
    true
}

/// Waits until `moved` stands still; how far it got.
fn stalled_at(moved: &AtomicUsize) -> usize {
    let mut last = moved.load(Ordering::SeqCst);
    let mut since = Deadline::after(Duration::from_millis(500));
    loop {
        pause(Duration::from_millis(20));
        let now = moved.load(Ordering::SeqCst);
        if now != last {
            (last, since) = (now, Deadline::after(Duration::from_millis(500)));
        } else if now > 0 && since.passed() {
            return now;
        }
    }
}

/// Waits until `moved` has come to `end`, however long that takes as long as it moves.
fn moves_on_to(end: usize, moved: &AtomicUsize) {
    let mut last = moved.load(Ordering::SeqCst);
    while last < end {
        eventually("more is sent", || moved.load(Ordering::SeqCst) != last);
        last = moved.load(Ordering::SeqCst);
    }
}

/// The router's memory after one quick transfer of each kind that follows, so that what is measured is not what a first
/// time costs.
fn warmed_up(router: &Router, shape: Shape, sent: &AtomicUsize) -> usize {
    for _ in 0..2 {
        let mut taker = Taker::ask(router, shape, 64);
        taker.begin();
        taker.take(64 * PIECE.len());
        taker.end();
    }
    // The endpoint counts a piece after it is gone, which the client may see earlier.
    eventually("all pieces are counted", || sent.load(Ordering::SeqCst) == 2 * 64 * PIECE.len());
    sent.store(0, Ordering::SeqCst);
    router.process().memory_bytes()
}

fn a_reader_that_stops_stops_the_endpoint(shape: Shape) {
    let (endpoint, sent) = source(shape);
    let router = router().stable_on("v1", vec![endpoint]).start();
    let before = warmed_up(&router, shape, &sent);
    let mut taker = Taker::ask(&router, shape, pieces());
    let mut most = 0;
    let mut stalled = || {
        let stalled = stalled_at(&sent);
        most = router.process().memory_bytes().saturating_sub(before).max(most);
        stalled
    };
    let ahead = stalled();
    assert!(ahead < KERNEL_BYTES_MAX, "{ahead} bytes were taken for a client that reads nothing");
    taker.begin();
    for _ in 0..4 {
        // A little at a time: the endpoint may go on as far as the client did, give or take a socket's buffer.
        taker.take(3 << 20);
        let ahead = stalled().saturating_sub(taker.taken);
        assert!(ahead < KERNEL_BYTES_MAX, "{ahead} bytes ahead of the client");
    }
    taker.take(pieces() * PIECE.len() - taker.taken);
    taker.end();
    eventually("all pieces are counted", || sent.load(Ordering::SeqCst) == pieces() * PIECE.len());
    assert!(most < ROUTER_BYTES_MAX, "one stalled response costs the router {most} bytes");
}

#[test]
fn a_reader_that_stops_stops_the_endpoint_by_length() {
    a_reader_that_stops_stops_the_endpoint(Shape::Length);
}

#[test]
fn a_reader_that_stops_stops_the_endpoint_in_chunks() {
    a_reader_that_stops_stops_the_endpoint(Shape::Chunked);
}

#[test]
fn a_reader_that_stops_stops_the_endpoint_until_close() {
    a_reader_that_stops_stops_the_endpoint(Shape::UntilClose);
}

#[test]
fn a_reader_that_stops_stops_the_endpoint_in_a_tunnel() {
    a_reader_that_stops_stops_the_endpoint(Shape::Tunnel);
}

#[test]
fn a_reader_that_leaves_ends_an_endless_response() {
    for shape in [Shape::Length, Shape::Chunked, Shape::UntilClose, Shape::Tunnel] {
        let (endpoint, sent) = source(shape);
        let router = router().stable_on("v1", vec![endpoint]).start();
        warmed_up(&router, shape, &sent);
        let descriptors = router.process().descriptors();
        let mut taker = Taker::ask(&router, shape, ENDLESS);
        taker.begin();
        taker.take(4 << 20);
        drop(taker);
        // The endpoint's connection is closed, since nothing else could end what it says.
        eventually("the endpoint notices", || router.process().descriptors() <= descriptors);
        let ended = stalled_at(&sent);
        assert!(ended < (4 << 20) + KERNEL_BYTES_MAX, "{shape:?}: {ended} bytes");
        eventually("nothing is in flight", || {
            let metrics = router.api().metrics();
            let open = metrics.sum("rolling_open_requests", &[]) + metrics.sum("rolling_open_sockets", &[]);
            open.abs() < f64::EPSILON
        });
    }
}

#[test]
fn many_stalled_responses_cost_a_buffer_each_and_give_it_back() {
    let clients = count(40, 200);
    let (endpoint, sent) = source(Shape::Length);
    let router = router().stable_on("v1", vec![endpoint]).start();
    let before = warmed_up(&router, Shape::Length, &sent);
    let mut takers: Vec<Taker> = (0..clients).map(|_| Taker::ask(&router, Shape::Length, ENDLESS)).collect();
    stalled_at(&sent);
    let grown = router.process().memory_bytes().saturating_sub(before);
    assert!(grown < clients * EACH_BYTES_MAX, "{clients} stalled responses cost {grown} bytes");
    takers.iter_mut().for_each(Taker::begin);
    drop(takers);
    eventually("the buffers are given back", || {
        router.process().memory_bytes() < before + ROUTER_BYTES_MAX + grown / 8
    });
}

/// An endpoint that reads a request's head, then of its body so much as it is told (in bytes; 0 is the rest), and says how
/// much of it was right.
fn sink() -> (Endpoint, Sender<usize>) {
    let (go, told) = channel();
    let told = Mutex::new(told);
    let endpoint = serving(move |peer| {
        while let Some(request) = peer.head() {
            let told = told.lock().unwrap_or_else(|poisoned| poisoned.into_inner());
            let chunked = request.header("transfer-encoding").is_some();
            let length = request.header("content-length").and_then(|value| value.parse().ok());
            let right = swallow(peer, &told, chunked, length);
            if !peer.send(format!("HTTP/1.1 200 OK\r\nX-Right: {right}\r\nContent-Length: 0\r\n\r\n")) {
                return;
            }
        }
    });
    (endpoint, go)
}

fn swallow(peer: &mut Peer, told: &Receiver<usize>, chunked: bool, length: Option<usize>) -> usize {
    let mut body = Body { ahead: peer.ahead(), stream: peer.stream(), chunked, left: 0, right: 0 };
    if !chunked {
        body.left = length.expect("a length, if no chunks");
    }
    while let Ok(bytes) = told.recv() {
        let wanted = if bytes == 0 { usize::MAX } else { body.right + bytes };
        while body.right < wanted {
            if !body.step() {
                return body.right;
            }
        }
    }
    body.right
}

/// A request's body as an endpoint reads it, in steps.
struct Body<'a> {
    ahead: Vec<u8>,
    stream: &'a mut TcpStream,
    chunked: bool,
    /// What is left of the chunk, or of the body if it has a length.
    left: usize,
    right: usize,
}

impl Body<'_> {
    /// Reads some; `false` at the end, or when it is not what was sent.
    fn step(&mut self) -> bool {
        if self.left == 0 && !(self.chunked && self.next_chunk()) {
            return false;
        }
        if self.ahead.is_empty() && !self.fill() {
            return false;
        }
        let length = self.left.min(self.ahead.len());
        let right = is_at(&self.ahead[..length], self.right);
        self.ahead.drain(..length);
        self.left -= length;
        self.right += length;
        right
    }

    /// Reads the line before a chunk, and the end of the one before; `false` after the last.
    fn next_chunk(&mut self) -> bool {
        let mut line = Vec::new();
        while !line.ends_with(b"\r\n") || line.len() == 2 {
            if self.ahead.is_empty() && !self.fill() {
                return false;
            }
            line.push(self.ahead.remove(0));
        }
        let digits = String::from_utf8_lossy(&line).trim().to_owned();
        self.left = usize::from_str_radix(&digits, 16).unwrap_or_else(|_| panic!("chunk size {digits:?}"));
        while self.left == 0 && self.ahead.len() < 2 && self.fill() {}
        self.left > 0
    }

    fn fill(&mut self) -> bool {
        let mut buffer = [0; 16 * 1024];
        let read = self.stream.read(&mut buffer).unwrap_or(0);
        self.ahead.extend_from_slice(&buffer[..read]);
        read > 0
    }
}

/// Sends an upload in a thread of its own; the connection, and how many bytes of pieces went.
fn upload(router: &Router, chunked: bool, pieces: usize) -> (Wire, Arc<AtomicUsize>) {
    let mut wire = router.connect();
    let framing = match chunked {
        true => "Transfer-Encoding: chunked".to_owned(),
        false => format!("Content-Length: {}", pieces * PIECE.len()),
    };
    wire.send(format!("POST / HTTP/1.1\r\nHost: {}\r\n{framing}\r\n\r\n", router.host));
    let sent = Arc::new(AtomicUsize::new(0));
    let counter = Arc::clone(&sent);
    let mut stream = wire.stream().try_clone().expect("a socket can be shared");
    stream.set_write_timeout(None).expect("a time-out can be taken away");
    thread::spawn(move || {
        let one = match chunked {
            true => [format!("{:x}\r\n", PIECE.len()).as_bytes(), &PIECE, b"\r\n"].concat(),
            false => PIECE.clone(),
        };
        for _ in 0..pieces {
            if stream.write_all(&one).is_err() {
                return;
            }
            counter.fetch_add(PIECE.len(), Ordering::SeqCst);
        }
        let _ = if chunked { stream.write_all(b"0\r\n\r\n") } else { Ok(()) };
    });
    (wire, sent)
}

fn an_endpoint_that_stops_stops_the_client(chunked: bool) {
    let (endpoint, go) = sink();
    let router = router().stable_on("v1", vec![endpoint]).start();
    for _ in 0..2 {
        go.send(0).expect("the endpoint runs");
        let (mut wire, _) = upload(&router, chunked, 64);
        assert_eq!(wire.response("POST").header("x-right"), Some((64 * PIECE.len()).to_string().as_str()));
    }
    let before = router.process().memory_bytes();
    let (mut wire, sent) = upload(&router, chunked, pieces());
    let (mut most, mut taken) = (0, 0);
    for _ in 0..5 {
        let ahead = stalled_at(&sent).saturating_sub(taken);
        assert!(ahead < KERNEL_BYTES_MAX, "{ahead} bytes ahead of the endpoint");
        most = router.process().memory_bytes().saturating_sub(before).max(most);
        go.send(3 << 20).expect("the endpoint runs");
        taken += 3 << 20;
    }
    go.send(0).expect("the endpoint runs");
    let whole = pieces() * PIECE.len();
    moves_on_to(whole, &sent);
    assert_eq!(wire.response("POST").header("x-right"), Some(whole.to_string().as_str()));
    assert!(most < ROUTER_BYTES_MAX, "one stalled upload costs the router {most} bytes");
}

#[test]
fn an_endpoint_that_stops_stops_the_client_by_length() {
    an_endpoint_that_stops_stops_the_client(false);
}

#[test]
fn an_endpoint_that_stops_stops_the_client_in_chunks() {
    an_endpoint_that_stops_stops_the_client(true);
}
