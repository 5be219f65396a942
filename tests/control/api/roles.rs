//! Who may do what: viewer, ci, operator, admin.

use serde_json::json;
use support::router::{id, token};
use support::{Router, router};

fn both() -> Router {
    router().stable("v1").candidate("v2").blend(10).deployed("v3").start()
}

#[test]
fn a_viewer_reads_and_writes_nothing() {
    let router = both();
    let viewer = router.api_as("viewer");
    viewer.get("").expect(200);
    viewer.get("history").expect(200);
    viewer.get("releases").expect(200);
    assert_eq!(viewer.kv_get("rolling/hello/blendpercent"), "10");
    viewer.put("blend", &json!({ "percent": 20 })).expect(403);
    viewer.put("candidate", &json!({ "id": id("v3") })).expect(403);
    viewer.put("sticky", &json!({ "sticky": false })).expect(403);
    viewer.put("lock", &json!({ "reason": "x" })).expect(403);
    for path in ["promote", "abort", "rollback"] {
        viewer.post(path, &json!({})).expect(403);
    }
    viewer.kv_put("rolling/hello/blendpercent", "20").expect(403);
    viewer.kv_delete("rolling/hello/blendpercent").expect(403);
    assert_eq!(viewer.state()["blend"].as_f64(), Some(10.0));
}

#[test]
fn ci_must_say_what_it_means() {
    let router = both();
    let ci = router.api_as("ci");
    ci.post("promote", &json!({})).expect(428);
    ci.post("abort", &json!({})).expect(428);
    ci.put("blend", &json!({ "percent": 20 })).expect(428);
    let seq = ci.get("").seq();
    ci.if_match(seq).put("blend", &json!({ "percent": 20 })).expect(200);
    ci.put("blend", &json!({ "percent": 30, "release": "v2" })).expect(200);
    ci.post("promote", &json!({ "release": "v2" })).expect(200);
}

#[test]
fn ci_replaces_a_candidate_with_traffic_only_by_name() {
    let router = both();
    let ci = router.api_as("ci");
    let refused = ci.put("candidate", &json!({ "id": id("v3") }));
    assert!(matches!(refused.status(), 409 | 428), "{}", refused.status());
    ci.put("candidate", &json!({ "id": id("v3"), "replace": id("v2") })).expect(200);
}

#[test]
fn locks_and_settings_are_the_operators() {
    let router = both();
    let ci = router.api_as("ci");
    ci.put("lock", &json!({ "reason": "mine" })).expect(403);
    ci.delete("lock").expect(403);
    ci.put("settings", &json!({ "drainseconds": 1 })).expect(403);
    ci.delete("").expect(403);
}

#[test]
fn ci_may_be_capped() {
    let router = both();
    router.api().put("settings", &json!({ "ci_blend_max": 25 })).expect(200);
    let ci = router.api_as("ci");
    ci.put("blend", &json!({ "percent": 25, "release": "v2" })).expect(200);
    let answer = ci.put("blend", &json!({ "percent": 26, "release": "v2" }));
    assert!(matches!(answer.status(), 403 | 422), "{}", answer.status());
    router.api().put("blend", &json!({ "percent": 100 })).expect(200);
}

#[test]
fn only_an_admin_sees_who_may_come_and_nobody_sees_a_token() {
    let router = both();
    let answer = router.api_as("admin").call("GET", "/api/v1/tokens", None).expect(200);
    let named = |name: &str, role: &str| json!({ "name": name, "role": role, "source": "router" });
    let all = [("root", "admin"), ("maria", "operator"), ("ci-main", "ci"), ("guest", "viewer")];
    let mut told = answer.json()["tokens"].clone();
    for token in told.as_array_mut().expect("a list") {
        token.as_object_mut().expect("an object").remove("used_at");
    }
    assert_eq!(told, json!(all.map(|(name, role)| named(name, role))));
    for role in ["admin", "operator", "ci", "viewer"] {
        assert!(!answer.response.text().contains(token(role)), "{role}");
    }
    for role in ["operator", "ci", "viewer"] {
        router.api_as(role).call("GET", "/api/v1/tokens", None).expect(403);
    }
}

#[test]
fn the_description_of_the_api_is_served_to_whoever_has_a_token() {
    let router = both();
    let described = router.api_as("viewer").call("GET", "/api/openapi.json", None).expect(200);
    let file: serde_json::Value =
        serde_json::from_str(include_str!("../../../docs/openapi.json")).expect("JSON");
    assert_eq!(described.json(), file);
    router.api().anonymous().call("GET", "/api/openapi.json", None).expect(401);
}
