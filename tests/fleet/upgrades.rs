//! A fleet is upgraded one router after the other, under load, while commands go on and while its store is down.

use crate::routers::{Fleet, store_state};
use crate::server::Kind;
use serde_json::json;
use std::thread;
use std::time::Duration;
use support::clock::pause;
use support::router::id;
use support::traffic::Traffic;
use support::{count, eventually};

fn one_by_one(kind: Kind, rounds: usize) {
    let mut fleet = Fleet::start(kind, 3);
    let pin = {
        let mut visitor = fleet.routers[0].visitor();
        assert_eq!(visitor.release(), "v1");
        visitor.pin.expect("a pin")
    };
    let traffic: Vec<Traffic> = fleet.routers.iter().map(|router| Traffic::start(router, 2)).collect();
    for round in 0..rounds {
        for member in 0..3 {
            fleet.routers[member].upgrade();
            let percent = 10 + (round * 3 + member) % 80;
            let other = (member + 1) % 3;
            fleet
                .command(other, "PUT", "candidate", &json!({ "id": id("v2"), "blend": percent }), "20s")
                .expect(200);
            eventually("everybody knows everybody", || fleet.is_whole(3));
            let answer =
                fleet.command(member, "PUT", "blend", &json!({ "percent": percent + 1 }), "20s").expect(200);
            assert_eq!(answer.json()["applied"]["text"], "applied 3 of 3");
        }
    }
    assert!(fleet.releases_of(&pin).iter().all(|release| release == "v1"), "the pin is known everywhere");
    for life in traffic.into_iter().flat_map(Traffic::stop) {
        assert_eq!(life.failures, Vec::<String>::new());
    }
}

#[test]
fn a_fleet_on_redis_is_upgraded_one_by_one() {
    one_by_one(Kind::Redis, count(1, 10));
}

#[test]
fn a_fleet_on_etcd_is_upgraded_one_by_one() {
    one_by_one(Kind::Etcd, count(1, 10));
}

/// Each answer takes half a second, and the new process asks several times before it has a table. Until then the old one serves.
#[test]
fn a_router_is_upgraded_while_its_store_is_slow() {
    let mut fleet = Fleet::start(Kind::Redis, 2);
    let traffic = Traffic::start(&fleet.routers[0], 2);
    fleet.network.delay(Duration::from_millis(500));
    fleet.routers[0].upgrade();
    fleet.network.delay(Duration::ZERO);
    eventually("all follow the store", || fleet.store_states().iter().all(|state| state == "current"));
    assert_eq!(fleet.routers[0].visitor().release(), "v1");
    for life in traffic.stop() {
        assert_eq!(life.failures, Vec::<String>::new());
    }
}

/// The old process took it, and answers it, however long that takes; a call that is cut leaves its asker without an outcome.
#[test]
fn a_command_that_is_under_way_is_answered_before_the_new_process_takes_over() {
    let mut fleet = Fleet::start(Kind::Redis, 2);
    // Who waits for it waits for as long as was said.
    fleet.routers[1].signal("STOP");
    let api = fleet.routers[0].api();
    let asked = thread::spawn(move || {
        api.put("lock?wait=fleet&timeout=6s", &json!({ "reason": "an upgrade comes" })).expect(202).json()
    });
    pause(Duration::from_millis(200));
    fleet.routers[0].signal("USR2");
    let answer = asked.join().expect("it is answered");
    assert_eq!((&answer["result"], &answer["applied"]["applied"]), (&json!("done"), &json!(1)), "{answer}");
    fleet.routers[1].signal("CONT");
    fleet.routers[0].follow_upgrade();
    assert_eq!(fleet.routers[0].api().state()["lock"]["reason"], "an upgrade comes");
}

#[test]
fn a_router_is_upgraded_while_its_store_is_down() {
    let mut fleet = Fleet::start(Kind::Redis, 2);
    let traffic = Traffic::start(&fleet.routers[0], 2);
    fleet.server.kill();
    eventually("it knows", || store_state(&fleet.routers[0]) == "down");
    fleet.routers[0].upgrade();
    eventually("the new process knows", || store_state(&fleet.routers[0]) == "down");
    assert_eq!(fleet.routers[0].visitor().release(), "v1");
    fleet.server.restart();
    eventually("all follow the store", || fleet.store_states().iter().all(|state| state == "current"));
    fleet.command(0, "PUT", "lock", &json!({ "reason": "an upgrade is over" }), "20s").expect(200);
    for life in traffic.stop() {
        assert_eq!(life.failures, Vec::<String>::new());
    }
}
