//! SIGTERM under load: nobody's request fails, and the process ends by itself with 0.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::thread;
use support::router::free_port;
use support::{Peer, Router, Visitor, Wire, count, eventually, router, serving};

/// Visitors who ask until they are told to stop. An answer with `Connection: close` is a goodbye, after which they connect
/// again; a request that is not answered is a failure.
fn crowd(
    router: &Router,
    count: usize,
    over: &Arc<AtomicBool>,
    answered: &Arc<AtomicUsize>,
) -> Vec<thread::JoinHandle<usize>> {
    (0..count)
        .map(|_| {
            let (front, host) = (router.front, router.host.clone());
            let (over, answered) = (Arc::clone(over), Arc::clone(answered));
            thread::spawn(move || {
                let mut visitor = Visitor::new(front, &host);
                let mut failures = 0;
                while !over.load(Ordering::SeqCst) {
                    match visitor.try_get("/") {
                        Ok(visit) if visit.response.status == 200 => {
                            answered.fetch_add(1, Ordering::SeqCst);
                        }
                        _ => failures += 1,
                    }
                }
                failures
            })
        })
        .collect()
}

#[test]
fn a_kept_connection_is_told_goodbye_with_an_answer() {
    // Long enough for two requests on a machine that is busy with other things.
    let mut router = router().stable("v1").flag("--grace-seconds").flag("15").start();
    let mut wire = router.connect();
    let host = router.host.clone();
    wire.assert_usable(&host);
    router.terminate();
    eventually("it is not ready any more", || router.readiness() == Some(503));
    // It goes on accepting for the grace time, and says close with each answer.
    for wire in [&mut wire, &mut router.connect()] {
        wire.send(format!("GET / HTTP/1.1\r\nHost: {host}\r\n\r\n"));
        let response = wire.response("GET");
        assert_eq!(response.status, 200);
        assert!(response.says_close());
        wire.assert_closed();
    }
    assert_eq!(router.exit_code(), Some(0), "{}", router.log());
}

#[test]
fn no_request_fails_under_load() {
    let mut router = router().stable("v1").workers(2).flag("--grace-seconds").flag("10").start();
    let (over, answered) = (Arc::new(AtomicBool::new(false)), Arc::new(AtomicUsize::new(0)));
    let crowd = crowd(&router, 8, &over, &answered);
    eventually("there is load", || answered.load(Ordering::SeqCst) > 200);
    router.terminate();
    // The grace time is for a load balancer to notice; then the clients have stopped coming.
    eventually("it is not ready any more", || router.readiness() != Some(200));
    over.store(true, Ordering::SeqCst);
    let failures: usize = crowd.into_iter().map(|visitor| visitor.join().expect("a visitor ends")).sum();
    assert_eq!(failures, 0, "of {} requests", answered.load(Ordering::SeqCst));
    assert_eq!(router.exit_code(), Some(0), "{}", router.log());
}

/// Clients who go on until nobody listens any more, and connect for each request or when they are told goodbye; how many requests
/// were answered, and what became of the others.
fn until_refused(
    router: &Router,
    count: usize,
    keeps: bool,
) -> Vec<thread::JoinHandle<(usize, Vec<String>)>> {
    let (front, host) = (router.front, router.host.clone());
    let ask = move || {
        let (mut answered, mut lost, mut kept) = (0, Vec::new(), None);
        while let Some(mut wire) = kept.take().or_else(|| Wire::try_open(front)) {
            wire.send(format!("GET / HTTP/1.1\r\nHost: {host}\r\n\r\n"));
            match wire.try_response("GET") {
                Ok(response) if response.status == 200 => {
                    answered += 1;
                    kept = Some(wire).filter(|_| keeps && !response.says_close());
                }
                Ok(response) => lost.push(format!("{} {}", response.status, response.text())),
                Err(fault) => lost.push(format!("{fault:?}")),
            }
        }
        (answered, lost)
    };
    (0..count).map(|_| thread::spawn(ask.clone())).collect()
}

