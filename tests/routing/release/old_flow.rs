//! The flow of the old CI scripts, by the plain writes that `curl` makes.

use super::crowd::{Crowd, assert_share};
use serde_json::json;
use support::router::id;
use support::{Api, Endpoint, Router, echo, router};

/// A raw write as the old scripts do it: answered `true`.
#[track_caller]
fn put(api: &Api, key: &str, value: &str) {
    let answer = api.kv_put(key, value).expect(200);
    assert_eq!(answer.response.text().trim(), "true", "PUT {key}");
    assert_eq!(api.kv_get(key), value, "GET {key}");
}

/// A fresh router after the five initial writes and the containers of two releases.
fn set_up() -> (Router, Vec<Endpoint>) {
    let router = router().start();
    let api = router.api();
    put(&api, "rolling/null", "-");
    put(&api, "rolling/hello/stable/id", "rolling/null");
    put(&api, "rolling/hello/candidate/id", "rolling/null");
    put(&api, "rolling/hello/blendpercent", "0");
    put(&api, "rolling/hello/stickyness", "1");
    let visit = router.visitor().try_get("/").expect("an answer");
    assert_eq!(visit.response.status, 503, "nothing is released yet");
    let endpoints = vec![echo("v1"), echo("v1"), echo("v2"), echo("v2")];
    for (n, endpoint) in endpoints.iter().enumerate() {
        let release = if n < 2 { "v1" } else { "v2" };
        put(&api, &format!("{}/container{n}", id(release)), &endpoint.address.to_string());
    }
    (router, endpoints)
}

#[test]
fn a_release_from_the_first_key_to_the_promote_by_script() {
    let (router, _endpoints) = set_up();
    let api = router.api();

    put(&api, "rolling/hello/stable/id", &id("v1"));
    let mut early = Crowd::arrive(&router, 20);
    early.assert_undisturbed_on("v1");

    put(&api, "rolling/hello/candidate/id", &id("v2"));
    assert_share(&router, "v2", 0);

    for percent in [10, 30, 100] {
        put(&api, "rolling/hello/blendpercent", &percent.to_string());
        assert_share(&router, "v2", percent);
        early.assert_undisturbed_on("v1");
    }
    let mut late = Crowd::arrive(&router, 20);
    late.assert_undisturbed_on("v2");

    // The promote of the old scripts: three separate writes, each of which must be a sane state.
    put(&api, "rolling/hello/stable/id", &id("v2"));
    late.assert_undisturbed_on("v2");
    early.assert_undisturbed_on("v1");
    Crowd::arrive(&router, 20).assert_all_on("v2");
    put(&api, "rolling/hello/blendpercent", "0");
    late.assert_undisturbed_on("v2");
    Crowd::arrive(&router, 20).assert_all_on("v2");
    put(&api, "rolling/hello/candidate/id", "rolling/null");
    late.assert_undisturbed_on("v2");
    early.assert_undisturbed_on("v1");
    Crowd::arrive(&router, 20).assert_all_on("v2");

    assert_eq!((early.connects(), late.connects()), (20, 20), "nobody's connection was closed");
    let state = api.state();
    assert_eq!(state["stable"]["id"], id("v2"));
    assert_eq!(state["previous"]["id"], id("v1"));
    assert_eq!(state["candidate"], json!(null));
    assert_eq!(state["draining"][0]["id"], id("v1"));
}

#[test]
fn a_promote_by_one_call() {
    let (router, _endpoints) = set_up();
    let api = router.api();
    put(&api, "rolling/hello/stable/id", &id("v1"));
    let mut early = Crowd::arrive(&router, 20);
    put(&api, "rolling/hello/candidate/id", &id("v2"));
    put(&api, "rolling/hello/blendpercent", "100");
    let mut late = Crowd::arrive(&router, 20);

    let state = api.post("promote", &json!({ "release": "v2", "reason": "by call" })).expect(200).json();
    assert_eq!(state["stable"]["id"], id("v2"));
    assert_eq!(state["blend"].as_f64(), Some(0.0));
    late.assert_undisturbed_on("v2");
    early.assert_undisturbed_on("v1");
    Crowd::arrive(&router, 20).assert_all_on("v2");
    // The old keys say the same, for scripts that read them.
    assert_eq!(api.kv_get("rolling/hello/stable/id"), id("v2"));
    assert_eq!(api.kv_get("rolling/hello/candidate/id"), "rolling/null");
    assert_eq!(api.kv_get("rolling/hello/blendpercent"), "0");
}

#[test]
fn the_old_spelling_of_null() {
    let (router, _endpoints) = set_up();
    let api = router.api();
    put(&api, "rolling/hello/stable/id", &id("v1"));
    put(&api, "rolling/hello/candidate/id", &id("v2"));
    put(&api, "rolling/hello/blendpercent", "100");
    // An old GUI wrote null like a release.
    api.kv_put("rolling/hello/candidate/id", "apps/app-rolling/null-80/containers").expect(200);
    assert_eq!(api.state()["candidate"], json!(null));
    Crowd::arrive(&router, 20).assert_all_on("v1");
}

#[test]
fn the_older_address_of_the_same_keys() {
    let (router, _endpoints) = set_up();
    let api = router.api();
    let body = ("application/x-www-form-urlencoded", id("v1").into_bytes());
    let answer = api.raw("PUT", "/v1/kv/rolling/hello/stable/id", Some((body.0, &body.1)), "").expect(200);
    assert_eq!(answer.response.text().trim(), "true");
    Crowd::arrive(&router, 5).assert_all_on("v1");
}
