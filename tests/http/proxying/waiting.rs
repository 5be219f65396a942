//! Clients that leave before anything was asked of an endpoint, while their request waits for room there or for a connection: no
//! endpoint works for them, and whoever waits behind them has their place.

use std::io::{ErrorKind, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;
use support::clock::{Deadline, pause};
use support::router::id;
use support::{Endpoint, Peer, Router, Wire, eventually, router, serving};

/// Requests as they are sent, with a body or another request behind them.
const REQUESTS: [&str; 3] = [
    "GET /left HTTP/1.1\r\nHost: hello\r\n\r\n",
    "POST /left HTTP/1.1\r\nHost: hello\r\nContent-Length: 40000\r\n\r\nabc",
    "GET /left HTTP/1.1\r\nHost: hello\r\n\r\nGET /left/again HTTP/1.1\r\nHost: hello\r\n\r\n",
];
/// Less than any of the waits here would last.
const SOON: Duration = Duration::from_secs(5);

/// An endpoint that holds `/held` until it is told, and which targets it was asked for.
fn gated() -> (Endpoint, Arc<Mutex<Vec<String>>>, Arc<AtomicBool>) {
    let (asked, open) = (Arc::new(Mutex::new(Vec::new())), Arc::new(AtomicBool::new(false)));
    let (targets, is_open) = (Arc::clone(&asked), Arc::clone(&open));
    let endpoint = serving(move |peer: &mut Peer| {
        while let Some(request) = peer.head() {
            targets.lock().expect("nobody panics with it").push(request.target().to_owned());
            while request.target() == "/held" && !is_open.load(Ordering::SeqCst) {
                pause(Duration::from_millis(10));
            }
            peer.send("HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok");
        }
    });
    (endpoint, asked, open)
}

fn ask(router: &Router, request: &str) -> TcpStream {
    let mut client = TcpStream::connect(router.front).expect("the front accepts");
    client.write_all(request.as_bytes()).expect("it takes a request");
    client
}

fn leave(client: TcpStream, reset: bool) {
    if reset {
        support::endpoint::close_with_reset(&client);
    }
    drop(client);
}

fn wait_for_open(router: &Router, open: usize) {
    eventually(&format!("{open} requests are open"), || {
        (router.api().metrics().sum("rolling_open_requests", &[]) - open as f64).abs() < 0.1
    });
}

#[test]
fn who_leaves_the_queue_is_not_worked_for_and_makes_room() {
    for (request, reset) in REQUESTS.into_iter().flat_map(|request| [(request, true), (request, false)]) {
        let (endpoint, asked, open) = gated();
        let router = router()
            .stable_on("v1", vec![endpoint])
            .workers(1)
            .limit("endpoint_in_flight_max", 1)
            .limit("endpoint_queue_max", 1)
            .limit("endpoint_queue_ms", 60_000)
            .start();
        let mut held = router.connect();
        held.send(format!("GET /held HTTP/1.1\r\nHost: {}\r\n\r\n", router.host));
        eventually("the endpoint works", || !asked.lock().expect("nobody panics with it").is_empty());
        let leaver = ask(&router, request);
        wait_for_open(&router, 2);
        // Longer than a client is taken for granted.
        pause(Duration::from_millis(200));
        let since = Deadline::after(SOON);
        leave(leaver, reset);
        wait_for_open(&router, 1);
        assert!(!since.passed(), "{request:?} reset {reset}: {:?}", since.elapsed());
        // The queue has one place.
        let mut next = router.connect();
        next.send(format!("GET /next HTTP/1.1\r\nHost: {}\r\n\r\n", router.host));
        wait_for_open(&router, 2);
        open.store(true, Ordering::SeqCst);
        for wire in [&mut held, &mut next] {
            assert_eq!(wire.response("GET").status, 200, "{request:?} reset {reset}");
        }
        let asked = asked.lock().expect("nobody panics with it");
        assert_eq!(*asked, ["/held", "/next"], "{request:?} reset {reset}");
    }
}

/// Whose turn comes just after its client was reset: the one behind it goes instead.
#[test]
fn the_turn_of_one_that_left_is_the_next_ones() {
    let (endpoint, asked, open) = gated();
    let router = router()
        .stable_on("v1", vec![endpoint])
        .workers(1)
        .limit("endpoint_in_flight_max", 1)
        .limit("endpoint_queue_ms", 60_000)
        .start();
    let mut held = router.connect();
    held.send(format!("GET /held HTTP/1.1\r\nHost: {}\r\n\r\n", router.host));
    eventually("the endpoint works", || !asked.lock().expect("nobody panics with it").is_empty());
    let leavers: Vec<TcpStream> = (0..5).map(|_| ask(&router, REQUESTS[0])).collect();
    wait_for_open(&router, 6);
    let mut next: Wire = router.connect();
    next.send(format!("GET /next HTTP/1.1\r\nHost: {}\r\n\r\n", router.host));
    wait_for_open(&router, 7);
    pause(Duration::from_millis(200));
    leavers.into_iter().for_each(|leaver| leave(leaver, true));
    open.store(true, Ordering::SeqCst);
    for wire in [&mut held, &mut next] {
        assert_eq!(wire.response("GET").status, 200);
    }
    assert_eq!(*asked.lock().expect("nobody panics with it"), ["/held", "/next"]);
}

/// A listener whose queue is full: whoever connects is not answered.
fn unanswering() -> (TcpListener, Vec<TcpStream>) {
    let socket = socket2::Socket::new(socket2::Domain::IPV4, socket2::Type::STREAM, None);
    let socket = socket.expect("a socket can be made");
    let any: std::net::SocketAddr = "127.0.0.1:0".parse().expect("an address");
    socket.bind(&any.into()).expect("some port is free");
    socket.listen(0).expect("it listens");
    let listener: TcpListener = socket.into();
    let address = listener.local_addr().expect("it has an address");
    let mut queued = Vec::new();
    while let Ok(stream) = TcpStream::connect_timeout(&address, Duration::from_millis(300)) {
        queued.push(stream);
        assert!(queued.len() < 10, "its queue is short");
    }
    (listener, queued)
}

#[test]
fn who_leaves_while_the_router_connects_is_not_worked_for() {
    for (request, reset) in REQUESTS.into_iter().flat_map(|request| [(request, true), (request, false)]) {
        let (listener, queued) = unanswering();
        let address = listener.local_addr().expect("it has an address").to_string();
        let router = router()
            .key("rolling/hello/stable/id", &id("v1"))
            .key(&format!("{}/c1", id("v1")), &address)
            .limit("connect_ms", 60_000)
            .start();
        let client = ask(&router, request);
        wait_for_open(&router, 1);
        pause(Duration::from_millis(200));
        let since = Deadline::after(SOON);
        leave(client, reset);
        wait_for_open(&router, 0);
        assert!(!since.passed(), "{request:?} reset {reset}: {:?}", since.elapsed());
        let in_flight = router.api().metrics().sum("rolling_endpoint_in_flight", &[]);
        assert!(in_flight.abs() < 0.1, "{in_flight}");
        drop(queued);
        assert_nothing_is_asked(&listener);
    }
}

/// Takes whoever connects for a while. Checks connect too, and ask nothing.
fn assert_nothing_is_asked(listener: &TcpListener) {
    listener.set_nonblocking(true).expect("it can be");
    let over = Deadline::after(Duration::from_millis(1_500));
    while !over.passed() {
        let Ok((mut stream, _)) = listener.accept() else {
            pause(Duration::from_millis(20));
            continue;
        };
        stream.set_nonblocking(false).expect("it can be");
        stream.set_read_timeout(Some(Duration::from_millis(300))).expect("it takes a time-out");
        let mut bytes = [0; 64];
        match stream.read(&mut bytes) {
            Ok(read) => assert_eq!(read, 0, "{}", String::from_utf8_lossy(&bytes)),
            Err(error) => assert!(
                matches!(
                    error.kind(),
                    ErrorKind::WouldBlock | ErrorKind::TimedOut | ErrorKind::ConnectionReset
                ),
                "{error}"
            ),
        }
    }
}

/// An upload that its endpoint does not take, so that nobody reads what the client sends.
#[test]
fn who_resets_an_upload_that_is_not_taken_reaches_the_endpoint() {
    let (asked, ended) = (Arc::new(AtomicBool::new(false)), Arc::new(AtomicBool::new(false)));
    let (heard, left) = (Arc::clone(&asked), Arc::clone(&ended));
    let endpoint = serving(move |peer: &mut Peer| {
        if peer.head().is_none() {
            return;
        }
        heard.store(true, Ordering::SeqCst);
        // It reads nothing, and sees a reset as one that sends would.
        while peer.send("HTTP/1.1 102 Processing\r\n\r\n") {
            pause(Duration::from_millis(1_000));
        }
        left.store(true, Ordering::SeqCst);
    });
    let router = router().stable_on("v1", vec![endpoint]).start();
    let mut client = ask(
        &router,
        &format!("POST /upload HTTP/1.1\r\nHost: {}\r\nContent-Length: 1000000000\r\n\r\n", router.host),
    );
    client.set_write_timeout(Some(Duration::from_millis(700))).expect("it takes a time-out");
    let piece = vec![b'x'; 256 * 1024];
    while client.write_all(&piece).is_ok() {}
    assert!(asked.load(Ordering::SeqCst));
    let since = Deadline::after(SOON);
    leave(client, true);
    eventually("the endpoint hears of it", || ended.load(Ordering::SeqCst));
    assert!(!since.passed(), "{:?}", since.elapsed());
    wait_for_open(&router, 0);
}
