//! The stop button while the store is down: one router drops the candidate by itself, says so, and the store takes the abort when
//! it is back.

use serde_json::{Value, json};

use crate::routers::{Fleet, alarms, seq};
use crate::server::Kind;
use support::command::ask;
use support::router::id;
use support::{Router, eventually};

/// A fleet that sends all its new clients to the candidate, and a pin to the candidate.
fn all_on_the_candidate(kind: Kind, members: usize) -> (Fleet, String) {
    let fleet = Fleet::start(kind, members);
    fleet.command(0, "PUT", "candidate", &json!({ "id": id("v2"), "blend": 100 }), "60s").expect(200);
    let mut visitor = fleet.routers[0].visitor();
    assert_eq!(visitor.release(), "v2");
    (fleet, visitor.pin.expect("a pin"))
}

fn pending(router: &Router) -> f64 {
    router.api().metrics().sum("rolling_local_aborts", &[])
}

/// What a router says of the abort that it alone applies, in `status`, alarms and metrics.
fn says_so(router: &Router) {
    let status = ask(router, "operator", &["status", "--check"]);
    assert_eq!(status.code, 1, "{status:?}");
    assert!(status.out.contains("aborted    v2, on this router alone, by maria"), "{status:?}");
    assert!(status.err.contains("v2 is aborted on this router alone"), "{status:?}");
    assert!(alarms(router, "r1").contains(&"local_abort".to_owned()));
    assert!(pending(router) > 0.0);
    assert!(router.log().contains("the candidate is dropped on this router alone"));
}

/// The store has the abort, with who ordered it and why, and no router is alone any more.
fn is_taken_everywhere(fleet: &Fleet, seq_before: u64) {
    let taken = |router: &Router| {
        let state = router.api().state();
        state["seq"] == seq_before + 1 && state["candidate"].is_null() && state["local_abort"].is_null()
    };
    eventually("the store has the abort", || fleet.routers.iter().all(taken));
    let updated = fleet.routers[1].api().state()["updated"].clone();
    let told = ["command", "actor", "reason"].map(|field| updated[field].clone());
    assert_eq!(told, [json!("abort"), json!("maria"), json!("errors")]);
    eventually("it is nobody's alone", || fleet.routers.iter().all(|router| pending(router) == 0.0));
}

fn aborts_alone(kind: Kind) {
    let (mut fleet, pin) = all_on_the_candidate(kind, 2);
    let seq_before = seq(&fleet.routers[0]);
    fleet.server.kill();
    for verb in ["abort", "rollback"] {
        let refused = ask(&fleet.routers[0], "operator", &[verb]);
        assert_ne!(refused.code, 0);
        assert!(refused.err.contains("abort --local"), "{refused:?}");
    }
    assert_eq!(fleet.releases_of(&pin), ["v2", "v2"]);
    let done = ask(&fleet.routers[0], "operator", &["abort", "--local", "--reason", "errors"]);
    assert_eq!(done.code, 0, "{done:?}");
    assert!(done.out.contains("on this router alone"), "{done:?}");
    assert_eq!(fleet.releases_of(&pin), ["v1", "v2"], "on this router alone");
    says_so(&fleet.routers[0]);
    // Also a crash does not bring the candidate back.
    fleet.routers[0].kill();
    fleet.routers[0].start_again();
    assert_eq!(fleet.releases_of(&pin), ["v1", "v2"]);
    assert!(pending(&fleet.routers[0]) > 0.0);
    fleet.server.restart();
    is_taken_everywhere(&fleet, seq_before);
    assert_eq!(fleet.releases_of(&pin), ["v1", "v1"]);
}

#[test]
fn a_candidate_is_dropped_by_one_router_while_redis_is_down() {
    aborts_alone(Kind::Redis);
}

#[test]
fn a_candidate_is_dropped_by_one_router_while_etcd_is_down() {
    aborts_alone(Kind::Etcd);
}

#[test]
fn a_store_that_is_read_but_takes_nothing_is_no_obstacle() {
    let (fleet, pin) = all_on_the_candidate(Kind::Redis, 2);
    let seq_before = seq(&fleet.routers[0]);
    fleet.server.configure("min-replicas-to-write", "1");
    let abort = json!({ "local": true, "reason": "errors" });
    let done: Value = fleet.routers[0].api().post("abort", &abort).expect(200).json();
    assert_eq!(done["local_abort"]["release"], "v2", "{done}");
    assert_eq!(fleet.releases_of(&pin), ["v1", "v2"]);
    fleet.server.configure("min-replicas-to-write", "0");
    is_taken_everywhere(&fleet, seq_before);
}

#[test]
fn a_change_that_another_router_made_meanwhile_counts() {
    let (fleet, pin) = all_on_the_candidate(Kind::Etcd, 1);
    let seq_before = seq(&fleet.routers[0]);
    fleet.network.cut(true);
    fleet.routers[0].api().post("abort", &json!({ "local": true })).expect(200);
    assert_eq!(fleet.releases_of(&pin), ["v1"]);
    let there = crate::proxy::Proxy::start(fleet.server.address);
    let url = fleet.server.url(there.address);
    let other = support::router().store(&url).flag("--node").flag("r2").start();
    other.api().put("lock", &json!({ "reason": "the fair" })).expect(200);
    fleet.network.cut(false);
    eventually("the other's change counts", || seq(&fleet.routers[0]) == seq_before + 1);
    eventually("the abort is over", || fleet.routers[0].api().state()["local_abort"].is_null());
    assert_eq!(fleet.releases_of(&pin), ["v2"]);
    assert!(fleet.routers[0].log().contains("the store holds a later change"));
}
