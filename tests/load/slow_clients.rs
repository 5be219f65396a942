//! Thousands of slow clients, and a good one beside them. Each of the slow is cut by the deadline that is named for it, and
//! counted; while they last they cost the router little memory, and afterwards none; the good one never notices.
//!
//! 900 slow clients by default; `tests/run --long` opens 9,000. All of them and their endpoint live in one thread of this
//! process. How much slower the good client is served is printed here (`--nocapture`) and measured by
//! `benches/slow_clients.py`: a machine that compiles beside a test has no latency worth asserting.

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::rc::Rc;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::channel;
use std::thread::{self, JoinHandle};
use std::time::Duration;
use support::clock::{Deadline, PATIENCE, pause, within};
use support::process::own;
use support::router::id;
use support::{Router, count, eventually, router};
use tokio::io::{AsyncReadExt, AsyncWriteExt, Interest};
use tokio::net::{TcpListener, TcpSocket, TcpStream};
use tokio::sync::Semaphore;
use tokio::sync::mpsc::Sender;
use tokio::task::{JoinSet, LocalSet};
use tokio::time::{sleep, timeout};

/// A response that fits no client's receive buffer.
const LARGE_BYTES: usize = 1 << 20;
/// What a slow client may cost beside the buffers on loan.
const EACH_BYTES_MAX: usize = 16 * 1024;
/// Large buffers that the router may lend here, so that the bound on memory is about the clients.
const LARGE_BUFFERS: u64 = 32;
/// A large buffer with its head- and tailroom.
const LARGE_BUFFER_BYTES: usize = 259 * 1024;
/// How often a slow client moves a byte.
const TICK: Duration = Duration::from_millis(700);
/// Connections that are being opened at a time, so that a listener's queue never overflows.
const OPENING_MAX: usize = 200;

/// The ways to be slow.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Slow {
    /// A header line that never ends.
    Head,
    /// A body that never ends.
    Body,
    /// A response that is never read.
    Reader,
    /// A request, and never another one.
    Idle,
    /// Not even a request.
    Silent,
}

const WAYS: [Slow; 5] = [Slow::Head, Slow::Body, Slow::Reader, Slow::Idle, Slow::Silent];

impl Slow {
    /// The limit that cuts it, as its metric names it.
    fn limit(self) -> &'static str {
        match self {
            Self::Head => "header_time",
            Self::Body | Self::Reader => "body_rate",
            Self::Idle | Self::Silent => "idle_time",
        }
    }
}

/// How a slow client's connection ended.
#[derive(Clone, Debug)]
struct ClientEnd {
    way: Slow,
    /// How long it lasted.
    after: Duration,
    /// The status line it was sent off with; empty if none.
    said: String,
}

/// How long each deadline is: long enough for all clients to be there at once.
fn deadline() -> Duration {
    Duration::from_millis(5_000 + clients() as u64)
}

/// How many clients this process has the descriptors for: one for each, and one more for the endpoint of three in five.
fn clients() -> usize {
    count(900, 9_000).min(own().descriptors_max().saturating_sub(500) * 3 / 5)
}

async fn live(front: SocketAddr, way: Slow, opening: &Semaphore) -> std::io::Result<ClientEnd> {
    let permit = opening.acquire().await.expect("it is never closed");
    let socket = TcpSocket::new_v4()?;
    if way == Slow::Reader {
        // On loopback a segment has 64 KiB, and the kernel lets a sender have 2 MiB under way; nowhere else.
        socket2::SockRef::from(&socket).set_tcp_mss(1_400)?;
        socket.set_recv_buffer_size(4 * 1024)?;
    }
    // The router counts from when it accepts, which may be before this side hears of it.
    let since = Deadline::after(Duration::ZERO);
    let stream = socket.connect(front).await?;
    drop(permit);
    let said = match way {
        Slow::Head => trickle(stream, "GET / HTTP/1.1\r\nHost: shop\r\nX-Slow: ").await?,
        Slow::Body => {
            trickle(stream, "POST / HTTP/1.1\r\nHost: shop\r\nContent-Length: 1000000\r\n\r\n").await?
        }
        Slow::Reader => sip(stream).await?,
        Slow::Idle => rest(stream, "GET / HTTP/1.1\r\nHost: shop\r\n\r\n").await?,
        Slow::Silent => rest(stream, "").await?,
    };
    Ok(ClientEnd { way, after: since.elapsed(), said })
}

/// Sends a byte now and then until the router ends it; what it said.
async fn trickle(mut stream: TcpStream, start: &str) -> std::io::Result<String> {
    stream.write_all(start.as_bytes()).await?;
    let mut said = Vec::new();
    loop {
        match timeout(TICK, stream.read_buf(&mut said)).await {
            Ok(Ok(read)) if read > 0 => {}
            Ok(_) => return Ok(first_line(&said)),
            // Refused after the router has closed: what it said is still there to be read.
            Err(_) => drop(stream.write_all(b"x").await),
        }
    }
}

