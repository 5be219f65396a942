//! Plans: a candidate's blend rises by itself while it is no worse than stable, and stays where anything speaks against it.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use serde_json::{Value, json};
use support::{
    Reply, Router,
    clock::pause,
    command::ask,
    eventually,
    receiver::{Receiver, hook},
    router,
};

use crate::verdict::crowd::{Crowd, failing, is_dropped, newest};

/// Stable `v1`, a candidate that is as good, these plans, and a share of failing sessions that takes few clients to exclude.
fn planned(plans: &[&str]) -> support::RouterBuilder {
    let settings = json!({ "plans": plans, "verdict": { "at_least": 30 } }).to_string();
    router().stable("v1").candidate("v2").blend(0).key("rolling/hello/settings", &settings)
}

fn plan(router: &Router) -> Value {
    router.api().get("plan").expect(200).json()["plan"].clone()
}

fn start(router: &Router, name: &str) {
    router.api().call("POST", "/api/v1/apps/hello/plan", Some(&json!({ "plan": name }))).expect(200);
}

/// What holds a plan and what it waits for.
fn waits(router: &Router) -> String {
    let plan = plan(router);
    format!("{} {}", plan["held_by"], plan["waits_for"])
}

fn waits_for(router: &Router, what: &str) {
    eventually(&format!("the plan waits for: {what}"), || waits(router).contains(what));
}

fn stays(router: &Router, step: u64) {
    pause(Duration::from_millis(1_500));
    assert_eq!(plan(router)["step"], step, "{}", plan(router));
}

#[test]
fn a_good_candidate_is_brought_to_everybody_by_its_plan_alone() {
    let router = planned(&["gradual: 30% hold=1s sessions=5; 60%; promote"]).start();
    start(&router, "gradual");
    assert_eq!(router.api().state()["blend"], 30);
    waits_for(&router, "more clients drawn to the candidate");
    let shown = ask(&router, "viewer", &["plan", "status"]);
    assert!(shown.out.starts_with("gradual: [30 %] - 60 % - promote, started by "), "{}", shown.out);
    let mut crowd = Crowd::of(&router);
    let mut came = 0;
    eventually("it is promoted", || {
        came += crowd.come(10, &["/", "/next"]);
        router.api().state()["stable"]["release"] == "v2"
    });
    assert_eq!(came, 0, "nobody met a failure");
    let event = newest(&router);
    assert_eq!((&event["command"], &event["actor"]), (&json!("promote"), &json!("plan gradual")), "{event}");
    let events = router.api().get("history?limit=3").expect(200).json()["events"].to_string();
    assert!(events.contains("advance-plan") && events.contains("start-plan"), "{events}");
    assert_eq!(plan(&router), Value::Null);
}

#[test]
fn a_bad_candidate_is_aborted_within_its_plan_though_nobody_said_so() {
    let settings = json!({ "plans": ["gradual: 20% hold=1h; promote"] }).to_string();
    let bad = failing("500 Internal Server Error");
    let router =
        router().stable("v1").candidate_on("v2", vec![bad]).key("rolling/hello/settings", &settings).start();
    start(&router, "gradual");
    assert_eq!(router.api().get("verdict").expect(200).json()["on_worse"], "abort");
    let mut crowd = Crowd::of(&router);
    crowd.come_until(400, &["/"], &router, || is_dropped(&router));
    assert_eq!(newest(&router)["actor"], "verdict");
    assert_eq!(plan(&router), Value::Null, "the plan ended with its candidate");
}

#[test]
fn without_traffic_a_plan_stays_and_says_what_is_missing() {
    let router = planned(&["gradual: 10%; promote"]).start();
    start(&router, "gradual");
    waits_for(&router, "nobody has come to the candidate yet");
    stays(&router, 1);
}

#[test]
fn what_holds_a_plan_is_said_and_its_time_begins_anew() {
    let router = planned(&["dark: 0% hold=1s; 0% hold=1d; hold"]).start();
    start(&router, "dark");
    router
        .api()
        .call("PUT", "/api/v1/apps/hello/lock", Some(&json!({ "reason": "an incident" })))
        .expect(200);
    waits_for(&router, "the app is locked by");
    stays(&router, 1);
    router.api().call("DELETE", "/api/v1/apps/hello/lock", Some(&json!({}))).expect(200);
    eventually("it goes on", || plan(&router)["step"] == 2);
    waits_for(&router, "the end of its hold, in 24 h");
    router.api().call("PUT", "/api/v1/apps/hello/sticky", Some(&json!({ "sticky": false }))).expect(200);
    waits_for(&router, "changed the app (set-sticky)");
    for (verb, said) in [("resume", "the plan goes on"), ("skip", "the plan is at its next step")] {
        let done = ask(&router, "operator", &["plan", verb, "--reason", "seen"]);
        assert_eq!(done.code, 0, "{}{}", done.out, done.err);
        assert!(done.out.contains(said), "{}", done.out);
    }
    assert_eq!(plan(&router), Value::Null, "it was the last step, and the blend is held");
    let said = newest(&router);
    assert_eq!(
        (&said["command"], &said["changed"]["plan"][0]),
        (&json!("skip-plan-step"), &json!("dark 2/2")),
        "{said}"
    );
}

#[test]
fn a_step_that_needs_an_approval_waits_for_an_operator() {
    let router = planned(&["dark: 0% approval; 0% hold=1d; hold"]).start();
    start(&router, "dark");
    waits_for(&router, "the approval of an operator");
    stays(&router, 1);
    router.api().call("POST", "/api/v1/apps/hello/plan/approve", Some(&json!({}))).expect(200);
    eventually("it goes on", || plan(&router)["step"] == 2);
}

