//! Things without end: apps, releases, endpoints, keys, bytes, at each door. Nothing but the disk was a limit.

use base64::{Engine as _, prelude::BASE64_STANDARD};
use serde_json::{Value, json};
use support::api::Answer;
use support::router::id;
use support::{Api, Router, router};

fn commit(api: &Api, keys: &[(String, String)]) -> Answer {
    let writes: Vec<Value> = keys
        .iter()
        .map(|(key, value)| json!({ "put": key, "value": BASE64_STANDARD.encode(value), "lease": null }))
        .collect();
    api.call("POST", "/api/v1/store/commit", Some(&json!({ "checks": [], "writes": writes })))
}

fn pairs(keys: &[(&str, &str)]) -> Vec<(String, String)> {
    keys.iter().map(|(key, value)| ((*key).to_owned(), (*value).to_owned())).collect()
}

#[track_caller]
fn assert_full(answer: &Answer, limit: &str) {
    assert_eq!((answer.status(), answer.code().as_str()), (507, "quota"), "{}", answer.response.text());
    let message = answer.json()["error"]["message"].as_str().unwrap_or_default().to_owned();
    assert!(message.contains("allowed are ") && message.contains(&format!("(limits.{limit})")), "{message}");
    assert!(answer.json()["error"]["field"].is_string(), "{message}");
}

fn make_app(api: &Api, app: &str) -> Answer {
    api.app(app).put("stable", &json!({ "release": "1.0", "endpoints": ["127.0.0.1:9"] }))
}

/// Whatever stops or goes on with a rollout adds nothing.
fn assert_commands_work(router: &Router) {
    let api = router.api();
    for (method, path, body) in [
        ("PUT", "lock", json!({ "reason": "an incident" })),
        ("DELETE", "lock", json!({})),
        ("PUT", "blend", json!({ "percent": 20 })),
        ("POST", "abort", json!({})),
        ("PUT", "candidate", json!({ "release": "v2" })),
        ("POST", "promote", json!({ "release": "v2" })),
        ("POST", "rollback", json!({})),
        ("PATCH", "settings", json!({ "drainseconds": 60 })),
        ("PUT", "candidate", json!({ "release": "v2", "blend": 5 })),
    ] {
        let answer = api.call(method, &format!("/api/v1/apps/hello/{path}"), Some(&body));
        assert_eq!(answer.status(), 200, "{method} {path}: {}", answer.response.text());
    }
}

#[test]
fn apps_have_a_quota_at_each_door() {
    let router = router().stable("v1").candidate("v2").limit("apps_max", 3).start();
    let api = router.api();
    make_app(&api, "a").expect(200);
    api.kv_put("apps/b-1-80/containers/c", "127.0.0.1:9").expect(200);
    api.kv_put("rolling/b/stable/id", "apps/b-1-80/containers").expect(200);
    assert_full(&make_app(&api, "c"), "apps_max");
    assert_full(&api.kv_put("rolling/c/stable/id", "apps/c-1-80/containers"), "apps_max");
    assert_full(&api.kv_put("rolling/c/blendpercent", "1"), "apps_max");
    let imported = commit(&router.api_as("admin"), &pairs(&[("rolling/c/settings", "{}")]));
    assert_full(&imported, "apps_max");
    assert_eq!(api.app("c").get("").status(), 404);
    assert_commands_work(&router);
    make_app(&api, "a").expect(200);
    api.app("a").call("DELETE", "/api/v1/apps/a?force=true", None).expect(200);
    make_app(&api, "c").expect(200);
}

#[test]
fn endpoints_have_quotas_at_each_door() {
    let builder = router().stable("v1").candidate("v2").limit("endpoints_per_release_max", 95);
    let router = builder.limit("endpoints_max", 200).limit("releases_per_app_max", 5).start();
    let api = router.api();
    let addresses = |from: u16, count: u16| {
        (from..from + count).map(|port| format!("127.0.0.1:{port}")).collect::<Vec<_>>()
    };
    let set = |release: &str, addresses: &[String]| {
        api.put("candidate", &json!({ "id": id(release), "endpoints": addresses }))
    };
    assert_full(&set("v3", &addresses(1_000, 96)), "endpoints_per_release_max");
    set("v3", &addresses(1_000, 95)).expect(200);
    let key = |release: &str, name: &str| format!("{}/{name}", id(release));
    assert_full(&api.kv_put(&key("v3", "more"), "127.0.0.1:7"), "endpoints_per_release_max");
    // The same once more is no more.
    api.kv_put(&key("v3", "127.0.0.1:1000"), "127.0.0.1:1000").expect(200);
    set("v4", &addresses(2_000, 90)).expect(200);
    assert_full(&set("v5", &addresses(3_000, 50)), "endpoints_max");
    set("v5", &addresses(3_000, 1)).expect(200);
    assert_full(&api.kv_put(&key("v6", "c"), "127.0.0.1:7"), "releases_per_app_max");
    let imported = commit(&router.api_as("admin"), &[(key("v6", "c"), "127.0.0.1:7".to_owned())]);
    assert_full(&imported, "releases_per_app_max");
    assert_commands_work(&router);
    // What is deleted makes room.
    api.kv_delete(&key("v3", "127.0.0.1:1000")).expect(200);
    api.kv_put(&key("v3", "more"), "127.0.0.1:7").expect(200);
}

#[test]
fn raw_keys_have_quotas_at_each_door() {
    let builder = router().stable("v1").candidate("v2").limit("raw_keys_max", 5);
    let router = builder.limit("raw_bytes_max", 4_000).start();
    let (api, admin) = (router.api_as("ci"), router.api_as("admin"));
    for number in 0..4 {
        api.kv_put(&format!("some/key{number}"), "x").expect(200);
    }
    assert_full(&api.kv_put("some/key0", &"x".repeat(4_000)), "raw_bytes_max");
    api.kv_put("some/key0", &"x".repeat(3_000)).expect(200);
    assert_full(&api.kv_put("some/key1", &"x".repeat(1_000)), "raw_bytes_max");
    api.kv_put("some/key4", "x").expect(200);
    for key in ["some/key5", "apps/odd", "rolling/hello/odd", "x"] {
        assert_full(&api.kv_put(key, "x"), "raw_keys_max");
        assert_full(&commit(&admin, &pairs(&[(key, "x")])), "raw_keys_max");
    }
    api.kv_put("some/key4", "y").expect(200);
    assert_commands_work(&router);
    api.kv_delete("some/key0").expect(200);
    support::eventually("there is room again", || api.kv_put("some/key5", "x").status() == 200);
}
