//! The raw rules: what a write to one of the old keys means, in any order in which a script may write them.

use super::crowd::Crowd;
use serde_json::json;
use support::router::id;
use support::{Api, eventually, router};

const STABLE: &str = "rolling/hello/stable/id";
const CANDIDATE: &str = "rolling/hello/candidate/id";
const BLEND: &str = "rolling/hello/blendpercent";

fn put(api: &Api, key: &str, value: &str) {
    api.kv_put(key, value).expect(200);
}

#[test]
fn a_candidate_taken_off_by_a_raw_write_drains() {
    let router = router().stable("v1").candidate("v2").blend(100).start();
    let api = router.api();
    let mut pinned = Crowd::arrive(&router, 10);
    pinned.assert_all_on("v2");
    put(&api, CANDIDATE, "rolling/null");
    pinned.assert_undisturbed_on("v2");
    Crowd::arrive(&router, 10).assert_all_on("v1");
    let draining = &api.state()["draining"];
    assert_eq!((&draining[0]["id"], &draining[0]["cause"]), (&json!(id("v2")), &json!("raw")));
}

#[test]
fn a_new_candidate_gets_nobody_until_the_blend_is_written() {
    let router = router().stable("v1").candidate("v2").blend(100).deployed("v3").start();
    let api = router.api();
    put(&api, CANDIDATE, &id("v3"));
    Crowd::arrive(&router, 20).assert_all_on("v1");
    put(&api, BLEND, "100");
    Crowd::arrive(&router, 20).assert_all_on("v3");
}

#[test]
fn a_candidate_equal_to_stable_is_none() {
    let router = router().stable("v1").start();
    let api = router.api();
    let mut pinned = Crowd::arrive(&router, 10);
    put(&api, CANDIDATE, &id("v1"));
    put(&api, BLEND, "50");
    pinned.assert_undisturbed_on("v1");
    Crowd::arrive(&router, 20).assert_all_on("v1");
    assert_eq!(api.state()["candidate"], json!(null));
}

#[test]
fn a_release_that_returns_while_it_drains_never_left() {
    let router = router().stable("v1").candidate("v2").blend(100).start();
    let api = router.api();
    let mut pinned = Crowd::arrive(&router, 10);
    let tenure = api.state()["candidate"]["tenure"].clone();
    put(&api, CANDIDATE, "rolling/null");
    put(&api, CANDIDATE, &id("v2"));
    pinned.assert_undisturbed_on("v2");
    assert_eq!(api.state()["candidate"]["tenure"], tenure);
}

/// A CI job that ran the old promote script twice wrote `rolling/null` over stable: 503 for everybody, and exit code 0.
#[test]
fn a_raw_null_over_a_release_that_serves_is_shown_and_nobody_is_off_line() {
    let router = router().stable("v1").candidate("v2").start();
    let api = router.api();
    for _ in 0..2 {
        let candidate = api.kv_get(CANDIDATE);
        put(&api, STABLE, &candidate);
        put(&api, CANDIDATE, "rolling/null");
        put(&api, BLEND, "0");
    }
    Crowd::arrive(&router, 10).assert_all_on("v2");
    assert_eq!(api.kv_get(STABLE), "rolling/null");
    let problems = api.state()["problems"].clone();
    assert_eq!((&problems[0]["key"], &problems[1]), (&json!(STABLE), &json!(null)));
    assert!(
        problems[0]["allowed"].as_str().is_some_and(|text| text.contains("stable clear --force")),
        "{problems}"
    );
    // The old set-up script, run again on the live app.
    for (key, value) in
        [("rolling/null", "-"), (STABLE, "rolling/null"), (CANDIDATE, "rolling/null"), (BLEND, "0")]
    {
        put(&api, key, value);
    }
    Crowd::arrive(&router, 10).assert_all_on("v2");
    // It is taken off line on purpose only; before, the null that is stored goes with the next command.
    api.put("sticky", &json!({ "sticky": false })).expect(200);
    assert_eq!((api.kv_get(STABLE), &api.state()["problems"]), (id("v2"), &json!([])));
    let refused = api.delete("stable").expect(409);
    assert_eq!(refused.code(), "still_routed");
    api.call("DELETE", "/api/v1/apps/hello/stable", Some(&json!({ "force": true }))).expect(200);
    assert_eq!(router.visitor().try_get("/").map(|visit| visit.response.status), Ok(503));
}

