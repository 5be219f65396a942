//! Section 5's table, row by row: who moves on which command, and who does not.

use super::crowd::{Crowd, assert_share};
use serde_json::json;
use support::router::id;
use support::{Api, Router, eventually, router};

/// A router with both tracks, and clients pinned to each: `(router, on stable, on candidate)`.
fn two_tracks() -> (Router, Crowd, Crowd) {
    let router = router().stable("v1").candidate("v2").blend(50).deployed("v3").start();
    let mut all = Crowd::arrive(&router, 40);
    let candidate = all.split_off("v2");
    assert!(all.len() > 10 && candidate.len() > 10);
    (router, all, candidate)
}

fn moves(api: &Api, reason: &str) -> f64 {
    api.metrics().sum("rolling_release_moves_total", &[("reason", reason)])
}

#[test]
fn the_blend_moves_and_nobody_with_a_pin_does() {
    let (router, mut stable, mut candidate) = two_tracks();
    let api = router.api();
    for percent in [100.0, 0.0, 12.5, 50.0] {
        api.put("blend", &json!({ "percent": percent })).expect(200);
        stable.assert_undisturbed_on("v1");
        candidate.assert_undisturbed_on("v2");
    }
    for percent in [0, 25, 100] {
        api.put("blend", &json!({ "percent": percent })).expect(200);
        assert_share(&router, "v2", percent);
    }
}

#[test]
fn promote_moves_nobody_with_a_pin() {
    let (router, mut stable, mut candidate) = two_tracks();
    router.api().post("promote", &json!({})).expect(200);
    stable.assert_undisturbed_on("v1");
    candidate.assert_undisturbed_on("v2");
    Crowd::arrive(&router, 20).assert_all_on("v2");
}

#[test]
fn abort_moves_the_candidates_clients_at_once() {
    let (router, mut stable, mut candidate) = two_tracks();
    let api = router.api();
    api.post("abort", &json!({ "reason": "it burns" })).expect(200);
    let count = candidate.len() as f64;
    candidate.assert_all_on("v1");
    candidate.assert_undisturbed_on("v1");
    stable.assert_undisturbed_on("v1");
    Crowd::arrive(&router, 20).assert_all_on("v1");
    eventually("the moves are counted", || (moves(&api, "abort") - count).abs() < f64::EPSILON);
}

#[test]
fn delete_candidate_is_abort() {
    let (router, _stable, mut candidate) = two_tracks();
    router.api().delete("candidate").expect(200);
    candidate.assert_all_on("v1");
}

#[test]
fn another_candidate_takes_the_place_of_the_first() {
    let (router, mut stable, mut candidate) = two_tracks();
    let api = router.api();
    api.put("candidate", &json!({ "id": id("v3"), "blend": 100 })).expect(200);
    candidate.assert_all_on("v1");
    stable.assert_undisturbed_on("v1");
    Crowd::arrive(&router, 20).assert_all_on("v3");
    eventually("the moves are counted", || moves(&api, "replaced") > 0.0);
}

#[test]
fn an_aborted_release_that_comes_back_starts_afresh() {
    let (router, _stable, mut candidate) = two_tracks();
    let api = router.api();
    let tenure = api.state()["candidate"]["tenure"].clone();
    api.post("abort", &json!({})).expect(200);
    candidate.assert_all_on("v1");
    let state = api.put("candidate", &json!({ "id": id("v2"), "blend": 100 })).expect(200).json();
    assert_ne!(state["candidate"]["tenure"], tenure);
    candidate.assert_undisturbed_on("v1");
}

#[test]
fn rollback_takes_everybody_off_the_bad_release_at_once() {
    let (router, mut stable, mut candidate) = two_tracks();
    let api = router.api();
    api.post("promote", &json!({})).expect(200);
    api.put("candidate", &json!({ "id": id("v3"), "blend": 100 })).expect(200);
    let mut next = Crowd::arrive(&router, 10);
    next.assert_all_on("v3");

    let state = api.post("rollback", &json!({ "reason": "v2 loses orders" })).expect(200).json();
    assert_eq!(state["stable"]["id"], id("v1"));
    assert_eq!(state["candidate"], json!(null));
    candidate.assert_all_on("v1"); // they were on the release that was rolled back from
    next.assert_all_on("v1"); // and they on the candidate
    stable.assert_undisturbed_on("v1"); // they never left the target while it drained
    Crowd::arrive(&router, 20).assert_all_on("v1");
    eventually("the moves are counted", || moves(&api, "rollback") > 0.0);
}

#[test]
fn rollback_to_any_release_of_the_history() {
    let (router, mut stable, _candidate) = two_tracks();
    let api = router.api();
    api.post("promote", &json!({})).expect(200); // v2, previous v1
    api.put("stable", &json!({ "id": id("v3") })).expect(200); // v3, previous v2
    let state = api.post("rollback", &json!({ "to": "v1" })).expect(200).json();
    assert_eq!(state["stable"]["id"], id("v1"));
    assert_ne!(state["previous"]["id"], id("v3"), "never back to the release that was rolled back from");
    stable.assert_undisturbed_on("v1");
}

#[test]
fn set_stable_drains_the_earlier_one() {
    let (router, mut stable, mut candidate) = two_tracks();
    let api = router.api();
    let state = api.put("stable", &json!({ "id": id("v3") })).expect(200).json();
    assert_eq!(state["previous"]["id"], id("v1"));
    stable.assert_undisturbed_on("v1");
    candidate.assert_undisturbed_on("v2");
    api.put("blend", &json!({ "percent": 0 })).expect(200);
    Crowd::arrive(&router, 20).assert_all_on("v3");
}

#[test]
fn a_release_is_registered_with_its_endpoints() {
    let (router, mut stable, _candidate) = two_tracks();
    let api = router.api();
    let endpoint = support::echo("v4");
    let body = json!({ "release": "v4", "endpoints": [endpoint.address.to_string()], "service": "hello", "blend": 100 });
    let state = api.put("candidate", &body).expect(200).json();
    assert_eq!(state["candidate"]["release"], "v4");
    Crowd::arrive(&router, 20).assert_all_on("v4");
    stable.assert_undisturbed_on("v1");
}

#[test]
fn a_second_router_start_keeps_every_pin() {
    let mut router = router().stable("v1").candidate("v2").blend(50).durable().start();
    let mut all = Crowd::arrive(&router, 40);
    let mut candidate = all.split_off("v2");
    for crowd in [&mut all, &mut candidate] {
        crowd.hang_up();
    }
    router.start_again();
    all.assert_undisturbed_on("v1");
    candidate.assert_undisturbed_on("v2");
}
