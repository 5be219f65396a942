//! The store of another router that fell or was replaced: both routers serve on, and both can be settled, in either order.

use std::fs;

use serde_json::{Value, json};

use super::serving::beside;
use support::{Answer, Router, eventually, router};

/// A router, and one on its store; both at the promote from `v1` to `v2`. The store of before lies beside it.
fn promoted() -> (Router, Router) {
    let mut serving = router().durable().stable("v1").candidate("v2").start();
    serving.kill();
    fs::copy(serving.path("store.redb"), serving.path("older.redb")).unwrap();
    serving.start_again();
    let using = beside(&serving);
    using.api().post("promote", &json!({ "release": "v2" })).expect(200);
    eventually("both serve the promote", || serves(&[&serving, &using], "v2"));
    // What is served is kept within a second; a graceful end keeps it at once.
    serving.terminate();
    assert_eq!(serving.exit_code(), Some(0));
    (serving, using)
}

fn serves(routers: &[&Router], release: &str) -> bool {
    routers.iter().all(|router| router.visitor().release() == release)
}

fn store(router: &Router) -> Value {
    router.api().call("GET", "/api/v1/router", None).expect(200).json()["store"].clone()
}

fn is_diverged(router: &Router) {
    eventually("the alarm is shown", || store(router)["state"] == "diverged");
    assert_eq!(router.api().put("sticky", &json!({ "sticky": true })).expect(409).code(), "store_diverged");
}

fn settle(router: &Router, what: &str, body: &Value) -> Answer {
    router.api_as("admin").call("POST", &format!("/api/v1/store/{what}"), Some(body))
}

/// Both take commands again, and each sees the other's.
fn work_together(serving: &Router, using: &Router) {
    for (router, sticky) in [(serving, false), (using, true)] {
        router.api().put("sticky", &json!({ "sticky": sticky })).expect(200);
        eventually("both are at one seq", || serving.api().state()["seq"] == using.api().state()["seq"]);
        assert_eq!(serving.api().state()["sticky"], sticky);
    }
}

/// The serving router came back with the store of before the promote.
fn fallen() -> (Router, Router) {
    let (mut serving, using) = promoted();
    fs::copy(serving.path("older.redb"), serving.path("store.redb")).unwrap();
    serving.start_again();
    is_diverged(&serving);
    is_diverged(&using);
    assert!(serves(&[&serving, &using], "v2"), "both serve what they served last");
    (serving, using)
}

/// Waits until the router has seen that the store was settled elsewhere.
fn sees_another_epoch(router: &Router) {
    eventually("the new epoch is seen", || {
        store(router)["detail"].as_str().is_some_and(|detail| detail.contains("epoch"))
    });
}

/// One router writes back what it served, the other accepts that, and both serve it.
fn restore_and_accept(restoring: &Router, accepting: &Router) {
    let restored = settle(restoring, "restore", &json!({})).expect(200).json();
    assert!(restored["written"].as_u64() > Some(0), "{restored}");
    sees_another_epoch(accepting);
    settle(accepting, "accept", &json!({})).expect(200);
    assert!(serves(&[restoring, accepting], "v2"));
}

#[test]
fn a_store_that_fell_is_restored_where_it_is_and_accepted_by_the_router_that_uses_it() {
    let (serving, using) = fallen();
    restore_and_accept(&serving, &using);
    work_together(&serving, &using);
}

#[test]
fn a_store_that_fell_is_accepted_by_both() {
    let (serving, using) = fallen();
    settle(&serving, "accept", &json!({})).expect(200);
    sees_another_epoch(&using);
    settle(&using, "accept", &json!({})).expect(200);
    eventually("both serve what it holds", || serves(&[&serving, &using], "v1"));
    work_together(&serving, &using);
}

/// A restore through another router began with a new epoch, upon which that router refused the rest of it, every time: the
/// two could not be settled.
#[test]
fn a_store_that_fell_is_restored_by_the_router_that_uses_it() {
    let (serving, using) = fallen();
    restore_and_accept(&using, &serving);
    work_together(&serving, &using);
}

#[test]
fn a_router_that_lost_everything_is_given_back_its_store_by_the_one_that_used_it() {
    let (mut serving, using) = promoted();
    let mut client = using.visitor();
    client.get("/");
    fs::remove_file(serving.path("store.redb")).unwrap();
    fs::remove_dir_all(serving.path("state")).unwrap();
    serving.start_again();
    is_diverged(&using);
    let refused = settle(&using, "restore", &json!({})).expect(409);
    assert_eq!(refused.code(), "another_store", "{}", refused.response.text());
    settle(&using, "restore", &json!({ "replace": true })).expect(200);
    is_diverged(&serving);
    settle(&serving, "accept", &json!({})).expect(200);
    let mut moved = serving.visitor();
    moved.pin.clone_from(&client.pin);
    assert_eq!((moved.release(), moved.pin), ("v2".into(), client.pin.clone()), "pins hold");
    work_together(&serving, &using);
}

#[test]
fn an_empty_store_behind_a_router_that_knows_better_is_settled_there_and_the_answer_says_so() {
    let (mut serving, using) = promoted();
    fs::remove_file(serving.path("store.redb")).unwrap();
    serving.start_again();
    is_diverged(&serving);
    is_diverged(&using);
    let refused = settle(&using, "restore", &json!({})).expect(503);
    assert!(refused.response.text().contains("until that is settled"), "{}", refused.response.text());
    settle(&serving, "restore", &json!({})).expect(200);
    sees_another_epoch(&using);
    settle(&using, "accept", &json!({})).expect(200);
    work_together(&serving, &using);
}
