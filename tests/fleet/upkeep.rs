//! What any member may do of its own accord is done once by the fleet; and what drains is summed over all members.

use serde_json::{Value, json};

use crate::routers::{Fleet, seq};
use crate::server::Kind;
use support::router::id;
use support::visitor::distinct;
use support::{Router, eventually};

/// How often a command of this name is in the app's history.
fn times(router: &Router, command: &str) -> usize {
    let history = router.api().get("history?limit=200").expect(200).json();
    let events = history["events"].as_array().expect("events");
    events.iter().filter(|event| event["command"] == command).count()
}

fn foreign_writes_are_adopted_once(kind: Kind) {
    let fleet = Fleet::start(kind, 5);
    let before = seq(&fleet.routers[0]);
    for n in 1..=5 {
        let release = ["v2", "v3"][n % 2];
        fleet.server.put("rolling/hello/candidate/id", &id(release));
        let wanted = before + n as u64;
        eventually("everybody adopted it", || fleet.routers.iter().all(|router| seq(router) >= wanted));
        for router in &fleet.routers {
            let state = router.api().state();
            assert_eq!((&state["seq"], &state["candidate"]["release"]), (&json!(wanted), &json!(release)));
            assert_eq!(state["updated"]["actor"], "keyvalues");
        }
    }
}

#[test]
fn on_etcd_foreign_writes_are_adopted_once_by_the_fleet() {
    foreign_writes_are_adopted_once(Kind::Etcd);
}

#[test]
fn on_redis_foreign_writes_are_adopted_once_by_the_fleet() {
    foreign_writes_are_adopted_once(Kind::Redis);
}

#[test]
fn a_drain_is_ended_once_by_the_fleet() {
    let fleet = Fleet::start(Kind::Etcd, 5);
    let settings = json!({ "drainseconds": 0, "drainmaxseconds": 1 });
    fleet.routers[0].api().call("PATCH", "/api/v1/apps/hello/settings", Some(&settings)).expect(200);
    fleet.command(1, "PUT", "stable", &json!({ "id": id("v2") }), "60s").expect(200);
    eventually("it is retired everywhere", || {
        fleet.routers.iter().all(|router| router.api().state()["draining"] == json!([]))
    });
    eventually("all are at one seq", || fleet.is_at_one_seq());
    assert_eq!(times(&fleet.routers[4], "retire"), 1);
}

fn drain(router: &Router) -> Value {
    router.api().state()["draining"][0]["activity"]["fleet"].clone()
}

#[test]
fn what_drains_is_summed_over_all_members() {
    let fleet = Fleet::start(Kind::Redis, 3);
    let mut visitors = distinct(3, |at| fleet.routers[at].visitor());
    visitors.iter_mut().for_each(|visitor| assert_eq!(visitor.release(), "v1"));
    fleet.command(0, "PUT", "stable", &json!({ "id": id("v2") }), "60s").expect(200);
    // One client comes back to every router, and two to one each: three clients.
    let everywhere = visitors[0].pin.clone().expect("a pin");
    assert!(fleet.releases_of(&everywhere).iter().all(|release| release == "v1"));
    visitors.iter_mut().for_each(|visitor| assert_eq!(visitor.release(), "v1"));
    for router in &fleet.routers {
        eventually("the sum is known", || {
            let sum = drain(router);
            (&sum["members"], &sum["reported"], &sum["pinned"]) == (&json!(3), &json!(3), &json!(3))
        });
        assert_eq!(drain(router)["can_be_stopped"], false);
    }
}

#[test]
fn endpoints_can_be_stopped_once_nobody_has_anything_left() {
    let fleet = Fleet::start(Kind::Redis, 3);
    fleet.command(0, "PUT", "stable", &json!({ "id": id("v2") }), "60s").expect(200);
    for router in &fleet.routers {
        eventually("nobody was ever there", || drain(router)["can_be_stopped"] == true);
    }
    fleet.routers[2].signal("STOP");
    eventually("one that is not heard from may have something left", || {
        let sum = drain(&fleet.routers[0]);
        (&sum["reported"], &sum["can_be_stopped"]) == (&json!(2), &json!(false))
    });
}