/// Asks for much and takes a byte now and then. What it is sent is the beginning of a 200; nothing is said at the end.
async fn sip(mut stream: TcpStream) -> std::io::Result<String> {
    stream.write_all(b"GET /large HTTP/1.1\r\nHost: shop\r\n\r\n").await?;
    loop {
        sleep(TICK).await;
        let state = stream.ready(Interest::READABLE | Interest::ERROR).await?;
        let read = stream.try_read(&mut [0; 1]);
        if state.is_read_closed() || state.is_error() || matches!(read, Ok(0)) {
            return Ok(String::new());
        }
    }
}

/// Does nothing more after a first request, if that; what it was sent beside the answer to it.
async fn rest(mut stream: TcpStream, request: &str) -> std::io::Result<String> {
    stream.write_all(request.as_bytes()).await?;
    let mut said = Vec::new();
    while matches!(stream.read_buf(&mut said).await, Ok(read) if read > 0) {}
    match request.is_empty() {
        true => Ok(first_line(&said)),
        false => {
            assert!(said.starts_with(b"HTTP/1.1 200 ") && said.ends_with(b"\r\n\r\nok"), "{said:?}");
            Ok(String::new())
        }
    }
}

fn first_line(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).lines().next().unwrap_or_default().to_owned()
}

/// An endpoint for all of them: large answers to those who ask, none to a body that does not end.
async fn endpoint(listener: TcpListener) {
    let large =
        format!("HTTP/1.1 200 OK\r\nContent-Length: {LARGE_BYTES}\r\n\r\n{}", "x".repeat(LARGE_BYTES));
    let large: Rc<[u8]> = large.into_bytes().into();
    while let Ok((stream, _)) = listener.accept().await {
        tokio::task::spawn_local(answer(stream, Rc::clone(&large)));
    }
}

async fn answer(mut stream: TcpStream, large: Rc<[u8]>) {
    // The kernel's memory is not what this is about: with small buffers 9,000 transfers need little of it.
    let _ = socket2::SockRef::from(&stream).set_send_buffer_size(16 * 1024);
    let mut request = Vec::with_capacity(1024);
    while matches!(stream.read_buf(&mut request).await, Ok(read) if read > 0) {
        if request.starts_with(b"POST") {
            request.clear();
            request.extend_from_slice(b"POST");
        } else if request.ends_with(b"\r\n\r\n") {
            let small: &[u8] = b"HTTP/1.1 200 OK\r\nX-Release: v1\r\nContent-Length: 2\r\n\r\nok";
            let answer = if request.starts_with(b"GET /large ") { &large } else { small };
            if stream.write_all(answer).await.is_err() {
                return;
            }
            request.clear();
        }
    }
}

/// The endpoint and the slow clients, in a thread of their own. The endpoint outlives the clients, until this is dropped.
struct Crowd {
    endpoint: SocketAddr,
    go: Sender<SocketAddr>,
    ended: std::sync::mpsc::Receiver<Vec<ClientEnd>>,
}

impl Crowd {
    /// Starts the endpoint; the clients come once they are told where to.
    fn new(clients: usize) -> Self {
        let (tell, heard) = channel();
        let (go, mut told) = tokio::sync::mpsc::channel(1);
        let (report, ended) = channel();
        thread::spawn(move || {
            let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
            LocalSet::new().block_on(&runtime.expect("a runtime can be made"), async {
                let listener = listen().expect("some port is free");
                tell.send(listener.local_addr().expect("it has an address")).expect("somebody waits");
                tokio::task::spawn_local(endpoint(listener));
                while let Some(front) = told.recv().await {
                    let _ = report.send(crowd(front, clients).await);
                }
            });
        });
        Self { endpoint: heard.recv().expect("the endpoint starts"), go, ended }
    }
}

/// A listener whose queue holds all connections that are being opened, since this thread is busy with clients too.
fn listen() -> std::io::Result<TcpListener> {
    let socket = TcpSocket::new_v4()?;
    socket.bind(SocketAddr::from(([127, 0, 0, 1], 0)))?;
    socket.listen(4_096)
}

async fn crowd(front: SocketAddr, clients: usize) -> Vec<ClientEnd> {
    let (opening, mut lives) = (Rc::new(Semaphore::new(OPENING_MAX)), JoinSet::new());
    for way in WAYS.into_iter().cycle().take(clients) {
        let opening = Rc::clone(&opening);
        lives.spawn_local(async move { live(front, way, &opening).await });
    }
    let ended = lives.join_all().await;
    ended.into_iter().map(|life| life.expect("a slow client connects and is answered")).collect()
}

/// The good client: asks and asks, and notes how long each answer took.
struct Good {
    over: Arc<AtomicBool>,
    thread: JoinHandle<Vec<Duration>>,
}

impl Good {
    fn start(router: &Router) -> Self {
        let over = Arc::new(AtomicBool::new(false));
        let (mut visitor, told) = (router.visitor(), Arc::clone(&over));
        let thread = thread::spawn(move || {
            let mut took = Vec::new();
            while !told.load(Ordering::SeqCst) {
                let since = Deadline::after(Duration::ZERO);
                visitor.get("/");
                took.push(since.elapsed());
                pause(Duration::from_millis(1));
            }
            assert_eq!(visitor.connects, 1, "its connection was closed");
            took
        });
        Self { over, thread }
    }

