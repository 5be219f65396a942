//! What the verdict does not count, and what it says while it cannot tell.

use std::time::Duration;

use super::crowd::{Crowd, failing, is_dropped, judged, verdict};
use serde_json::{Value, json};
use support::router::id;
use support::{Visitor, clock::pause, eventually};

const ABORT: &str = "500 Internal Server Error";

fn aborting() -> Value {
    json!({ "on_worse": "abort" })
}

#[test]
fn bots_without_cookies_are_nobody() {
    let router = judged(failing(ABORT), 25, &aborting()).start();
    let mut crowd = Crowd::of(&router);
    for _ in 0..200 {
        let mut bot = crowd.next();
        bot.navigates = false;
        bot.try_get("/api/prices").unwrap();
    }
    let said = verdict(&router);
    for arm in ["candidate_sessions", "control_sessions"] {
        assert_eq!((&said[arm]["sessions"], &said[arm]["failing"]), (&json!(0), &json!(0)), "{said}");
    }
    assert!(said["sentence"].as_str().unwrap().contains("nobody has come to the candidate yet"), "{said}");
    assert!(!is_dropped(&router));
}

#[test]
fn without_sticky_there_are_no_sessions_and_the_verdict_says_so() {
    let router = judged(failing(ABORT), 25, &aborting()).not_sticky().start();
    Crowd::of(&router).come(100, &["/"]);
    eventually("it is said", || verdict(&router)["sentence"].as_str().unwrap().contains("not sticky"));
    let said = verdict(&router);
    assert_eq!(said["verdict"], "inconclusive", "{said}");
    assert!(!is_dropped(&router));
}

#[test]
fn where_a_header_says_who_a_client_is_nothing_says_when_it_was_drawn() {
    let settings = json!({ "pin": "header:x-device", "verdict": aborting() }).to_string();
    let builder = judged(failing(ABORT), 25, &aborting());
    let router = builder.key("rolling/hello/settings", &settings).start();
    let mut crowd = Crowd::of(&router);
    for n in 0..100 {
        let mut client = crowd.next();
        client.headers = format!("X-Device: {n}\r\n");
        client.try_get("/").unwrap();
    }
    eventually("it is said", || verdict(&router)["sentence"].as_str().unwrap().contains("known by a header"));
    assert!(!is_dropped(&router));
}

/// Somebody with three cookies could stop every release of anybody.
#[test]
fn clients_of_one_network_stop_no_release() {
    let router = judged(failing(ABORT), 25, &aborting()).start();
    let mut crowd = Crowd::of(&router);
    let mut failed = 0;
    for n in 0..100 {
        let mut client = Visitor::from(router.front, &router.host, [127, 9, 9, n]);
        failed += usize::from(client.try_get("/").unwrap().response.status == 500);
    }
    assert!(failed >= 20, "{failed}");
    let counts = || verdict(&router)["candidate_sessions"].clone();
    eventually("all are seen", || counts()["failing"] == json!(failed));
    assert_eq!(counts()["counted"], 1, "{}", counts());
    let said = verdict(&router);
    assert!(
        said["sentence"].as_str().unwrap().contains("2 more failing sessions of the candidate"),
        "{said}"
    );
    assert!(!is_dropped(&router));
    crowd.come_until(400, &["/"], &router, || is_dropped(&router));
}

#[test]
fn clients_that_were_pinned_before_are_not_compared() {
    let router = judged(failing(ABORT), 0, &aborting()).start();
    let mut crowd = Crowd::of(&router);
    let mut early: Vec<Visitor> = (0..20).map(|_| crowd.next()).collect();
    early.iter_mut().for_each(|client| assert_eq!(client.get("/").release, "v1"));
    let change = json!({ "percent": 100, "release": id("v2") });
    router.api().put("blend", &change).expect(200);
    // A raise of the blend begins a new cohort.
    early.iter_mut().for_each(|client| assert_eq!(client.get("/").release, "v1"));
    let drawn = crowd.come(5, &["/"]);
    assert_eq!(drawn, 5);
    eventually("they are seen", || verdict(&router)["candidate_sessions"]["sessions"] == 5);
    let said = verdict(&router);
    assert_eq!(said["control_sessions"]["sessions"], 0, "{said}");
}

#[test]
fn what_was_counted_outlives_the_router() {
    let mut router = judged(failing(ABORT), 25, &json!({})).durable().start();
    let mut crowd = Crowd::of(&router);
    let counted =
        |router: &support::Router| verdict(router)["candidate_sessions"]["counted"].as_u64().unwrap();
    crowd.come_until(100, &["/"], &router, || counted(&router) >= 4);
    // A router that is alone writes at most once a second what it counted, and it may have counted more by then.
    pause(Duration::from_millis(2_500));
    let before = verdict(&router);
    router.kill();
    router.start_again();
    eventually("it goes on", || {
        counted(&router) == before["candidate_sessions"]["counted"].as_u64().unwrap()
    });
    let after = verdict(&router);
    assert_eq!(after["evidence"]["ln_worse"], before["evidence"]["ln_worse"], "{after}");
    assert_eq!(after["control_sessions"]["sessions"], before["control_sessions"]["sessions"], "{after}");
    let change = json!({ "verdict": aborting() });
    router.api().call("PATCH", "/api/v1/apps/hello/settings", Some(&change)).expect(200);
    let mut crowd = Crowd::of(&router);
    crowd.come_until(400, &["/"], &router, || is_dropped(&router));
}

#[test]
fn without_a_candidate_there_is_nothing_to_judge() {
    let router = support::router().stable("v1").start();
    let said = verdict(&router);
    assert_eq!((&said["verdict"], &said["candidate"]), (&json!("inconclusive"), &Value::Null));
    assert_eq!(said["sentence"], "There is no candidate.");
    router.api().app("nobody").get("verdict").expect(404);
}

#[test]
fn settings_out_of_range_are_refused_with_what_is_allowed() {
    let router = support::router().stable("v1").start();
    for (field, value, allowed) in [
        ("on_worse", json!("stop"), "`abort`, `hold`, `tell` or null"),
        ("on_slower", json!("wait"), "`abort`, `hold`, `tell` or null"),
        ("alpha", json!(0.5), "a number from 0.0001 to 0.1"),
        ("tolerate", json!(0.5), "a number from 1 to 10"),
        ("at_least", json!(101), "a percentage from 0 to 100"),
        ("failure", json!("200-599"), "statuses from 400 to 599"),
    ] {
        let change = json!({ "verdict": { field: value } });
        let refused =
            router.api().call("PATCH", "/api/v1/apps/hello/settings", Some(&change)).expect(422).json();
        assert_eq!(refused["error"]["field"], format!("verdict.{field}"), "{refused}");
        assert!(refused["error"]["message"].as_str().unwrap().contains(allowed), "{refused}");
    }
}
