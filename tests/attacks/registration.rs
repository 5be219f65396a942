//! A pipeline's token against a locked app: whoever chooses the endpoints chooses what users get.

use std::collections::BTreeSet;

use serde_json::{Value, json};
use support::router::id;
use support::{Router, echo, eventually, router};

/// More endpoints than one commit takes, where nothing listens.
fn many(count: usize) -> Vec<String> {
    (0..count).map(|n| format!("127.77.{}.{}:9", n / 200, n % 200 + 1)).collect()
}

/// Everything that is stored and not the router's own.
fn stored(router: &Router) -> Value {
    router.api().call("GET", "/api/kv/?recurse", None).expect(200).json()
}

fn locked(router: &Router) {
    router.api_as("operator").put("lock", &json!({ "reason": "an incident" })).expect(200);
}

/// Twelve new users, and what they get.
fn users(router: &Router) -> BTreeSet<String> {
    (0..12).map(|_| router.visitor().release()).collect()
}

fn only_v1() -> BTreeSet<String> {
    BTreeSet::from(["v1".to_owned()])
}

fn changes_of_endpoints(router: &Router) -> usize {
    let page = router.api().get("history").expect(200).json();
    let events = page["events"].as_array().cloned().unwrap_or_default();
    events.iter().filter(|event| event["command"] == "change-endpoints").count()
}

/// Raw keys below stable's `containers/` gave all new clients to the attacker's address, or 503 to everybody.
#[test]
fn raw_keys_change_no_endpoint_of_a_locked_app() {
    let router = router().stable("v1").start();
    let attacker = echo("attacker");
    locked(&router);
    let (ci, before) = (router.api_as("ci"), stored(&router));
    let own = format!("{}/c0", id("v1"));
    for root in ["/api/kv", "/v1/kv"] {
        for key in [own.clone(), format!("{}/evil", id("v1")), own.replace('/', "%2F")] {
            let address = attacker.address.to_string();
            let body = Some(("text/plain", address.as_bytes()));
            let refused = ci.raw("PUT", &format!("{root}/{key}"), body, "").expect(423);
            let text = refused.response.text();
            assert!(text.contains("an incident") && text.contains("locked by"), "{text}");
            ci.raw("DELETE", &format!("{root}/{key}"), None, "").expect(if key.contains("evil") {
                200
            } else {
                423
            });
        }
    }
    assert_eq!(stored(&router), before);
    assert_eq!((users(&router), changes_of_endpoints(&router)), (only_v1(), 0));
}

/// Refused with 423, 412 or 409, a command with more than 90 endpoints had registered them all the same: 12 of 12 users got 502.
#[test]
fn a_refused_command_registers_nothing_however_much_it_brings() {
    let router = router().stable("v1").candidate("v2").start();
    let (ci, before) = (router.api_as("ci"), stored(&router));
    for count in [1, 91, 1_000] {
        for release in ["v1", "v2"] {
            let body = json!({ "id": id(release), "endpoints": many(count) });
            let track = if release == "v1" { "stable" } else { "candidate" };
            ci.put(track, &body).expect(409);
            ci.if_match(77)
                .put("candidate", &json!({ "id": id("v9"), "endpoints": many(count) }))
                .expect(412);
            let forced = json!({ "id": id(release), "endpoints": many(count), "force": true });
            ci.if_match(77).put(track, &forced).expect(412);
        }
    }
    router.api_as("viewer").put("stable", &json!({ "id": id("v1"), "endpoints": many(91) })).expect(403);
    ci.put("stable", &json!({ "id": id("v1"), "endpoints": many(1_001) })).expect(422);
    locked(&router);
    let locked = stored(&router);
    for force in [false, true] {
        ci.put("stable", &json!({ "id": id("v1"), "endpoints": many(91), "force": force })).expect(423);
    }
    assert_eq!(stored(&router), locked);
    assert_eq!(keys_below_apps(&before), keys_below_apps(&locked), "the lock is all that was stored");
    assert_eq!((users(&router), changes_of_endpoints(&router)), (only_v1(), 0));
}

fn keys_below_apps(entries: &Value) -> Vec<Value> {
    let is_below = |entry: &&Value| entry["Key"].as_str().is_some_and(|key| key.starts_with("apps/"));
    entries.as_array().into_iter().flatten().filter(is_below).cloned().collect()
}

/// Naming the present stable with endpoints was answered "unchanged", and changed them without a trace.
#[test]
fn no_change_of_endpoints_is_without_a_trace() {
    let router = router().stable("v1").start();
    let second = echo("v1");
    let first = router.endpoint("v1").address.to_string();
    let ci = router.api_as("ci");
    ci.kv_put(&format!("{}/c0", id("v1")), &first).expect(200);
    assert_eq!(changes_of_endpoints(&router), 0, "nothing was changed");
    ci.kv_put(&format!("{}/c1", id("v1")), &second.address.to_string()).expect(200);
    let event = router.api().get("history").expect(200).json()["events"][0].clone();
    let entry = |address: &str| format!("{}/{address}", id("v1"));
    let after: BTreeSet<String> = [entry(&first), entry(&second.address.to_string())].into();
    assert_eq!(event["changed"]["endpoints"][0], json!([entry(&first)]));
    assert_eq!(event["changed"]["endpoints"][1], json!(after));
    assert!(router.log().contains("endpoints of the app were changed"), "{}", router.log());
    let unchanged = router.api().state()["seq"].clone();
    let both = json!({ "id": id("v1"), "endpoints": [first, second.address.to_string()] });
    assert_eq!(ci.put("stable", &both).expect(200).json()["result"], "unchanged");
    assert_eq!(router.api().state()["seq"], unchanged, "a change of endpoints disturbs no command");
}

/// A set of more endpoints than one commit takes is there as a whole or not at all, also for whoever comes after a crash.
#[test]
fn a_router_that_is_killed_while_it_registers_leaves_a_whole_set() {
    let mut router = router().durable().start();
    for round in 0..3 {
        let app = router.api().app(&format!("app{round}"));
        let set = many(600);
        let body = json!({ "release": "1", "endpoints": &set });
        app.put("stable", &body).expect(200);
        router.kill();
        router.start_again();
        let listed = app.state()["stable"]["endpoints"].as_array().map(Vec::len);
        assert_eq!(listed, Some(set.len()), "acknowledged, and whole");
        let release = app.state()["stable"]["id"].as_str().expect("an id").to_owned();
        let keys = || router.api().call("GET", &format!("/api/kv/{release}?keys"), None).expect(200).json();
        assert_eq!(keys().as_array().map(Vec::len), Some(set.len()));
        let modified = || {
            let entries =
                router.api().call("GET", &format!("/v1/kv/{release}?recurse"), None).expect(200).json();
            let entries = entries.as_array().cloned().unwrap_or_default();
            entries.iter().map(|entry| entry["ModifyIndex"].to_string()).collect::<BTreeSet<_>>()
        };
        // Written out, the keys have come in more than one commit.
        eventually("it is written out", || modified().len() > 1);
    }
}