    fn stop(self) -> Vec<Duration> {
        self.over.store(true, Ordering::SeqCst);
        let mut took = self.thread.join().expect("the good client is always served");
        took.sort();
        took
    }
}

fn told(took: &[Duration]) -> String {
    let at = |quantile: usize| took[(took.len() * quantile / 1000).min(took.len() - 1)].as_micros();
    format!("{} requests, p50 {} us, p99 {} us, max {} us", took.len(), at(500), at(990), at(1000))
}

/// What the router held while the crowd was there.
#[derive(Default)]
struct Peak {
    connections: usize,
    memory: usize,
}

fn watch(router: &Router, crowd: &Crowd) -> (Peak, Vec<ClientEnd>) {
    let (mut peak, patience) = (Peak::default(), Deadline::after(deadline() * 3 + PATIENCE));
    while !patience.passed() {
        if let Ok(ended) = crowd.ended.try_recv() {
            return (peak, ended);
        }
        peak.memory = peak.memory.max(router.process().memory_bytes());
        #[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "a small count")]
        let open = router.api().metrics().sum("rolling_connections_open", &[]) as usize;
        peak.connections = peak.connections.max(open);
        pause(Duration::from_millis(100));
    }
    panic!("some slow clients were not cut: {:?}", hits(router));
}

/// How often each limit was hit.
fn hits(router: &Router) -> BTreeMap<String, usize> {
    let metrics = router.api().metrics();
    let samples = metrics.samples.iter().filter(|sample| sample.name == "rolling_limits_hit_total");
    let mut hits = BTreeMap::new();
    for sample in samples.filter(|sample| sample.value > 0.0) {
        let (_, limit) = sample.labels.first().expect("it says which limit");
        #[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "a small count")]
        hits.insert(limit.clone(), sample.value as usize);
    }
    hits
}

#[test]
fn slow_clients_are_cut_and_a_good_one_is_served() {
    let (clients, deadline_ms) = (clients(), u64::try_from(deadline().as_millis()).expect("it is short"));
    let crowd = Crowd::new(clients);
    let router = router()
        .key("rolling/hello/stable/id", &id("v1"))
        .key(&format!("{}/c1", id("v1")), &crowd.endpoint.to_string())
        .limit("header_ms", deadline_ms)
        .limit("body_grace_ms", deadline_ms)
        .limit("idle_ms", deadline_ms)
        .limit("large_buffers_max", LARGE_BUFFERS)
        .limit("upstream_idle_ms", 1_000)
        .start();
    let alone = Good::start(&router);
    pause(Duration::from_secs(1));
    let alone = alone.stop();
    let (before, descriptors) = (router.process().memory_bytes(), router.process().descriptors());

    let good = Good::start(&router);
    crowd.go.blocking_send(router.front).expect("the crowd waits for this");
    let (peak, ended) = watch(&router, &crowd);
    let beside = good.stop();

    let grown = peak.memory.saturating_sub(before);
    println!("{clients} slow clients, at most {} open at once", peak.connections);
    println!("memory: {} KiB before, {} KiB more with them", before / 1024, grown / 1024);
    println!("the good client alone: {}", told(&alone));
    println!("the good client beside them: {}", told(&beside));

    assert!(peak.connections > clients / 2, "they were to be there at the same time");
    let pool = usize::try_from(LARGE_BUFFERS).expect("it is small") * LARGE_BUFFER_BYTES;
    assert!(
        grown < peak.connections * EACH_BYTES_MAX + pool,
        "{grown} bytes for {} clients",
        peak.connections
    );
    assert_cut(&ended, &hits(&router));
    let process = router.process();
    eventually("descriptors are given back", || process.descriptors() <= descriptors + 2);
    let returned = within(PATIENCE, || process.memory_bytes() < before + grown / 4 + (1 << 20));
    let kept = process.memory_bytes().saturating_sub(before);
    println!("memory afterwards: {} KiB more than before", kept / 1024);
    assert!(returned, "{kept} bytes of {grown} are not given back");
}

/// Nobody was cut early, everybody was told what a client can be told, and all were counted under the limit they hit.
fn assert_cut(ended: &[ClientEnd], hits: &BTreeMap<String, usize>) {
    let mut wanted: BTreeMap<String, usize> = BTreeMap::new();
    for life in ended {
        *wanted.entry(life.way.limit().to_owned()).or_default() += 1;
        assert!(life.after + Duration::from_millis(500) > deadline(), "cut early: {life:?}");
        let allowed = match life.way {
            Slow::Head | Slow::Body => life.said.is_empty() || life.said.starts_with("HTTP/1.1 408 "),
            Slow::Reader | Slow::Idle | Slow::Silent => life.said.is_empty(),
        };
        assert!(allowed, "{life:?}");
    }
    assert_eq!(*hits, wanted, "every limit is counted once for each client it cut");
}
