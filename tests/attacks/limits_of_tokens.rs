//! Tokens that are for some apps only, and the doors that lead to the others.

use serde_json::{Value, json};
use support::router::id;
use support::{Api, Router, echo, router};

const TOKEN: &str = "test-limited-0123456789abcdef0123456789abcdef";

/// `hello` and `shop`, and a token of this role with this limit.
fn limited(role: &str, limits: &str) -> (Router, Api) {
    let shop = echo("shop");
    let router = router()
        .stable("v1")
        .candidate("v2")
        .key("apps/shop-v1-80/containers/c1", &shop.address.to_string())
        .key("rolling/shop/stable/id", "apps/shop-v1-80/containers")
        .token(&format!("{TOKEN} limited {role} {limits}"))
        .start();
    let api = router.api().with_token(TOKEN);
    (router, api)
}

/// Calls that are about no app or about all of them, whose answers are cut down.
pub const SHARED: [&str; 13] = [
    "/api/openapi.json",
    "/api/pool/schedule_recycle",
    "/api/v1/apps",
    "/api/v1/fleet",
    "/api/v1/hooks",
    "/api/v1/hooks-in",
    "/api/v1/router",
    "/api/v1/session",
    "/api/v1/sessions",
    "/api/v1/stream",
    "/api/v1/whoami",
    "/api/stats",
    "/api/v2/deployments/",
];

/// Every call of the API's description.
fn calls() -> Vec<(String, String)> {
    let page: Value = serde_json::from_str(include_str!("../../docs/openapi.json")).expect("JSON");
    let paths = page["paths"].as_object().expect("an object").iter();
    let methods = |(path, item): (&String, &Value)| {
        let names = item.as_object().expect("an object").keys().filter(|name| *name != "parameters");
        names.map(|name| (name.to_uppercase(), path.clone())).collect::<Vec<_>>()
    };
    paths.flat_map(methods).collect()
}

/// Every role, and every call that is described, those of later versions too.
#[test]
fn no_call_of_the_description_reaches_another_app() {
    for role in ["viewer", "ci", "operator", "admin"] {
        reach_for_shop(role);
    }
}

fn reach_for_shop(role: &str) {
    let (router, api) = limited(role, "apps=hello;raw=no");
    let before = router.api().app("shop").state();
    let mut refused = 0;
    for (method, path) in calls() {
        let is_open =
            ["/healthz", "/readyz", "/metrics"].contains(&path.as_str()) || path.starts_with("/hooks/in/");
        let is_hook = ["/api/v1/hooks/", "/api/v1/hooks-in/", "/api/v1/sessions/"]
            .iter()
            .any(|root| path.starts_with(root));
        if is_open || is_hook || SHARED.contains(&path.as_str()) {
            continue;
        }
        let concrete = path.replace("{app}", "shop").replace(['{', '}'], "");
        let answer = api.call(&method, &concrete, Some(&json!({})).filter(|_| method != "GET"));
        assert_eq!(answer.status(), 403, "{role}: {method} {concrete}: {}", answer.response.text());
        refused += 1;
    }
    assert!(refused > 40, "{refused}");
    let now = router.api().app("shop").state();
    assert_eq!((&now["seq"], &now["stable"]["id"]), (&before["seq"], &before["stable"]["id"]));
    let own = api.put("blend", &json!({ "percent": 20, "release": "v2" }));
    assert_eq!(own.status(), if role == "viewer" { 403 } else { 200 }, "{role}: {}", own.response.text());
}

/// Whoever may only look changes nothing by any call that is described.
#[test]
fn a_viewer_changes_nothing_by_any_call_of_the_description() {
    let (router, _) = limited("viewer", "raw=no");
    let viewer = router.api_as("viewer");
    // Who may look may ask, and sign in and out.
    let questions = [
        "/api/v1/apps/{app}/explain",
        "/api/v1/apps/{app}/who-moves",
        "/api/v1/session",
        "/api/v1/sessions/{session}",
    ];
    let mut refused = 0;
    for (method, path) in calls() {
        if method == "GET" || questions.contains(&path.as_str()) {
            continue;
        }
        let concrete = path
            .replace("{app}", "hello")
            .replace("{key}", "rolling/hello/stable/id")
            .replace(['{', '}'], "");
        let answer = viewer.call(&method, &concrete, Some(&json!({})));
        // Senders to hooks in are known by no token of the router's.
        let expected = if path.starts_with("/hooks/in/") { 404 } else { 403 };
        assert_eq!(answer.status(), expected, "{method} {concrete}: {}", answer.response.text());
        refused += 1;
    }
    assert!(refused > 30, "{refused}");
}

