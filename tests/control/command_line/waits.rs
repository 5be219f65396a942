//! What scripts wait for, and what they are told while it is not so.

use std::time::Duration;

use serde_json::json;

use super::program::ask;
use support::{Deadline, Reply, Router, echo, eventually, router};

fn wait(router: &Router, words: &[&str], code: i32) -> String {
    let all: Vec<&str> = ["wait", "--timeout", "1s", "--for"].iter().chain(words).copied().collect();
    ask(router, "viewer", &all).expect(code).out
}

#[test]
fn a_release_is_waited_for_from_its_first_check_until_it_can_be_stopped() {
    let endpoint = echo("v2");
    endpoint.stop();
    let address = endpoint.address;
    let router = router().stable("v1").release("v2", vec![endpoint]).start();
    let api = router.api();
    api.call(
        "PATCH",
        "/api/v1/apps/hello/settings",
        Some(&json!({ "health": { "interval_ms": 100, "timeout_ms": 100 } })),
    )
    .expect(200);
    api.put("candidate", &json!({ "release": "v2" })).expect(200);
    let unhealthy = wait(&router, &["healthy", "--release", "v2"], 6);
    assert!(unhealthy.contains(&address.to_string()) && unhealthy.contains("still waits for"), "{unhealthy}");
    let _back = support::Endpoint::echo_at(address, "v2");
    let words = ["wait", "--for", "healthy", "--release", "v2", "--timeout", "20s"];
    ask(&router, "viewer", &words).expect(0);
    assert!(wait(&router, &["live", "--release", "v2"], 6).contains("blend 0"));
    api.put("blend", &json!({ "percent": 10 })).expect(200);
    wait(&router, &["live"], 0);
    wait(&router, &["applied"], 0);
    let stable = wait(&router, &["can-be-stopped", "--release", "v1"], 6);
    assert!(stable.contains("v1 is the stable release"), "{stable}");
    api.post("promote", &json!({ "release": "v2" })).expect(200);
    assert!(wait(&router, &["drained", "--release", "v1"], 6).contains("v1 drains"));
    api.post("drain/finish", &json!({ "release": "v1" })).expect(200);
    wait(&router, &["drained", "--release", "v1"], 0);
    ask(&router, "viewer", &["wait", "--for", "can-be-stopped", "--release", "v1", "--timeout", "20s"])
        .expect(0);
}

#[test]
fn a_release_that_was_aborted_is_in_use_until_its_last_request_has_ended() {
    let router = router().stable("v1").candidate("v2").blend(100).start();
    let (started, begun) = std::sync::mpsc::channel();
    let (release, released) = std::sync::mpsc::channel::<()>();
    let (started, released) = (std::sync::Mutex::new(started), std::sync::Mutex::new(released));
    router.endpoint("v2").script(move |_| {
        let _ = started.lock().map(|started| started.send(()));
        let _ = released.lock().map(|released| released.recv());
        Reply::response("200 OK", &[], "whole")
    });
    let mut visitor = router.visitor();
    let waiting = std::thread::spawn(move || visitor.get("/slow").response.text());
    begun.recv().expect("the endpoint has the request");
    router.api().post("abort", &json!({ "release": "v2" })).expect(200);
    wait(&router, &["drained", "--release", "v2"], 0);
    let in_use = wait(&router, &["can-be-stopped", "--release", "v2"], 6);
    assert!(in_use.contains("1 requests and WebSockets are open"), "{in_use}");
    release.send(()).expect("the endpoint waits");
    assert_eq!(waiting.join().expect("the visitor ends"), "whole");
    ask(&router, "viewer", &["wait", "--for", "can-be-stopped", "--release", "v2", "--timeout", "20s"])
        .expect(0);
}

#[test]
fn a_release_that_nobody_knows_is_waited_for_by_nobody() {
    let router = router().stable("v1").start();
    let begun = Deadline::after(Duration::from_secs(600));
    for release in ["v2", "apps/hello-v2-80/containers"] {
        for goal in ["healthy", "live", "drained", "can-be-stopped"] {
            let words = ["wait", "--for", goal, "--release", release, "--timeout", "10m"];
            let refused = ask(&router, "viewer", &words).expect(4);
            assert!(refused.err.contains("there is no release `v2`"), "{}", refused.err);
        }
    }
    assert!(begun.elapsed() < Duration::from_secs(60), "at once");
    router.api().put("releases/v2/endpoints/10.0.0.2:80", &json!({})).expect(200);
    wait(&router, &["live", "--release", "v2"], 6);
    wait(&router, &["drained", "--release", "v2"], 0);
}

