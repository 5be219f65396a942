//! Clients that leave, vanish, pause or only stop sending: whoever left is not worked for, and whoever is slow for a while is
//! served.

use serde_json::json;
use std::fs;
use std::io::{Read, Write};
use std::net::{Shutdown, SocketAddr, TcpStream};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;
use support::clock::{Deadline, pause};
use support::websocket::{echo_frames, upgrade, upgrade_answer};
use support::{Endpoint, Peer, Router, eventually, router, serving};

/// An endpoint that reads a request and answers nothing; and how long it took until its connection ended.
fn silent() -> (Endpoint, Arc<Mutex<Vec<Duration>>>, Arc<AtomicBool>) {
    let (ended, asked) = (Arc::new(Mutex::new(Vec::new())), Arc::new(AtomicBool::new(false)));
    let (left, heard) = (Arc::clone(&ended), Arc::clone(&asked));
    let endpoint = serving(move |peer: &mut Peer| {
        if peer.request().is_some() {
            heard.store(true, Ordering::SeqCst);
            let since = Deadline::after(Duration::ZERO);
            peer.drain();
            left.lock().expect("nobody panics with it").push(since.elapsed());
        }
    });
    (endpoint, ended, asked)
}

fn get(router: &Router, target: &str) -> TcpStream {
    let mut client = TcpStream::connect(router.front).expect("the front accepts");
    let head = format!("GET {target} HTTP/1.1\r\nHost: {}\r\n\r\n", router.host);
    client.write_all(head.as_bytes()).expect("it takes a request");
    client
}

/// It took 10 to 12 s, in which the endpoint worked for nobody.
#[test]
fn a_client_that_leaves_reaches_the_endpoint_at_once() {
    for reset in [true, false] {
        let (endpoint, ended, asked) = silent();
        let router = router().stable_on("v1", vec![endpoint]).start();
        let client = get(&router, "/");
        eventually("the endpoint has the request", || asked.load(Ordering::SeqCst));
        // Longer than the router waits before it watches the client.
        pause(Duration::from_millis(400));
        if reset {
            support::endpoint::close_with_reset(&client);
        }
        drop(client);
        eventually("the endpoint hears of it", || !ended.lock().expect("nobody panics with it").is_empty());
        let took = ended.lock().expect("nobody panics with it")[0];
        let most = Duration::from_millis(if reset { 2_000 } else { 3_000 });
        assert!(took < most, "reset {reset}: {took:?}");
        eventually("it is counted nowhere", || {
            router.api().metrics().sum("rolling_open_requests", &[]).abs() < f64::EPSILON
        });
    }
}

/// A client that has said all it will say was cut after ten seconds in the middle of what it took.
#[test]
fn a_half_closed_client_is_served_while_its_response_flows() {
    let endpoint = serving(|peer: &mut Peer| {
        if peer.request().is_none() {
            return;
        }
        peer.send("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n");
        for _ in 0..8 {
            peer.send("5\r\nhello\r\n");
            pause(Duration::from_millis(400));
        }
        peer.send("0\r\n\r\n");
    });
    let router = router().stable_on("v1", vec![endpoint]).start();
    let mut client = get(&router, "/");
    client.shutdown(Shutdown::Write).expect("it can be shut");
    let mut all = String::new();
    client.read_to_string(&mut all).expect("it ends in order");
    assert!(all.ends_with("\r\n0\r\n\r\n") && all.matches("hello").count() == 8, "{all}");
}

/// With the router's own time-outs both would be over after a second.
#[test]
fn an_app_says_for_its_paths_how_long_it_takes() {
    let endpoint = serving(|peer: &mut Peer| {
        while let Some(request) = peer.request() {
            let path = request.target();
            let kind =
                if path.contains("events") { "text/event-stream; charset=utf-8" } else { "text/plain" };
            if path.starts_with("/slow") {
                pause(Duration::from_millis(1_800));
            }
            peer.send(format!(
                "HTTP/1.1 200 OK\r\nContent-Type: {kind}\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n"
            ));
            pause(Duration::from_millis(1_800));
            peer.send("0\r\n\r\n");
        }
    });
    let paths = ["/slow/long;first_byte_ms=10000;between_bytes_ms=10000", "/pauses;between_bytes_ms=10000"];
    let router = router()
        .stable_on("v1", vec![endpoint])
        .limit("first_byte_ms", 1_000)
        .limit("between_bytes_ms", 1_000)
        .key("rolling/hello/settings", &json!({ "timeouts": { "paths": paths } }).to_string())
        .start();
    let answer = |target: &str| {
        let mut all = Vec::new();
        let whole =
            get_and_close(&router, target).read_to_end(&mut all).is_ok() && all.ends_with(b"0\r\n\r\n");
        (String::from_utf8_lossy(&all).split(' ').nth(1).unwrap_or_default().to_owned(), whole)
    };
    for (target, expected) in [
        ("/slow/other", ("504", false)),
        ("/cut", ("200", false)),
        ("/slow/long", ("200", true)),
        ("/pauses?a", ("200", true)),
        ("/events", ("200", true)),
    ] {
        assert_eq!(answer(target), (expected.0.to_owned(), expected.1), "{target}");
    }
    let told =
        router.api().put("settings", &json!({ "timeouts": { "paths": ["/a;first_byte=1"] } })).expect(422);
    assert!(told.response.text().contains("first_byte_ms="), "{}", told.response.text());
}

fn get_and_close(router: &Router, target: &str) -> TcpStream {
    let mut client = TcpStream::connect(router.front).expect("the front accepts");
    let head = format!("GET {target} HTTP/1.1\r\nHost: {}\r\nConnection: close\r\n\r\n", router.host);
    client.write_all(head.as_bytes()).expect("it takes a request");
    client
}

/// Whether the kernel has a keepalive timer for a connection, within its minute: the field `tr tm->when` of /proc/net/tcp.
fn is_probed(between: impl Fn(SocketAddr, SocketAddr) -> bool) -> bool {
    let table = fs::read_to_string("/proc/net/tcp").expect("the kernel lists connections");
    let address = |text: &str| {
        let (host, port) = text.split_once(':')?;
        let host = u32::from_str_radix(host, 16).ok()?.to_le_bytes();
        Some(SocketAddr::from((host, u16::from_str_radix(port, 16).ok()?)))
    };
    table.lines().skip(1).any(|line| {
        let fields: Vec<&str> = line.split_whitespace().collect();
        let (Some(local), Some(remote)) = (address(fields[1]), address(fields[2])) else { return false };
        let (timer, left) = fields[5].split_once(':').expect("a timer");
        let hundredths = u64::from_str_radix(left, 16).expect("a time");
        fields[3] == "01" && between(local, remote) && timer == "02" && hundredths <= 6_100
    })
}

/// A WebSocket whose network was gone stayed open for an hour, and its release drained for as long.
#[test]
fn the_kernel_asks_whether_both_sides_still_exist() {
    let endpoint = serving(|peer: &mut Peer| {
        if peer.request().is_some() {
            peer.send(upgrade_answer("v1"));
            echo_frames(peer);
        }
    });
    let router = router().stable_on("v1", vec![endpoint]).start();
    let (front, endpoint) = (router.front, router.endpoint("v1").address);
    let mut wire = router.connect();
    wire.send(upgrade("/chat", &router.host));
    assert_eq!(wire.response("GET").status, 101);
    let client = wire.stream().local_addr().expect("it has an address");
    eventually("the client is probed", || is_probed(|local, remote| local == front && remote == client));
    eventually("the endpoint is probed", || is_probed(|_, remote| remote == endpoint));
}