/// Whoever emptied the stable track and put the same release back left the app without a release to roll back to.
#[test]
fn a_release_that_returns_to_an_empty_stable_track_has_its_way_back() {
    let router = router().stable("v1").candidate("v2").start();
    let api = router.api();
    api.post("promote", &json!({})).expect(200);
    api.call("DELETE", "/api/v1/apps/hello/stable", Some(&json!({ "force": true }))).expect(200);
    assert_eq!(router.visitor().try_get("/").map(|visit| visit.response.status), Ok(503));
    put(&api, STABLE, &id("v2"));
    assert_eq!(api.state()["previous"]["id"], id("v1"));
    api.post("rollback", &json!({})).expect(200);
    Crowd::arrive(&router, 5).assert_all_on("v1");
}

#[test]
fn a_stable_without_endpoints_waits_for_its_first() {
    let router = router().stable("v1").start();
    let api = router.api();
    let mut pinned = Crowd::arrive(&router, 10);
    let endpoint = support::echo("v9");
    put(&api, STABLE, &id("v9"));
    // Stored and shown as a problem; until an endpoint is there the earlier stable stays.
    assert_eq!(api.kv_get(STABLE), id("v9"));
    let state = api.state();
    assert_eq!(state["stable"]["id"], id("v1"));
    assert!(state["problems"].as_array().is_some_and(|problems| !problems.is_empty()), "{state}");
    Crowd::arrive(&router, 10).assert_all_on("v1");
    put(&api, &format!("{}/c0", id("v9")), &endpoint.address.to_string());
    eventually("the waiting stable is adopted", || api.state()["stable"]["id"] == id("v9"));
    Crowd::arrive(&router, 10).assert_all_on("v9");
    pinned.assert_undisturbed_on("v1");
}

#[test]
fn bad_values_are_refused_and_change_nothing() {
    let router = router().stable("v1").candidate("v2").blend(10).start();
    let api = router.api();
    let seq = api.state()["seq"].clone();
    let bad = [
        (BLEND, "101"),
        (BLEND, "-1"),
        (BLEND, "ten"),
        (BLEND, ""),
        (BLEND, "10%"),
        (BLEND, "1e1"),
        (BLEND, "10.123"),
        ("rolling/hello/stickyness", "2"),
        ("rolling/hello/stickyness", "yes"),
        (STABLE, "v2"),
        (STABLE, "apps/x"),
        (CANDIDATE, "../../etc/passwd"),
        (CANDIDATE, "apps//containers"),
        ("apps/hello-v2-80/containers/c9", "nowhere"),
        ("apps/hello-v2-80/containers/c9", "10.0.0.1"),
        ("apps/hello-v2-80/containers/c9", "10.0.0.1:99999"),
        ("apps/hello-v2-80/containers/c9", "http://example.test:80"),
        ("apps/hello-v2-80/containers/c9", "0.0.0.0:80"),
        ("apps/hello-v2-80/containers/c9", "169.254.169.254:80"),
    ];
    for (key, value) in bad {
        api.kv_put(key, value).expect(422);
    }
    assert_eq!(api.state()["seq"], seq);
    assert_eq!(api.kv_get(BLEND), "10");
}

#[test]
fn stickyness_off_draws_for_every_request() {
    let router = router().stable("v1").candidate("v2").blend(50).start();
    let api = router.api();
    put(&api, "rolling/hello/stickyness", "0");
    let mut visitor = router.visitor();
    let releases: Vec<String> = (0..40).map(|_| visitor.release()).collect();
    let candidate = releases.iter().filter(|release| *release == "v2").count();
    assert!((10..=30).contains(&candidate), "{candidate} of 40 requests at 50 %");
    put(&api, "rolling/hello/stickyness", "1");
    let mut visitor = router.visitor();
    let first = visitor.release();
    assert!((0..20).all(|_| visitor.release() == first));
}

#[test]
fn fractions_of_a_percent() {
    let router = router().stable("v1").candidate("v2").start();
    let api = router.api();
    put(&api, BLEND, "12.5");
    assert_eq!(api.state()["blend"].as_f64(), Some(12.5));
    let got = super::crowd::share(&router, "v2", 400);
    assert!(got.abs_diff(50) <= 6, "{got} of 400 at 12.5 %");
}
