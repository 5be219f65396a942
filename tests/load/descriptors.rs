//! File descriptors that run out: the router stops accepting, counts it, does not spin, keeps serving those who are there
//! and the admin port, and goes on by itself once clients leave.

use serde_json::json;
use std::process::Command;
use std::sync::Mutex;
use std::sync::mpsc::channel;
use std::time::Duration;
use support::clock::pause;
use support::router::id;
use support::{Router, Wire, eventually, router, serving};

/// Few enough to run out of with a test's means, more than the router keeps for itself.
const DESCRIPTORS: u64 = 400;
/// Clients that come and stay: more than there are descriptors.
const CROWD: usize = 500;
/// Processor time that a router which has nothing to do may take in a second. One that spins takes all of it.
const RESTING_MAX: Duration = Duration::from_millis(250);

fn paused(router: &Router) -> f64 {
    let metrics = router.api().metrics();
    let of = |limit| metrics.sum("rolling_limits_hit_total", &[("limit", limit)]);
    of("file_descriptors") + of("connections")
}

fn assert_resting(router: &Router) {
    let before = router.process().processor_time();
    pause(Duration::from_secs(2));
    let taken = router.process().processor_time() - before;
    assert!(taken < RESTING_MAX * 2, "{taken:?} of processor time within 2 s, with nothing to do");
}

/// Clients that connect, ask nothing, and stay. The kernel takes all of them; the router takes as many as it can.
fn crowd(router: &Router) -> Vec<Wire> {
    (0..CROWD).map(|_| router.connect()).collect()
}

#[test]
fn a_router_that_is_full_keeps_serving_and_goes_on_when_clients_leave() {
    let router = router().stable("v1").deployed("v2").workers(2).descriptors_max(DESCRIPTORS).start();
    let mut early: Vec<Wire> = (0..8).map(|_| router.connect()).collect();
    early.iter_mut().for_each(|wire| wire.assert_usable(&router.host));
    let quiet = router.process().descriptors();

    let crowd = crowd(&router);
    eventually("accepting pauses, and that is counted", || paused(&router) > 0.0);
    assert!(router.process().descriptors() > quiet + 20, "some were taken");
    assert_resting(&router);

    // Whoever is there is served, over connections to endpoints that are opened now.
    router.endpoint("v1").close_connections();
    early.iter_mut().for_each(|wire| wire.assert_usable(&router.host));
    // The admin port and the store have descriptors of their own: a release goes on.
    assert!(router.is_ready());
    router.api().put("candidate", &json!({ "id": id("v2"), "blend": 50 })).expect(200);
    router.api().post("abort", &json!({})).expect(200);

    let mut late = router.connect();
    drop(crowd);
    late.assert_usable(&router.host);
    eventually("what the crowd held is free again", || router.process().descriptors() <= quiet + 2);
    let pauses = paused(&router);
    (0..50).for_each(|_| router.connect().assert_usable(&router.host));
    assert!((paused(&router) - pauses).abs() < f64::EPSILON, "there is room again");
}

/// Everybody asks at the same time, so that each request wants a descriptor of its own for its endpoint: the router has to
/// refuse some rather than use up what it keeps for the admin port.
#[test]
fn requests_at_once_leave_the_admin_port_its_descriptors() {
    let (go, told) = channel::<()>();
    let told = Mutex::new(told);
    let endpoint = serving(move |peer| {
        while peer.request().is_some() {
            // Released for all at once, when the sender is dropped.
            let _ = told.lock().unwrap_or_else(|poisoned| poisoned.into_inner()).recv();
            peer.send("HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok");
        }
    });
    let router = router().stable_on("v1", vec![endpoint]).descriptors_max(DESCRIPTORS).start();
    let mut crowd = crowd(&router);
    for wire in &mut crowd {
        wire.send(format!("GET / HTTP/1.1\r\nHost: {}\r\n\r\n", router.host));
    }
    eventually("it is full", || paused(&router) > 0.0);
    for _ in 0..20 {
        assert!(router.is_ready(), "the admin port answers");
    }
    assert_resting(&router);
    drop(go);
    for wire in &mut crowd {
        let response = wire.response("GET");
        assert!([200, 503].contains(&response.status), "{}", response.status);
        // Leaving makes room for those who still wait.
        wire.finish();
    }
    drop(crowd);
    router.connect().assert_usable(&router.host);
}

/// The same, should something else take what the router counted on: the limit falls below what it has open already, so
/// that the kernel itself refuses every further descriptor, also to the admin port and to health checks.
#[test]
fn a_router_that_the_kernel_refuses_rests_and_recovers() {
    let router = router().stable("v1").workers(2).start();
    let mut early = router.connect();
    early.assert_usable(&router.host);
    let before = (router.process().descriptors_max(), router.process().descriptors());
    limit_descriptors(&router, router.process().lowest_free_descriptor());

    let mut waiting: Vec<Wire> = (0..50).map(|_| router.connect()).collect();
    for wire in &mut waiting {
        wire.send(format!("GET / HTTP/1.1\r\nHost: {}\r\n\r\n", router.host));
    }
    assert_resting(&router);
    // What was open for a moment when the limit fell, such as a health check, may have made room for a few.
    let silent =
        waiting.iter_mut().filter_map(|wire| wire.is_silent_for(Duration::from_millis(2)).then_some(()));
    assert!(silent.count() > 40, "they cannot be taken");
    // The endpoint's connection is there already, so this client needs no descriptor.
    early.assert_usable(&router.host);
    // Longer than it takes three health checks to fail: a check that could not be made says nothing about an endpoint.
    pause(Duration::from_secs(6));

    limit_descriptors(&router, before.0);
    let statuses: Vec<u16> = waiting.iter_mut().map(|wire| wire.response("GET").status).collect();
    // Whoever was taken without a descriptor being left for its endpoint was told so.
    assert!(statuses.iter().all(|status| [200, 503].contains(status)), "{statuses:?}");
    assert!(statuses.iter().filter(|status| **status == 200).count() > 40, "{statuses:?}");
    let metrics = router.api().metrics();
    assert!((metrics.sum("rolling_endpoint_healthy", &[]) - 1.0).abs() < f64::EPSILON, "{}", router.log());
    let counted = metrics.sum("rolling_limits_hit_total", &[("limit", "file_descriptors")]);
    assert!(counted > 0.0, "pauses are counted");
    assert!(counted < 60.0, "{counted} pauses in 8 s: they are to grow");
    drop(waiting);
    eventually("descriptors are given back", || router.process().descriptors() <= before.1 + 50);
}

fn limit_descriptors(router: &Router, most: usize) {
    let pid = router.pid().to_string();
    let limit = format!("--nofile={most}:");
    let status = Command::new("prlimit").args(["--pid", &pid, &limit]).status();
    assert!(status.expect("prlimit can be run").success());
}
