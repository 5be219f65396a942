//! Latency in the verdict: a candidate that keeps people waiting is named, and what happens to it is a setting.

use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use serde_json::{Value, json};
use support::{
    Endpoint, Reply, Router, RouterBuilder, clock::pause, command::ask, eventually, router, scripted,
};

use super::crowd::{Crowd, is_dropped, newest, verdict};

/// A slower candidate is named after about a dozen blocks of five seconds; clients come one after the other meanwhile.
const CLIENTS_MAX: usize = 10_000;

/// An endpoint whose answers take all times up to this many ms, each as often.
fn taking_up_to(release: &'static str, most_ms: u64) -> Endpoint {
    let asked = AtomicU64::new(0);
    scripted(move |_| {
        let place = asked.fetch_add(1, Ordering::Relaxed) * 7 % 20;
        pause(Duration::from_millis(most_ms * (place + 1) / 20));
        Reply::response("200 OK", &[("X-Release", release)], "so")
    })
}

/// Stable `v1`, and a candidate `v2` whose slowest answers take so many ms to stable's 40.
fn beside(most_ms: u64, settings: &Value) -> RouterBuilder {
    let (stable, candidate) = (taking_up_to("v1", 40), taking_up_to("v2", most_ms));
    let builder = router().stable_on("v1", vec![stable]).candidate_on("v2", vec![candidate]).blend(50);
    builder.key("rolling/hello/settings", &settings.to_string())
}

fn latency(router: &Router) -> Value {
    verdict(router)["latency"].clone()
}

#[test]
fn a_candidate_whose_p95_is_twice_stables_is_slower_and_everybody_is_told() {
    let router = beside(80, &json!({})).start();
    let mut crowd = Crowd::of(&router);
    crowd.come_until(CLIENTS_MAX, &["/"], &router, || latency(&router)["slower"] == true);
    let said = verdict(&router);
    assert_eq!((&said["on_slower"], &said["candidate_sessions"]["failing"]), (&json!("tell"), &json!(0)));
    assert_ne!(said["verdict"], "worse", "it fails nobody: {said}");
    assert!(said["sentence"].as_str().unwrap().contains("It is slower than stable: "), "{said}");
    let thresholds = said["latency"]["thresholds"].as_array().unwrap();
    let percentiles: Vec<f64> =
        thresholds.iter().map(|known| known["percentile"].as_f64().unwrap()).collect();
    assert_eq!(percentiles, [50.0, 95.0, 99.0], "{said}");
    assert!(thresholds.is_sorted_by_key(|known| known["threshold_ms"].as_f64().unwrap().to_bits()), "{said}");
    assert_eq!(router.api().state()["verdict"]["slower"], true);
    let metrics = router.api().metrics();
    assert!(metrics.sum("rolling_verdict_evidence", &[("app", "hello"), ("for", "slower")]) >= 100.0);
    let shown = ask(&router, "viewer", &["verdict"]);
    assert!(shown.out.contains("p95       over ") && shown.out.contains("if slower   tell"), "{}", shown.out);
    assert!(!is_dropped(&router), "it is only told by default");
    let change = json!({ "verdict": { "on_slower": "hold" } });
    router.api().call("PATCH", "/api/v1/apps/hello/settings", Some(&change)).expect(200);
    let alarms = || router.api().call("GET", "/api/v1/fleet", None).expect(200).json()["alarms"].to_string();
    eventually("an alarm is raised", || alarms().contains("candidate_worse"));
    let change = json!({ "verdict": { "on_slower": "abort" } });
    router.api().call("PATCH", "/api/v1/apps/hello/settings", Some(&change)).expect(200);
    eventually("it is aborted", || is_dropped(&router));
    let event = newest(&router);
    assert_eq!(event["actor"], "verdict", "{event}");
    assert!(event["receipt"]["evidence_slower"].as_f64().unwrap() >= 100.0, "{event}");
}

#[test]
fn a_plan_waits_for_a_slower_candidate() {
    let settings = json!({ "plans": ["gradual: 50%; hold"], "verdict": { "at_least": 30 } });
    let router = beside(120, &settings).start();
    let mut crowd = Crowd::of(&router);
    crowd.come_until(CLIENTS_MAX, &["/"], &router, || latency(&router)["slower"] == true);
    router.api().call("POST", "/api/v1/apps/hello/plan", Some(&json!({ "plan": "gradual" }))).expect(200);
    let waits = || router.api().get("plan").expect(200).json()["plan"]["waits_for"].to_string();
    eventually("the plan waits", || waits().contains("a verdict that it is no slower than stable"));
    assert_eq!(verdict(&router)["on_slower"], "hold");
    // Whoever wants to be told only lets it go on.
    let change = json!({ "verdict": { "on_slower": "tell" } });
    router.api().call("PATCH", "/api/v1/apps/hello/settings", Some(&change)).expect(200);
    eventually("the plan is over", || router.api().get("plan").expect(200).json()["plan"].is_null());
}

#[test]
fn a_candidate_that_is_as_slow_as_stable_is_not_named() {
    let router = beside(40, &json!({})).start();
    Crowd::of(&router).come(600, &["/"]);
    let compared = |arm: &str| latency(&router)["thresholds"][1][arm]["compared"].as_u64().unwrap_or(0);
    eventually("some are compared", || compared("candidate") >= 50 && compared("control") >= 50);
    assert_eq!(latency(&router)["slower"], false, "{}", verdict(&router));
}

/// What stable answered instead says nothing about how long the candidate would have taken.
#[test]
fn a_candidate_that_is_silent_until_stable_is_asked_is_slower_than_any_threshold() {
    let silent = scripted(|_| Reply::Hang(Vec::new()));
    let settings = json!({ "shielding": { "first_byte_ms": 20 }, "verdict": { "on_worse": "tell" } });
    let builder = router().stable("v1").candidate_on("v2", vec![silent]).blend(25);
    let router = builder.key("rolling/hello/settings", &settings.to_string()).start();
    let mut crowd = Crowd::of(&router);
    let slow = |at: usize| latency(&router)["thresholds"][at]["candidate"]["slow"].as_u64().unwrap_or(0);
    crowd.come_until(CLIENTS_MAX, &["/"], &router, || slow(2) >= 3);
    assert!(slow(0) >= 3 && slow(1) >= 3, "{}", latency(&router));
}
