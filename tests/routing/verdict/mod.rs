//! The verdict: the router compares what became of the clients that were drawn to the candidate with what became of those that
//! were drawn to stable at the same time, says so, and aborts a candidate that is worse, if it is told to.

pub mod crowd;
mod endpoints;
mod equal;
mod latency;
mod undecided;

use crowd::{Crowd, failing, is_dropped, judged, newest, verdict};
use serde_json::{Value, json};
use support::{Reply, command::ask, eventually, scripted};

#[test]
fn a_candidate_that_fails_always_is_aborted_within_a_few_failing_sessions() {
    let router = judged(failing("500 Internal Server Error"), 10, &json!({ "on_worse": "abort" })).start();
    let mut crowd = Crowd::of(&router);
    let came = crowd.come_until(400, &["/cart?user=7", "/pay"], &router, || is_dropped(&router));
    let event = newest(&router);
    assert_eq!((&event["command"], &event["actor"]), (&json!("abort"), &json!("verdict")), "{event}");
    let receipt = &event["receipt"];
    let met = receipt["met_failure"].as_u64().unwrap();
    // Looks take a tenth of a second, in which a busy machine may serve many.
    assert!((3..=100).contains(&met), "{met} of {came}: {receipt}");
    assert_eq!(receipt["verdict"], "worse");
    assert!(receipt["drawn"].as_u64().unwrap() >= met && receipt["stable_met_failure"] == 0, "{receipt}");
    assert!(receipt["took_ms"].as_u64().is_some_and(|ms| ms < 60_000), "{receipt}");
    let samples = receipt["samples"].as_array().unwrap();
    assert!((3..=20).contains(&samples.len()), "{receipt}");
    let candidate = router.endpoint("v2").address.to_string();
    for sample in samples {
        assert_eq!((&sample["method"], &sample["status"]), (&json!("GET"), &json!(500)), "{sample}");
        assert!(sample["path"] == "/cart" || sample["path"] == "/pay", "no query is kept: {sample}");
        assert_eq!(sample["endpoint"], candidate);
    }
    assert!(!receipt.to_string().contains("127.100"), "nobody's address is kept: {receipt}");
    assert_eq!(crowd.come(40, &["/"]), 0, "nobody meets it any more");
    let seq = event["seq"].to_string();
    let shown = ask(&router, "viewer", &["history", "show", &seq]);
    assert_eq!(shown.code, 0, "{}", shown.err);
    assert!(
        shown.out.contains("The candidate is worse than stable") && shown.out.contains("GET /cart: 500 from")
    );
}

/// Nobody noticed anything, and the candidate was charged all the same.
#[test]
fn what_stable_answered_instead_is_the_candidates_failure() {
    let router = judged(failing("503 Service Unavailable"), 10, &json!({ "on_worse": "abort" })).start();
    let mut crowd = Crowd::of(&router);
    let mut met = 0;
    eventually("it is aborted", || {
        met += crowd.come(10, &["/", "/next"]);
        is_dropped(&router)
    });
    assert_eq!(met, 0, "stable answered");
    let receipt = newest(&router)["receipt"].clone();
    let (shielded, failed) =
        (receipt["shielded"].as_u64().unwrap(), receipt["met_failure"].as_u64().unwrap());
    assert!(failed >= 3 && shielded >= failed, "{receipt}");
    let blame = format!("stable answered {shielded} of the {shielded} requests that the candidate failed");
    assert_eq!(receipt["blame"], json!(blame));
    assert_eq!(receipt["samples"][0]["status"], 503);
}

#[test]
fn a_candidate_that_fails_one_of_ten_is_aborted_too() {
    let some = scripted(|request| {
        let fails = request.target().ends_with('7');
        let status = if fails { "500 Internal Server Error" } else { "200 OK" };
        Reply::response(status, &[("X-Release", "v2")], "so")
    });
    let router = judged(some, 25, &json!({ "on_worse": "abort" })).start();
    let mut crowd = Crowd::of(&router);
    let mut n = 0;
    eventually("it is aborted", || {
        n += 1;
        crowd.come(1, &[&format!("/{}", n * 7 % 100)]);
        is_dropped(&router)
    });
    assert_eq!(newest(&router)["actor"], "verdict");
}

