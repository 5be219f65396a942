//! Endpoints that are registered nowhere, since their keys vanished: they serve on until something speaks against them.

use serde_json::{Value, json};

use crate::routers::{Fleet, RELEASES};
use crate::server::Kind;
use support::router::{APP, id};
use support::{Router, echo, eventually};

fn endpoint(release: &str) -> String {
    format!("{}/c0", id(release))
}

fn held(router: &Router) -> Vec<String> {
    let facts = router.api().call("GET", "/api/v1/router", None).expect(200).json();
    let problems = facts["problems"].as_array().cloned().unwrap_or_default();
    problems.iter().filter_map(|problem| problem["key"].as_str().map(str::to_owned)).collect()
}

fn addresses(router: &Router) -> Vec<String> {
    let listed = router.api().state()["stable"]["endpoints"].as_array().cloned().unwrap_or_default();
    listed.iter().filter_map(|endpoint| endpoint["address"].as_str().map(str::to_owned)).collect()
}

/// A fleet whose stable release lost the key of its only endpoint, with quick checks and these settings.
fn lost(kind: Kind, settings: &Value) -> Fleet {
    let fleet = Fleet::start(kind, 2);
    let mut all = json!({ "health": { "interval_ms": 1000, "timeout_ms": 1000, "fall": 1 } });
    all.as_object_mut().expect("an object").extend(settings.as_object().cloned().unwrap_or_default());
    fleet.routers[0].api().call("PATCH", &format!("/api/v1/apps/{APP}/settings"), Some(&all)).expect(200);
    fleet.server.delete(&endpoint("v1"));
    eventually("it is held", || fleet.routers.iter().all(|router| held(router) == [endpoint("v1")]));
    assert!(fleet.routers.iter().all(|router| router.visitor().release() == "v1"));
    fleet
}

/// The endpoint is gone everywhere, and nobody misses it any more; the log says why.
fn is_let_go_of(fleet: &Fleet, why: &str) {
    eventually("it is let go of", || {
        fleet.routers.iter().all(|router| held(router).is_empty() && addresses(router).is_empty())
    });
    let said = |router: &Router| router.log().contains(&format!("is not served any more: {why}"));
    assert!(fleet.routers.iter().all(said), "{}", fleet.routers[0].log());
}

#[test]
fn it_goes_at_its_first_failed_check() {
    let fleet = lost(Kind::Redis, &json!({}));
    fleet.endpoints[0].stop();
    is_let_go_of(&fleet, "it failed its health check");
}

#[test]
fn it_goes_when_its_address_is_registered_for_another_release() {
    let fleet = lost(Kind::Etcd, &json!({}));
    fleet.server.put(&format!("{}/c7", id(RELEASES[2])), &fleet.endpoints[0].address.to_string());
    is_let_go_of(&fleet, "its address is registered for another release");
}

#[test]
fn it_goes_when_its_time_is_over() {
    let fleet = lost(Kind::Redis, &json!({ "unregistered_seconds": 1 }));
    is_let_go_of(&fleet, "its time is over");
}

#[test]
fn it_stays_beside_a_registered_endpoint_until_that_one_passes() {
    let fleet = lost(Kind::Etcd, &json!({ "unregistered_seconds": 600 }));
    let dead = echo("v1");
    dead.stop();
    fleet.server.put(&format!("{}/c8", id("v1")), &dead.address.to_string());
    eventually("the dead one was asked", || {
        fleet.routers.iter().all(|router| {
            let listed = router.api().state()["stable"]["endpoints"].clone();
            listed.as_array().is_some_and(|listed| listed.iter().any(|endpoint| endpoint["healthy"] == false))
        })
    });
    // Also a router that lists the store anew holds on to it.
    fleet.network.cut(true);
    fleet.network.cut(false);
    eventually("the store is followed", || fleet.store_states() == ["current", "current"]);
    for router in &fleet.routers {
        assert_eq!(held(router), [endpoint("v1")]);
        assert_eq!(router.visitor().release(), "v1");
    }
    let living = echo("v1");
    fleet.server.put(&format!("{}/c9", id("v1")), &living.address.to_string());
    eventually("the living one took its place", || {
        let address = fleet.endpoints[0].address.to_string();
        fleet.routers.iter().all(|router| held(router).is_empty() && !addresses(router).contains(&address))
    });
    assert!(fleet.routers.iter().all(|router| router.visitor().release() == "v1"));
}

/// What the newest event of the app says at a router.
fn newest(router: &Router) -> Value {
    router.api().get("history").expect(200).json()["events"][0].clone()
}

/// A router that had never read the key knew nothing of the endpoint, and answered 503.
#[test]
fn the_record_tells_every_router_and_every_restart_of_it() {
    let mut fleet = lost(Kind::Etcd, &json!({ "unregistered_seconds": 600 }));
    eventually("the record says so", || {
        fleet.routers.iter().all(|router| newest(router)["command"] == "hold-endpoints")
    });
    let told = newest(&fleet.routers[0])["changed"]["unregistered"][1][0].to_string();
    assert!(told.contains(&fleet.endpoints[0].address.to_string()), "{told}");
    fleet.join();
    let joined = &fleet.routers[2];
    eventually("the new one names it", || held(joined) == [endpoint("v1")]);
    assert_eq!(joined.visitor().release(), "v1");
    // The app's other changes leave it.
    joined.api().put("lock", &json!({ "reason": "look into it" })).expect(200);
    fleet.routers[2].start_again();
    eventually("it is named again", || held(&fleet.routers[2]) == [endpoint("v1")]);
    assert!(fleet.routers.iter().all(|router| router.visitor().release() == "v1"));
    let living = echo("v1");
    fleet.server.put(&format!("{}/c9", id("v1")), &living.address.to_string());
    is_replaced(&fleet, &living.address.to_string());
    eventually("the record says so", || newest(&fleet.routers[2])["command"] == "drop-endpoints");
    let event = newest(&fleet.routers[2]);
    assert_eq!(event["reason"], "a registered endpoint of its release passes its health check");
    eventually("all are at one seq", || fleet.is_at_one_seq());
}

/// Every router serves this endpoint alone, and misses nothing.
fn is_replaced(fleet: &Fleet, by: &str) {
    eventually("the living one took its place", || {
        fleet.routers.iter().all(|router| held(router).is_empty() && addresses(router) == [by])
    });
}

#[test]
fn a_key_that_is_put_back_ends_it() {
    let fleet = lost(Kind::Redis, &json!({ "unregistered_seconds": 600 }));
    eventually("the record says so", || newest(&fleet.routers[1])["command"] == "hold-endpoints");
    fleet.routers[1].api_as("admin").call("POST", "/api/v1/store/restore", Some(&json!({}))).expect(200);
    is_replaced(&fleet, &fleet.endpoints[0].address.to_string());
    eventually("the record says so", || newest(&fleet.routers[0])["command"] == "drop-endpoints");
    assert!(fleet.routers.iter().all(|router| router.visitor().release() == "v1"));
}
