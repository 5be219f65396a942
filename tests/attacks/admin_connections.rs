//! Connections to the admin port without end, which never read, never ask, or ask slowly.
//!
//! With 1,024 of them nobody else was let in any more, for good: no abort, no `/healthz`, not even after the attackers had
//! what they asked for.

use std::io::{Read, Write};
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;
use support::clock::within;
use support::router::token;
use support::tls::{CertificateFiles, TlsClient};
use support::{Deadline, count, eventually, router};

use crate::operator::{Times, at_once, deaf, deaf_crowd, get};

const HERE: [u8; 4] = [127, 0, 0, 1];
const ELSEWHERE: [u8; 4] = [127, 0, 0, 2];
const ROUNDS: usize = 20;

#[test]
fn whoever_never_reads_holds_up_nobody() {
    let router = router().stable("v1").candidate("v2").start();
    let before = router.process().descriptors();
    // Far more than the kernel takes for a client that does not read.
    let metrics = get(&router, "/metrics", None).repeat(400);
    let description = get(&router, "/api/openapi.json", Some(token("viewer"))).repeat(10);
    let half = count(300, 2_000);
    let mut crowd = deaf_crowd(router.admin, HERE, half, metrics.as_bytes());
    crowd.extend(deaf_crowd(router.admin, ELSEWHERE, half, description.as_bytes()));
    let mut times = Times::default();
    for _ in 0..ROUNDS {
        times.round(&router, HERE);
    }
    times.assert_at_once("connections that never read");
    // Nor do they keep what they hold: the router closes them, whether they read or not.
    eventually("the router has closed them", || router.process().descriptors() <= before + 16);
    drop(crowd);
}

#[test]
fn whoever_never_asks_holds_up_nobody() {
    let router = router().stable("v1").candidate("v2").start();
    let mut crowd = deaf_crowd(router.admin, HERE, count(300, 2_000), b"");
    for last in 2..7 {
        // All together they are more than the router takes from anybody.
        let slow = b"GET /healthz HTTP/1.1\r\nX-Slow: ";
        crowd.extend(deaf_crowd(router.admin, [127, 0, 0, last], 200, slow));
    }
    let mut times = Times::default();
    for _ in 0..ROUNDS {
        times.round(&router, HERE);
    }
    times.assert_at_once("connections that never ask");
    drop(crowd);
}

/// With TLS on the admin port, a handshake that never ends is one more way to hold a connection.
#[test]
#[allow(clippy::print_stdout, reason = "the figure of an attack is for the page on security")]
fn whoever_never_ends_the_handshake_holds_up_nobody() {
    let (files, trust) = CertificateFiles::new(&["localhost"]);
    let [certificate, key] = files.flags();
    let router =
        router().stable("v1").candidate("v2").flag("--admin-tls").flag(&certificate).flag(&key).start();
    let before = router.process().memory_bytes();
    // The beginning of a handshake that promises 512 bytes, and nothing at all.
    let begun = [0x16, 3, 1, 2, 0, 1, 0, 1, 0xfc, 3, 3];
    let mut crowd = Vec::new();
    for last in 2..7 {
        crowd.extend(deaf_crowd(
            router.admin,
            [127, 0, 0, last],
            200,
            if last % 2 == 0 { &begun } else { b"" },
        ));
    }
    let held = router.process().memory_bytes().saturating_sub(before);
    println!("{} handshakes that never end hold {} KiB of memory", crowd.len(), held / 1_024);
    assert!(held < crowd.len() * 16 * 1_024, "each holds {} bytes", held / crowd.len());
    for _ in 0..ROUNDS {
        let started = Deadline::after(at_once());
        let mut operator = TlsClient::try_open(router.admin, "localhost", &trust)
            .expect("the router shakes hands with an operator");
        operator.send(format!(
            "POST /api/v1/apps/hello/abort HTTP/1.1\r\nHost: localhost\r\nAuthorization: Bearer {}\r\nContent-Length: 0\r\n\r\n",
            token("operator")
        ));
        let status = operator.response("POST").status;
        assert!(matches!(status, 200 | 202 | 409), "{status}");
        assert!(!started.passed(), "it took {:?}", started.elapsed());
    }
    // Nor do they keep what they hold.
    let descriptors = router.process().descriptors();
    eventually("the router has closed them", || router.process().descriptors() + 500 <= descriptors);
    drop(crowd);
}

#[test]
fn an_address_that_connects_without_end_loses_its_own_connections() {
    let router = router().stable("v1").start();
    let mut first = deaf(router.admin, ELSEWHERE).expect("the router accepts");
    let mut other = deaf(router.admin, HERE).expect("the router accepts");
    let crowd = deaf_crowd(router.admin, ELSEWHERE, 300, b"");
    let mut byte = [0];
    first.set_read_timeout(Some(Duration::from_secs(5))).expect("a time-out can be set");
    assert_eq!(first.read(&mut byte).ok(), Some(0), "its oldest connection is closed");
    other.write_all(get(&router, "/healthz", None).as_bytes()).expect("another address' is open");
    other.set_read_timeout(Some(Duration::from_secs(5))).expect("a time-out can be set");
    assert_eq!(other.read(&mut byte).ok(), Some(1), "and is answered");
    drop(crowd);
}

/// Reads of whole states are worked out by threads that the reserved calls do not wait for.
#[test]
fn a_flood_of_calls_holds_up_nobody() {
    let router = router().stable("v1").candidate("v2").start();
    let token = token("viewer");
    let stop = AtomicBool::new(false);
    std::thread::scope(|scope| {
        for _ in 0..8 {
            scope.spawn(|| {
                let calls = get(&router, "/api/v1/apps", Some(token)).repeat(50);
                while !stop.load(Ordering::Relaxed) {
                    let Some(mut stream) = deaf(router.admin, HERE) else { continue };
                    let _ = stream.write_all(calls.as_bytes());
                    let _ = stream.set_read_timeout(Some(Duration::from_millis(200)));
                    let mut buffer = [0; 16 * 1024];
                    while stream.read(&mut buffer).is_ok_and(|count| count > 0) {}
                }
            });
        }
        let mut times = Times::default();
        for _ in 0..ROUNDS {
            times.round(&router, HERE);
        }
        stop.store(true, Ordering::Relaxed);
        times.assert_at_once("a flood of calls");
    });
    assert!(within(Duration::from_secs(10), || router.api().get("").status() == 200));
}