#[test]
fn a_candidate_that_is_as_good_as_stable_stays() {
    let alike = |release: &'static str| {
        scripted(move |request| {
            let fails = request.target() == "/bad";
            let status = if fails { "500 Internal Server Error" } else { "200 OK" };
            Reply::response(status, &[("X-Release", release)], "so")
        })
    };
    let settings = json!({ "verdict": { "on_worse": "abort" } }).to_string();
    let builder = support::router().stable_on("v1", vec![alike("v1")]).candidate_on("v2", vec![alike("v2")]);
    let router = builder.blend(50).key("rolling/hello/settings", &settings).start();
    let mut crowd = Crowd::of(&router);
    // Five in a hundred meet a failure, whichever release they were drawn to; their places have nothing to do with the blend.
    for n in 0..600 {
        crowd.come(1, if n % 41 < 2 { &["/", "/bad"] } else { &["/", "/good"] });
    }
    let failing = |arm: &str| verdict(&router)[arm]["failing"].as_u64().unwrap();
    eventually("all are seen", || failing("candidate_sessions") + failing("control_sessions") == 30);
    let said = verdict(&router);
    assert_ne!(said["verdict"], "worse", "{said}");
    assert!(!is_dropped(&router), "{said}");
}

#[test]
fn by_default_the_verdict_only_says_so_everywhere() {
    let router = judged(failing("500 Internal Server Error"), 25, &json!({})).start();
    let mut crowd = Crowd::of(&router);
    crowd.come_until(400, &["/"], &router, || verdict(&router)["verdict"] == "worse");
    assert!(!is_dropped(&router));
    let said = verdict(&router);
    assert_eq!(said["on_worse"], "tell");
    assert!(said["evidence"]["worse"].as_f64().unwrap() >= 100.0, "{said}");
    let state = router.api().state();
    assert_eq!(state["verdict"]["verdict"], "worse", "{}", state["verdict"]);
    let metrics = router.api().metrics();
    assert_eq!(metrics.sum("rolling_verdict", &[("app", "hello"), ("verdict", "worse")]), 1.0);
    assert!(metrics.sum("rolling_verdict_evidence", &[("app", "hello"), ("for", "worse")]) >= 100.0);
    let shown = ask(&router, "viewer", &["verdict"]);
    assert_eq!(shown.code, 0, "{}", shown.err);
    assert!(shown.out.starts_with("worse: The candidate is worse than stable: "), "{}", shown.out);
    let aborted =
        router.api().call("DELETE", "/api/v1/apps/hello/candidate", Some(&json!({"reason": "seen"})));
    aborted.expect(200);
    let event = newest(&router);
    assert_eq!(
        (&event["actor"], &event["receipt"]["verdict"]),
        (&json!("maria"), &json!("worse")),
        "{event}"
    );
}

#[test]
fn with_hold_the_candidate_stays_and_an_alarm_is_raised() {
    let router = judged(failing("500 Internal Server Error"), 25, &json!({ "on_worse": "hold" })).start();
    let mut crowd = Crowd::of(&router);
    crowd.come_until(400, &["/"], &router, || verdict(&router)["verdict"] == "worse");
    let alarms = || router.api().call("GET", "/api/v1/fleet", None).expect(200).json()["alarms"].clone();
    let is_raised = |alarms: Value| alarms.to_string().contains("candidate_worse");
    eventually("an alarm is raised", || is_raised(alarms()));
    assert!(!is_dropped(&router));
    // Whatever happens to it is a setting, and counts at once.
    let change = json!({ "verdict": { "on_worse": "abort" } });
    router.api().call("PATCH", "/api/v1/apps/hello/settings", Some(&change)).expect(200);
    eventually("it is aborted", || is_dropped(&router));
    eventually("the alarm ends", || !is_raised(alarms()));
}

/// What both releases ask was down, and an abort would have helped nobody.
#[test]
fn a_dependency_of_both_is_no_reason_to_abort() {
    let router = judged(failing("503 Service Unavailable"), 25, &json!({ "on_worse": "abort" })).start();
    let stable = router.endpoint("v1");
    stable.script(|request| match request.target().as_str() {
        "/stock" => Reply::response("503 Service Unavailable", &[("X-Release", "v1")], "no database"),
        _ => Reply::response("200 OK", &[("X-Release", "v1")], "fine"),
    });
    router.endpoint("v2").script(|request| match request.target().as_str() {
        "/stock" => Reply::response("503 Service Unavailable", &[("X-Release", "v2")], "no database"),
        _ => Reply::response("200 OK", &[("X-Release", "v2")], "fine"),
    });
    let mut crowd = Crowd::of(&router);
    for n in 0..200 {
        // Only those that were drawn to the candidate happen to ask for it.
        let mut client = crowd.next();
        let release = client.get("/").release;
        if release == "v2" && n % 2 == 0 {
            assert_eq!(client.try_get("/stock").unwrap().response.status, 503);
        }
    }
    eventually("it is seen", || verdict(&router)["shared_dependency"] == true);
    let said = verdict(&router);
    assert_eq!(said["verdict"], "worse", "{said}");
    assert!(said["sentence"].as_str().unwrap().ends_with("a shared dependency?"), "{said}");
    assert!(!is_dropped(&router));
}
