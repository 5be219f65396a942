//! A whole fleet starts while its store is down: it serves what it served last, says so, and catches up.

use std::fs;
use std::net::TcpStream;

use serde_json::json;

use crate::routers::{Fleet, store_state};
use crate::server::Kind;
use support::router::id;
use support::{Router, eventually};

/// What `/readyz` says: its status and its words.
fn readiness(router: &Router) -> (u16, String) {
    let answer = router.api().anonymous().raw("GET", "/readyz", None, "");
    (answer.status(), answer.response.text())
}

/// A fleet with stable `v2` and draining `v1`, ended in order, on a store that is down.
fn ended(kind: Kind, members: usize) -> (Fleet, String) {
    let mut fleet = Fleet::start(kind, members);
    let mut early = fleet.routers[0].visitor();
    assert_eq!(early.release(), "v1");
    fleet.command(0, "PUT", "stable", &json!({ "id": id("v2") }), "20s").expect(200);
    for router in &mut fleet.routers {
        router.terminate();
    }
    for router in &mut fleet.routers {
        assert_eq!(router.exit_code(), Some(0));
    }
    fleet.server.kill();
    (fleet, early.pin.expect("a pin"))
}

fn catches_up(kind: Kind) {
    let (mut fleet, pin) = ended(kind, 3);
    fleet.routers.iter_mut().for_each(Router::start_again);
    for router in &fleet.routers {
        assert_eq!(store_state(router), "down");
        let (status, words) = readiness(router);
        assert_eq!(status, 200);
        assert!(words.contains("the store is down; the last good table is served"), "{words}");
        assert_eq!(router.visitor().release(), "v2");
        router.api().put("sticky", &json!({ "sticky": false })).expect(503);
    }
    assert!(fleet.releases_of(&pin).iter().all(|release| release == "v1"), "the pin is known everywhere");
    fleet.server.restart();
    eventually("all follow the store", || fleet.store_states().iter().all(|state| state == "current"));
    assert!(fleet.routers.iter().all(|router| readiness(router) == (200, "ready\n".into())));
    eventually("everybody knows everybody", || fleet.is_whole(3));
    let answer = fleet.command(1, "POST", "rollback", &json!({}), "20s").expect(200).json();
    assert_eq!(answer["applied"]["text"], "applied 3 of 3");
    assert!(fleet.routers.iter().all(|router| router.visitor().release() == "v1"));
}

#[test]
fn a_fleet_that_starts_without_its_etcd_serves_what_it_served_last_and_catches_up() {
    catches_up(Kind::Etcd);
}

#[test]
fn a_fleet_that_starts_without_its_redis_serves_what_it_served_last_and_catches_up() {
    catches_up(Kind::Redis);
}

/// One byte inside is another.
fn damage(router: &Router, name: &str) {
    let path = router.path("state").join(name);
    let mut bytes = fs::read(&path).expect("it was kept");
    let middle = bytes.len() / 2;
    bytes[middle] ^= 1;
    fs::write(&path, bytes).expect("it can be written");
}

#[test]
fn a_damaged_last_good_table_is_refused_and_the_router_waits_for_its_store() {
    let (mut fleet, _) = ended(Kind::Redis, 2);
    damage(&fleet.routers[0], "table");
    fleet.routers[0].start_again_unready();
    fleet.routers[1].start_again();
    eventually("it has looked for its store", || store_state(&fleet.routers[0]) == "down");
    eventually("it goes on looking", || {
        let facts = fleet.routers[0].api().call("GET", "/api/v1/router", None).expect(200).json();
        facts["uptime_seconds"].as_u64() >= Some(1)
    });
    assert_eq!(readiness(&fleet.routers[0]), (503, "not ready\n".into()));
    let log = fleet.routers[0].log();
    assert!(log.contains("there is no last good table: requests get 503"), "{log}");
    let told = log.lines().filter(|line| line.contains("is damaged; it is ignored"));
    let told: Vec<&str> = told.collect();
    assert!(matches!(&told[..], [once] if once.contains("state/table")), "{log}");
    let front = fleet.routers[0].front;
    eventually("the front accepts", || TcpStream::connect(front).is_ok());
    let mut visitor = fleet.routers[0].visitor();
    let refused = visitor.try_get("/").expect("an answer").response;
    assert_eq!(refused.status, 503);
    assert!(refused.header("retry-after").is_some(), "{}", refused.text());
    assert_eq!(fleet.routers[1].visitor().release(), "v2", "the other one has its own");
    fleet.server.restart();
    eventually("it serves", || readiness(&fleet.routers[0]).0 == 200);
    assert_eq!(fleet.routers[0].visitor().release(), "v2");
    eventually("everybody knows everybody", || fleet.is_whole(2));
    fleet.command(0, "PUT", "sticky", &json!({ "sticky": false }), "20s").expect(200);
}

#[test]
fn damaged_pin_keys_are_taken_from_the_store_again_and_pins_hold() {
    let (mut fleet, pin) = ended(Kind::Redis, 2);
    damage(&fleet.routers[0], "pinkeys");
    fleet.server.restart();
    fleet.routers.iter_mut().for_each(Router::start_again);
    let log = fleet.routers[0].log();
    assert!(log.contains("state/pinkeys") && log.contains("is damaged; it is ignored"), "{log}");
    assert!(fleet.releases_of(&pin).iter().all(|release| release == "v1"));
}