#[test]
fn what_can_be_stopped_names_the_way_back() {
    let router = router().stable("v1").deployed("v2").start();
    let way_back = "v1 is the way back: a rollback needs its endpoints";
    router.api().put("stable", &json!({ "release": "v2" })).expect(200);
    router.api().post("drain/finish", &json!({})).expect(200);
    for words in [&["can-be-stopped"][..], &["can-be-stopped", "--release", "v1"]] {
        let all = [&["wait", "--timeout", "20s", "--for"], words].concat();
        let met = ask(&router, "viewer", &all).expect(0).out;
        assert!(met.contains(way_back), "{met}");
    }
    let other = wait(&router, &["can-be-stopped", "--release", "v2"], 6);
    assert!(!other.contains("way back"), "{other}");
    let met = router.api().get("wait?for=can-be-stopped&release=v1").expect(200).json();
    assert_eq!(met["way_back"], "v1");
}

#[test]
fn the_blocking_call_answers_with_what_is_missing() {
    let router = router().stable("v1").candidate("v2").start();
    let api = router.api_as("viewer");
    let missing = api.get("wait?for=live&release=v2&timeout=200ms").expect(202).json();
    assert_eq!((&missing["met"], &missing["for"]), (&json!(false), &json!("live")));
    assert_eq!(missing["waiting_for"].as_array().map(Vec::len), Some(1), "{missing}");
    let met = api.get("wait?for=live&release=v1").expect(200).json();
    assert_eq!((&met["met"], &met["waiting_for"]), (&json!(true), &json!([])));
    for refused in ["wait", "wait?for=green", "wait?for=applied&release=v1", "wait?for=live&relase=v1"] {
        api.get(refused).expect(400);
    }
    api.app("nothing").get("wait?for=live").expect(404);
}

#[test]
fn a_check_of_the_status_fails_when_something_is_degraded() {
    let router = router().stable("v1").candidate("v2").start();
    let check = |code| ask(&router, "viewer", &["status", "--check"]).expect(code);
    let settings = json!({ "health": { "interval_ms": 100, "timeout_ms": 100 } });
    router.api().call("PATCH", "/api/v1/apps/hello/settings", Some(&settings)).expect(200);
    check(0);
    router.endpoint("v2").stop();
    let address = router.endpoint("v2").address.to_string();
    eventually("the endpoint is out", || !check_is_well(&router));
    let degraded = check(1);
    assert!(degraded.err.contains("candidate v2") && degraded.err.contains(&address), "{}", degraded.err);
    let json = ask(&router, "viewer", &["status", "--check", "--app", "hello", "--json"]).expect(1);
    assert_eq!(json.json()["app"], "hello");
}

fn check_is_well(router: &Router) -> bool {
    router.api().state()["candidate"]["endpoints"][0]["healthy"] == json!(true)
}

#[test]
fn a_pipeline_that_runs_twice_succeeds_twice() {
    let router = router().stable("v1").deployed("v2").start();
    let ci = |words: &[&str]| ask(&router, "ci", words).expect(0).out;
    let address = router.endpoint("v2").address.to_string();
    let run = || {
        let set = ci(&["candidate", "set", "v2", "--blend", "5"]);
        ci(&["promote", "--release", "v2"]);
        set
    };
    run();
    let seq = router.api().state()["seq"].clone();
    assert!(run().starts_with("nothing to do"));
    router.api_as("ci").put("blend", &json!({ "percent": 50, "release": "v2" })).expect(200);
    assert_eq!(router.api().state()["seq"], seq);
    // The same release with other endpoints is no repeat.
    let other = echo("other");
    let moved = json!({ "release": "v2", "endpoints": [other.address.to_string()] });
    assert_eq!(router.api_as("ci").put("candidate", &moved).expect(409).code(), "other_endpoints");
    assert_eq!(router.api().state()["stable"]["endpoints"][0]["address"], address);
    // After a rollback it is on trial again, and no repeat.
    router.api().post("rollback", &json!({})).expect(200);
    let again = router.api().put("candidate", &json!({ "release": "v2" })).expect(200);
    assert_eq!(again.json()["result"], "done");
}