#[test]
fn lists_and_streams_leave_other_apps_out() {
    let (router, api) = limited("admin", "apps=hello");
    // A problem of the other app, and a hook about everything.
    router.api_as("admin").kv_put("rolling/shop/stable/id", "apps/shop-none-80/containers").expect(200);
    let hook = json!({ "url": "http://127.0.0.1:9/", "paused": true });
    router.api_as("admin").call("PUT", "/api/v1/hooks/all", Some(&hook)).expect(201);
    for path in SHARED.iter().filter(|path| **path != "/api/v1/stream" && **path != "/api/openapi.json") {
        let accepted = if path.ends_with("schedule_recycle") { 202 } else { 200 };
        let text = api.call("GET", path, None).expect(accepted).response.text();
        assert!(!text.contains("shop") && !text.contains("\"all\""), "{path}: {text}");
    }
    for path in
        ["/api/kv/?recurse=true", "/api/kv/?keys=true", "/v1/kv/rolling?keys=true", "/v1/kv/apps?keys=true"]
    {
        let text = api.call("GET", path, None).expect(200).response.text();
        assert!(text.contains("hello") && !text.contains("shop"), "{path}: {text}");
    }
    let releases = api.call("GET", "/api/v1/apps/hello/releases?all=true", None).expect(200);
    assert!(!releases.response.text().contains("shop"), "{}", releases.response.text());
    let mut stream = api.stream("/api/v1/stream", "");
    router.api_as("admin").app("shop").put("sticky", &json!({ "sticky": false })).expect(200);
    router.api_as("admin").kv_put("rolling/shop/blendpercent", "5").expect(200);
    router.api_as("admin").put("sticky", &json!({ "sticky": false })).expect(200);
    loop {
        let event = stream.any();
        let text = event.data.to_string();
        assert!(!text.contains("shop"), "{}: {text}", event.kind);
        if event.kind == "state" && event.data["sticky"] == false {
            break;
        }
    }
    let who = api.call("GET", "/api/v1/whoami", None).expect(200).json();
    assert_eq!(
        (&who["name"], &who["apps"], &who["raw"]),
        (&json!("limited"), &json!(["hello"]), &json!(null))
    );
}

#[test]
fn raw_keyvalues_of_others_are_neither_read_nor_written() {
    let (router, api) = limited("admin", "apps=hello");
    for key in [
        "rolling/shop/stable/id",
        "rolling/shop/blendpercent",
        "rolling/new-app/stable/id",
        "apps/shop-v1-80/containers/c1",
        "apps/shop-new-80/containers/c1",
        "rolling/null",
        "some/other/key",
    ] {
        for root in ["/api/kv/", "/v1/kv/"] {
            let path = format!("{root}{key}");
            let body = ("text/plain", b"0".as_slice());
            for (method, body) in [("GET", None), ("PUT", Some(body)), ("DELETE", None)] {
                let answer = api.raw(method, &path, body, "");
                assert_eq!(answer.status(), 403, "{method} {path}: {}", answer.response.text());
            }
        }
    }
    assert_eq!(router.api().app("shop").state()["stable"]["id"], "apps/shop-v1-80/containers");
    // Its own, and what is nobody's yet: old pipelines register releases under names of their own.
    let endpoint = echo("v9").address.to_string();
    api.kv_put("rolling/hello/blendpercent", "20").expect(200);
    api.kv_put("apps/docker-v9-80/containers/c1", &endpoint).expect(200);
    api.put("candidate", &json!({ "id": "apps/docker-v9-80/containers" })).expect(200);
    api.kv_delete("apps/docker-v9-80/containers/c1").expect(200);
}

#[test]
fn hooks_of_others_are_neither_seen_nor_touched() {
    let (router, api) = limited("admin", "apps=hello");
    let admin = router.api_as("admin");
    let hook = |apps: Value| json!({ "url": "http://127.0.0.1:9/", "paused": true, "apps": apps });
    for (name, apps) in [("all", json!(null)), ("both", json!(["hello", "shop"])), ("shop", json!(["shop"]))]
    {
        let path = format!("/api/v1/hooks/{name}");
        admin.call("PUT", &path, Some(&hook(apps.clone()))).expect(201);
        api.call("GET", &path, None).expect(404);
        api.call("PUT", &path, Some(&hook(json!(["hello"])))).expect(403);
        api.call("DELETE", &path, None).expect(403);
        api.call("POST", &format!("{path}/test"), Some(&json!({}))).expect(403);
        api.call("PUT", "/api/v1/hooks/mine", Some(&hook(apps))).expect(403);
    }
    api.call("PUT", "/api/v1/hooks/mine", Some(&hook(json!(["hello"])))).expect(201);
    let listed = api.call("GET", "/api/v1/hooks", None).expect(200).json();
    assert_eq!(listed["hooks"].as_array().map(Vec::len), Some(1), "{listed}");
    api.call("DELETE", "/api/v1/hooks/mine", None).expect(200);
}

#[test]
fn a_token_without_raw_reaches_every_app_and_no_keyvalue() {
    let (_router, api) = limited("ci", "raw=no");
    for path in ["/api/kv/rolling/hello/stable/id", "/v1/kv/?recurse=true", "/api/v1/store"] {
        api.call("GET", path, None).expect(403);
    }
    api.kv_put("rolling/hello/blendpercent", "20").expect(403);
    api.kv_put(&format!("{}/c9", id("v1")), "127.0.0.1:9").expect(403);
    api.app("shop").get("").expect(200);
    api.put("blend", &json!({ "percent": 20, "release": "v2" })).expect(200);
}