/// A plan with a budget has no times: clients who meet no failure are what lets it go on.
#[test]
fn a_plan_with_a_budget_goes_on_when_it_suffices() {
    let (tight, wide) = ("tight: harm_max=1; 20%; 50%; hold", "wide: harm_max=1000000; 20%; 50%; hold");
    let router = planned(&[tight, wide]).start();
    start(&router, "tight");
    let mut crowd = Crowd::of(&router);
    crowd.come(60, &["/"]);
    waits_for(&router, "the budget: up to");
    let shown = ask(&router, "viewer", &["plan", "status"]);
    assert!(shown.out.starts_with("tight: [20 %] - 50 % - hold, harm_max=1, started by "), "{}", shown.out);
    eventually("only the budget is missing", || {
        plan(&router)["waits_for"].as_array().is_some_and(|waits| waits.len() == 1)
    });
    stays(&router, 1);
    router.api().call("DELETE", "/api/v1/apps/hello/plan", Some(&json!({}))).expect(200);
    start(&router, "wide");
    assert_eq!(plan(&router)["harm_max"], 1_000_000);
    eventually("it goes on", || plan(&router)["step"] == 2);
    assert_eq!(router.api().state()["blend"], 50);
}

/// Every endpoint of the candidate is gone when the promote is due.
#[test]
fn the_last_step_passes_the_gate_or_says_why_not() {
    let router = planned(&["dark: 0%; promote"]).start();
    router.endpoint("v2").stop();
    start(&router, "dark");
    waits_for(&router, "refused the connection");
    assert_eq!(router.api().state()["stable"]["release"], "v1");
}

#[test]
fn a_plan_that_is_no_plan_is_refused_with_what_is_allowed() {
    let router = planned(&[]).start();
    for line in ["gradual", "gradual: 5%", "gradual: 25%; 5%; promote", "gradual: 5% hold=1w; promote"] {
        let refused =
            router.api().call("PATCH", "/api/v1/apps/hello/settings", Some(&json!({ "plans": [line] })));
        let refused = refused.expect(422).json();
        assert!(
            refused["error"]["message"].as_str().is_some_and(|text| text.contains("NAME: STEP")),
            "{refused}"
        );
    }
    let unknown = router
        .api()
        .call("POST", "/api/v1/apps/hello/plan", Some(&json!({ "plan": "x" })))
        .expect(422)
        .json();
    assert_eq!(unknown["error"]["field"], "plan", "{unknown}");
}

/// A step's gate says `later` until the tests are over, and then `pass`; the next one's says `fail`.
#[test]
fn a_gate_is_asked_before_the_next_step_and_its_answer_is_followed() {
    let router = planned(&["dark: 0% gate=chat; 0% gate=chat; 0% hold=1d; hold"]).start();
    start(&router, "dark");
    waits_for(&router, "the gate `chat`");
    let tested = Arc::new(AtomicBool::new(false));
    let over = Arc::clone(&tested);
    let mut gate = Receiver::answering(move |message| {
        let body: Value = serde_json::from_slice(&message.body).expect("JSON");
        match (body["step"].as_u64(), over.load(Ordering::Relaxed)) {
            (Some(1), false) => {
                let later = json!({ "answer": "later", "reason": "a test runs" }).to_string();
                Reply::response("200 OK", &[("Retry-After", "1")], later)
            }
            (Some(1), true) => Reply::ok("pass"),
            _ => Reply::ok(json!({ "answer": "fail", "reason": "3 tests failed" }).to_string()),
        }
    });
    hook(&router, &gate, json!({ "events": ["gate"] }));
    waits_for(&router, "the gate `chat`, which says later: a test runs");
    let wait = ["wait", "--for", "plan-step", "--step", "2", "--timeout"];
    let at_once = ask(&router, "viewer", &[&wait[..], &["1s"]].concat());
    assert!(at_once.code == 6 && at_once.out.contains("is at step 1 of 3"), "{}{}", at_once.out, at_once.err);
    tested.store(true, Ordering::Relaxed);
    let waited = ask(&router, "viewer", &[&wait[..], &["60s"]].concat());
    assert_eq!(waited.code, 0, "{}{}", waited.out, waited.err);
    waits_for(&router, "its gate said fail");
    let said = newest(&router);
    assert_eq!((&said["command"], &said["actor"]), (&json!("pause-plan"), &json!("plan dark")), "{said}");
    assert_eq!(said["reason"], "the gate chat said fail: 3 tests failed");
    assert_eq!(plan(&router)["step"], 2);
    let told = gate.wait_for("each question", |told| told.len() >= 3);
    assert!(told.iter().all(|told| told.body["type"] == "gate"), "{told:?}");
    let first = &told[0].body;
    assert_eq!((&first["plan"], &first["step"], &first["steps"]), (&json!("dark"), &json!(1), &json!(3)));
    assert_eq!((&first["blend"], &first["next_blend"], &first["then"]), (&json!(0), &json!(0), &Value::Null));
    assert_eq!(first["candidate"], "apps/hello-v2-80/containers", "{first}");
    // Nobody answers: the plan stays, and says why.
    gate.endpoint.stop();
    router.api().call("POST", "/api/v1/apps/hello/plan/resume", Some(&json!({}))).expect(200);
    waits_for(&router, "says later: the receiver cannot be reached");
    stays(&router, 2);
    let none = ask(&router, "viewer", &["wait", "--for", "plan-step", "--step", "4"]);
    assert!(none.err.contains("the plan `dark` has 3"), "{}{}", none.out, none.err);
    router.api().call("DELETE", "/api/v1/apps/hello/plan", Some(&json!({}))).expect(200);
    let over = ask(&router, "viewer", &wait[..5]);
    assert!(over.code == 4 && over.err.contains("no plan runs"), "{}{}", over.out, over.err);
}
