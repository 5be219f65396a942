//! Live streams without end. 512 of one viewer, none of which was read, kept the page of everybody else from being live.

use std::time::Duration;
use support::clock::within;
use support::router::token;
use support::{Api, Wire, router};

use crate::metric_series::crowded;
use crate::operator::{Times, deaf_crowd, get};

const HERE: [u8; 4] = [127, 0, 0, 1];
const ELSEWHERE: [u8; 4] = [127, 0, 0, 2];

fn follow(router: &support::Router, from: [u8; 4], role: &str) -> (Wire, u16, String) {
    let mut wire = Wire::open_from(router.admin, from);
    wire.send(get(router, "/api/v1/stream", Some(token(role))));
    let head = String::from_utf8_lossy(&wire.read_until(b"\r\n\r\n")).into_owned();
    let status = head.split(' ').nth(1).and_then(|status| status.parse().ok()).expect("a status");
    (wire, status, head)
}

#[test]
fn a_viewer_with_many_pages_leaves_room_for_everybody_else() {
    let router = router().stable("v1").candidate("v2").start();
    let mut pages = Vec::new();
    let mut refused = 0;
    for number in 0..150 {
        let from = if number % 2 == 0 { HERE } else { ELSEWHERE };
        let (wire, status, head) = follow(&router, from, "viewer");
        match status {
            200 => pages.push(wire),
            503 => refused += 1,
            other => panic!("{other}: {head}"),
        }
    }
    assert_eq!((pages.len(), refused), (64, 86), "streams_per_token_max");
    let api: Api = router.api();
    let mut operator = api.stream("/api/v1/stream", "");
    operator.next("state");
    let mut times = Times::default();
    (0..10).for_each(|_| times.round(&router, HERE));
    times.assert_at_once("streams that nobody reads");
    api.put("candidate", &serde_json::json!({ "release": "v2", "blend": 7 })).expect(200);
    operator.state(|state| state["blend"].as_f64() == Some(7.0));
    drop(pages);
    let free = || follow(&router, HERE, "viewer").1 == 200;
    assert!(within(Duration::from_secs(20), free), "a place is free again when its page has gone");
}

#[test]
fn an_address_with_many_tokens_leaves_room_for_everybody_else() {
    let router = router().stable("v1").limit("streams_per_address_max", 20).start();
    let roles = ["viewer", "ci"];
    let pages: Vec<_> = (0..40).map(|number| follow(&router, ELSEWHERE, roles[number % 2])).collect();
    assert_eq!(pages.iter().filter(|(_, status, _)| *status == 200).count(), 20);
    assert_eq!(follow(&router, HERE, "viewer").1, 200, "another address has places of its own");
}

/// 64 pages that nobody reads took 500 MiB, since each was given the states of all apps at once, and health checks waited for
/// seconds while they were made.
#[test]
fn pages_that_nobody_reads_are_given_a_few_states_and_no_more() {
    let mut builder = router().stable("v1");
    for (key, value) in crowded(40, 80) {
        builder = builder.key(&key, &value);
    }
    let router = builder.start();
    let api = router.api();
    let mut reader = api.stream("/api/v1/stream", "");
    reader.state(|state| state["app"] == "app39");
    let before = router.process().memory_bytes();
    let request = get(&router, "/api/v1/stream", Some(token("viewer")));
    let pages = deaf_crowd(router.admin, ELSEWHERE, 64, request.as_bytes());
    let mut times = Times::default();
    (0..5).for_each(|_| times.round(&router, HERE));
    times.assert_at_once("pages of many apps that nobody reads");
    let mut late = api.stream("/api/v1/stream", "");
    late.state(|state| state["app"] == "app39");
    let grown = router.process().memory_bytes().saturating_sub(before);
    println!("64 pages of 40 apps that nobody reads: {} KiB", grown / 1024);
    assert!(grown < 32 << 20, "{grown} bytes");
    drop(pages);
}
