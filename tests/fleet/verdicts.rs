//! Verdicts of a fleet: what each router counts adds up, a failing session counts once, and one of them aborts.

use serde_json::{Value, json};

use crate::{routers::Fleet, server::Kind};
use support::router::{APP, id};
use support::{Reply, Router, Visitor, eventually};

/// A fleet whose candidate `v2` fails always, at this blend.
fn failing(members: usize, blend: u32, on_worse: &str) -> Fleet {
    let fleet = Fleet::start(Kind::Redis, members);
    fleet.endpoints[1].always(Reply::response("500 Internal Server Error", &[("X-Release", "v2")], "sorry"));
    let settings = json!({ "verdict": { "on_worse": on_worse } });
    let path = format!("/api/v1/apps/{APP}/settings?wait=fleet&timeout=60s");
    fleet.routers[0].api().call("PATCH", &path, Some(&settings)).expect(200);
    let candidate = json!({ "id": id("v2"), "blend": blend });
    fleet.command(0, "PUT", "candidate", &candidate, "60s").expect(200);
    fleet
}

fn verdict(router: &Router) -> Value {
    router.api().get("verdict").expect(200).json()
}

/// A client of a network of its own.
fn client(router: &Router, n: u16) -> Visitor {
    let [high, low] = n.to_be_bytes();
    Visitor::from(router.front, &router.host, [127, 100 + high, low, 1])
}

#[test]
fn a_fleet_adds_up_what_its_routers_count_and_aborts_once() {
    let fleet = failing(2, 10, "abort");
    let dropped = |router: &Router| router.api().state()["candidate"].is_null();
    let mut came = 0;
    eventually("both have dropped it", || {
        came += 1;
        client(&fleet.routers[usize::from(came % 2)], came).try_get("/").unwrap();
        fleet.routers.iter().all(dropped)
    });
    let history = fleet.routers[1].api().get("history").expect(200).json();
    let aborts: Vec<&Value> =
        history["events"].as_array().unwrap().iter().filter(|event| event["command"] == "abort").collect();
    assert_eq!(aborts.len(), 1, "{history}");
    assert_eq!(aborts[0]["actor"], "verdict");
    assert!(aborts[0]["receipt"]["met_failure"].as_u64().unwrap() >= 3, "{}", aborts[0]);
}

#[test]
fn a_session_that_fails_at_two_routers_is_one() {
    let fleet = failing(2, 100, "tell");
    let mut clients: Vec<Visitor> = (0..5).map(|n| client(&fleet.routers[0], n)).collect();
    let mut pins = Vec::new();
    for client in &mut clients {
        client.try_get("/").unwrap();
        pins.push(client.pin.clone());
    }
    let failing = |router: &Router| verdict(router)["candidate_sessions"]["failing"].clone();
    for router in &fleet.routers {
        eventually("everybody knows of them", || failing(router) == 5);
    }
    for (n, pin) in (0..).zip(pins) {
        let mut same = client(&fleet.routers[1], n);
        same.pin = pin;
        assert_eq!(same.try_get("/").unwrap().response.status, 500);
    }
    client(&fleet.routers[1], 50).try_get("/").unwrap();
    for router in &fleet.routers {
        eventually("only the new one is added", || failing(router) == 6);
    }
    let sessions = verdict(&fleet.routers[0])["candidate_sessions"]["sessions"].clone();
    assert_eq!(sessions, 6, "a session that two routers saw is one");
}

#[test]
fn what_a_member_counted_stays_when_it_leaves() {
    let mut fleet = failing(2, 100, "tell");
    for n in 0..5 {
        client(&fleet.routers[1], n).try_get("/").unwrap();
    }
    let failing = |router: &Router| verdict(router)["candidate_sessions"]["failing"].clone();
    eventually("the other knows of them", || failing(&fleet.routers[0]) == 5);
    let mut left = fleet.routers.pop().unwrap();
    left.terminate();
    assert_eq!(left.exit_code(), Some(0));
    eventually("it has left", || fleet.is_whole(1));
    assert_eq!(failing(&fleet.routers[0]), 5);
    left.start_again();
    eventually("it goes on from there", || failing(&left) == 5);
    assert_eq!(failing(&fleet.routers[0]), 5, "nothing is counted twice");
}

#[test]
fn an_abort_that_the_store_does_not_take_stops_the_drawing_and_moves_nobody() {
    let fleet = failing(2, 50, "abort");
    let router = &fleet.routers[0];
    fleet.network.cut(true);
    let (mut came, mut pinned) = (0, None);
    // The store is waited for before an abort counts as not taken, so clients come until then, at a rate that ports last for.
    eventually("its drawing is stopped", || {
        came += 1;
        let mut next = client(router, came);
        if next.try_get("/").unwrap().response.status == 500 && pinned.is_none() {
            pinned = Some(next);
        }
        verdict(router)["drawing_stopped"] == true
    });
    for n in 0..40 {
        let status = client(router, 30_000 + n).try_get("/").unwrap().response.status;
        assert_eq!(status, 200, "nobody is drawn to it: client {n}");
    }
    let mut pinned = pinned.expect("somebody was drawn to it");
    assert_eq!(pinned.try_get("/").unwrap().response.status, 500, "who was there stays");
    let said = router.api().state()["verdict"]["sentence"].to_string();
    assert!(said.contains("draws no new client"), "{said}");
    fleet.network.cut(false);
    for router in &fleet.routers {
        eventually("it is aborted", || router.api().state()["candidate"].is_null());
    }
    let history = router.api().get("history").expect(200).json();
    let aborts = history["events"].as_array().unwrap().iter().filter(|event| event["command"] == "abort");
    assert_eq!(aborts.map(|abort| abort["actor"].clone()).collect::<Vec<_>>(), ["verdict"], "{history}");
}
