//! Endpoints that come, go and die: inside a release nobody changes the release for it, and stable is never saved by the
//! candidate.

use super::crowd::Crowd;
use std::collections::BTreeSet;
use support::router::id;
use support::{Endpoint, echo, eventually, router};

#[test]
fn one_endpoint_dies_and_its_clients_stay_on_the_release() {
    let router = router().stable_on("v1", vec![echo("v1"), echo("v1")]).candidate("v2").blend(0).start();
    let mut crowd = Crowd::arrive(&router, 20);
    router.endpoints_of("v1")[0].stop();
    for _ in 0..3 {
        crowd.assert_all_on("v1");
    }
    let alive = router.endpoints_of("v1")[1].address.to_string();
    let reached: BTreeSet<String> = crowd.visit().into_iter().map(|visit| visit.endpoint).collect();
    assert_eq!(reached, BTreeSet::from([alive]));
}

#[test]
fn a_whole_stable_that_dies_is_not_replaced_by_the_candidate() {
    let router = router().stable("v1").candidate("v2").blend(0).start();
    let mut pinned = router.visitor();
    pinned.get("/");
    router.endpoint("v1").stop();
    for _ in 0..3 {
        for visitor in [&mut pinned, &mut router.visitor()] {
            let visit = visitor.try_get("/").expect("an answer");
            assert!(matches!(visit.response.status, 502 | 503), "{}", visit.response.status);
            assert_eq!(visit.release, "");
        }
    }
    let _again = Endpoint::echo_at(router.endpoint("v1").address, "v1");
    eventually("stable serves again", || pinned.try_get("/").is_ok_and(|visit| visit.release == "v1"));
}

#[test]
fn a_whole_candidate_that_dies_gives_its_clients_to_stable() {
    let router = router().stable("v1").candidate("v2").blend(100).start();
    let mut pinned = router.visitor();
    assert_eq!(pinned.get("/").release, "v2");
    router.endpoint("v2").stop();
    eventually("the health check has seen it", || {
        pinned.try_get("/").is_ok_and(|visit| visit.release == "v1")
    });
    // The move is a re-pin: they do not go back when the candidate does.
    let _again = Endpoint::echo_at(router.endpoint("v2").address, "v2");
    let api = router.api();
    eventually("the candidate is healthy again", || {
        api.state()["candidate"]["endpoints"][0]["healthy"] == true
    });
    assert_eq!(pinned.get("/").release, "v1");
}

#[test]
fn one_more_endpoint_takes_new_clients_and_moves_no_pin() {
    let router = router().stable_on("v1", vec![echo("v1"), echo("v1")]).start();
    let mut crowd = Crowd::arrive(&router, 20);
    let before: Vec<String> = crowd.visit().into_iter().map(|visit| visit.endpoint).collect();
    let third = echo("v1");
    router.api().kv_put(&format!("{}/c2", id("v1")), &third.address.to_string()).expect(200);
    let after: Vec<(String, bool)> =
        crowd.visit().into_iter().map(|visit| (visit.endpoint, visit.pinned)).collect();
    assert_eq!(after, before.into_iter().map(|endpoint| (endpoint, false)).collect::<Vec<_>>());
    // It starts slowly, so that some time may pass before a client is drawn to it.
    let third = third.address.to_string();
    eventually("new clients go there too", || router.visitor().get("/").endpoint == third);
}

#[test]
fn an_endpoint_key_that_is_deleted_moves_its_clients_inside_the_release() {
    let router = router().stable_on("v1", vec![echo("v1"), echo("v1")]).start();
    let mut crowd = Crowd::arrive(&router, 20);
    router.api().kv_delete(&format!("{}/c0", id("v1"))).expect(200);
    let left = router.endpoints_of("v1")[1].address.to_string();
    for visit in crowd.visit() {
        assert_eq!((visit.release.as_str(), visit.endpoint.as_str()), ("v1", left.as_str()));
    }
    assert_eq!(crowd.connects(), 20, "nobody's connection was closed");
}