/// 11 of 3,399 were lost: connections that the kernel had made and the router had not taken when it stopped listening. The
/// default grace is 2 s; without any, only clients who keep their connection may miss the goodbye.
#[test]
fn no_connection_that_was_made_is_lost_when_the_router_stops_listening() {
    for (grace, kept) in [("2", 4), ("0", 0)].into_iter().cycle().take(count(2, 20)) {
        let mut router = router().stable("v1").workers(2).flag("--grace-seconds").flag(grace).start();
        let (over, before) = (Arc::new(AtomicBool::new(false)), Arc::new(AtomicUsize::new(0)));
        let crowd = crowd(&router, 1, &over, &before);
        let mut clients = until_refused(&router, 8, false);
        clients.extend(until_refused(&router, kept, true));
        eventually("there is load", || before.load(Ordering::SeqCst) > 50);
        over.store(true, Ordering::SeqCst);
        crowd.into_iter().for_each(|visitor| drop(visitor.join()));
        router.terminate();
        let ended: Vec<_> = clients.into_iter().map(|client| client.join().expect("it ends")).collect();
        let answered: usize = ended.iter().map(|(answered, _)| answered).sum();
        let lost: Vec<_> = ended.into_iter().flat_map(|(_, lost)| lost).collect();
        println!("grace {grace}: {answered} answered, {} lost", lost.len());
        assert!(answered > 100 && lost.is_empty(), "grace {grace}, of {answered}: {lost:?}");
        assert_eq!(router.exit_code(), Some(0), "{}", router.log());
    }
}

#[test]
fn an_exchange_that_is_under_way_is_finished() {
    let (go, told) = std::sync::mpsc::channel::<()>();
    let told = std::sync::Mutex::new(told);
    let endpoint = serving(move |peer: &mut Peer| {
        if peer.request().is_some() {
            peer.send("HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nhello");
            let _ = told.lock().expect("nobody else waits").recv();
            peer.send("world");
        }
    });
    let mut router = router().stable_on("v1", vec![endpoint]).start();
    let mut wire = router.connect();
    wire.send(format!("GET / HTTP/1.1\r\nHost: {}\r\n\r\n", router.host));
    wire.read_until(b"hello");
    router.terminate();
    eventually("it accepts nobody any more", || std::net::TcpStream::connect(router.front).is_err());
    go.send(()).expect("the endpoint waits for this");
    assert_eq!(wire.read_exactly(5), b"world");
    assert_eq!(router.exit_code(), Some(0), "{}", router.log());
}

#[test]
fn idle_connections_do_not_hold_it_up() {
    let mut router = router().stable("v1").start();
    let mut idle: Vec<Wire> = (0..20).map(|_| router.connect()).collect();
    let host = router.host.clone();
    idle.iter_mut().for_each(|wire| wire.assert_usable(&host));
    router.terminate();
    assert_eq!(router.exit_code(), Some(0), "{}", router.log());
    idle.iter_mut().for_each(Wire::assert_closed);
}

/// The handlers were set up when the ports were open already: a signal that came as soon as the router was seen to be ready
/// ended it at once, SIGHUP too.
#[test]
fn signals_that_come_as_soon_as_it_is_ready_are_heeded() {
    for _ in 0..3 {
        let mut router = router().stable("v1").start();
        router.signal("HUP");
        router.connect().assert_usable(&router.host);
        router.terminate();
        assert_eq!(router.exit_code(), Some(0), "{}", router.log());
    }
}

#[test]
fn a_second_router_on_the_same_port_is_refused() {
    let router = router().stable("v1").start();
    let port = router.front.to_string();
    let admin = free_port().to_string();
    let output = std::process::Command::new(support::binary())
        .args(["serve", "--listen", &port, "--admin", &admin, "--store", "memory"])
        .current_dir(router.path("."))
        .output()
        .expect("the binary can be run");
    assert!(!output.status.success());
    let told = String::from_utf8_lossy(&output.stderr).into_owned();
    assert!(told.contains(&port), "it says which address: {told}");
    assert_eq!(router.visitor().release(), "v1");
}
