//! Who may claim a path on whose host, and what becomes of it.

use super::scene::{Client, Scene};
use serde_json::json;
use support::{eventually, router};

fn below(prefix: &str) -> serde_json::Value {
    json!({ "hosts": ["shop.example"], "paths": [prefix] })
}

#[test]
fn a_path_on_anothers_host_is_refused_until_it_is_shared() {
    let scene = Scene::start(&json!({}));
    let (hello, other) = (scene.router.api(), scene.router.api().app("other"));
    hello.put("settings", &json!({ "hosts": ["shop.example"] })).expect(200);
    let refused = other.call("PATCH", "/api/v1/apps/other/settings", Some(&below("/api"))).expect(422);
    let text = refused.response.text();
    assert!(text.contains("`hello`") && text.contains("share_host") && text.contains("\"paths\""), "{text}");
    hello.call("PATCH", "/api/v1/apps/hello/settings", Some(&json!({ "share_host": ["other"] }))).expect(200);
    other.put("settings", &below("/api")).expect(200);
    let mut client = Client::new(&scene.router, "shop.example");
    assert_eq!(client.get("/api").header("x-release"), Some("other"));
    // The same prefix is nobody else's, however it is written.
    let third = scene.router.api().app("third");
    third
        .put("stable", &json!({ "release": "1.0", "endpoints": [scene.other.address.to_string()] }))
        .expect(200);
    hello
        .put("settings", &json!({ "hosts": ["shop.example"], "share_host": ["other", "third"] }))
        .expect(200);
    let text = third.put("settings", &below("/api/")).expect(422).response.text();
    assert!(text.contains("`shop.example/api` is claimed by the app `other`"), "{text}");
    third.put("settings", &below("/api/v2")).expect(200);
    assert_eq!(
        client.get("/api/v2/x").header("x-release"),
        Some("other"),
        "both apps have the same endpoint"
    );
    assert_eq!(third.state()["leading_hosts"], json!(["shop.example/api/v2"]));
}

#[test]
fn who_came_first_keeps_the_host_and_shares_the_rest() {
    let router = router().stable("hello").start();
    let (hello, other) = (router.api(), router.api().app("other"));
    other
        .put(
            "stable",
            &json!({ "release": "1.0", "endpoints": [router.endpoint("hello").address.to_string()] }),
        )
        .expect(200);
    other.put("settings", &below("/api")).expect(200);
    let text = hello.put("settings", &json!({ "hosts": ["shop.example"] })).expect(422).response.text();
    assert!(text.contains("`other`"), "{text}");
    other
        .put("settings", &json!({ "hosts": ["shop.example"], "paths": ["/api"], "share_host": ["hello"] }))
        .expect(200);
    hello.put("settings", &json!({ "hosts": ["shop.example"] })).expect(200);
    assert_eq!(hello.state()["leading_hosts"], json!(["shop.example", "*"]));
    assert_eq!(other.state()["leading_hosts"], json!(["shop.example/api"]));
}

#[test]
fn an_admin_shares_a_host_for_its_app() {
    let scene = Scene::start(&json!({}));
    scene.router.api().put("settings", &json!({ "hosts": ["shop.example"] })).expect(200);
    scene.router.api().app("other").put("settings", &below("/api")).expect(422);
    let seq = scene.router.api().state()["seq"].as_u64().unwrap();
    scene.router.api_as("admin").app("other").put("settings", &below("/api")).expect(200);
    let state = scene.router.api().state();
    assert_eq!(state["settings"]["share_host"], json!(["other"]));
    assert_eq!(
        (state["seq"].as_u64(), &state["updated"]["actor"]),
        (Some(seq + 1), &json!("root")),
        "it is an event"
    );
    assert_eq!(Client::new(&scene.router, "shop.example").get("/api").header("x-release"), Some("other"));
    // An admin's claim of what another app has is no other than anybody's.
    let admin = scene.router.api_as("admin").app("other");
    admin.put("settings", &json!({ "hosts": ["shop.example"] })).expect(422);
    // Nor does a token that is not for the app which has the host share it.
    scene.router.api().put("settings", &json!({ "hosts": ["shop.example", "x.example"] })).expect(200);
    let limited = "limited-admin-0123456789abcdef";
    let router = router()
        .stable("hello")
        .key("rolling/hello/settings", r#"{"hosts": ["shop.example"]}"#)
        .token(&format!("{limited} cara admin apps=other"))
        .start();
    let api = router.api().app("other").with_token(limited);
    api.put("stable", &json!({ "release": "1.0", "endpoints": [scene.other.address.to_string()] }))
        .expect(200);
    api.put("settings", &below("/api")).expect(422);
}

#[test]
fn what_is_no_longer_shared_goes_on_and_is_shown() {
    let scene = Scene::start(&below("/api"));
    scene.router.api().put("settings", &json!({ "hosts": ["shop.example"] })).expect(200);
    let mut client = Client::new(&scene.router, "shop.example");
    assert_eq!(client.get("/api").header("x-release"), Some("other"));
    let other = scene.router.api().app("other");
    let problems = other.state()["problems"].to_string();
    assert!(problems.contains("no longer") && problems.contains("hello"), "{problems}");
    other.call("PATCH", "/api/v1/apps/other/settings", Some(&json!({ "drainseconds": 5 }))).expect(200);
    other.put("settings", &below("/new")).expect(422);
    other.put("settings", &json!({})).expect(200);
    eventually("the owner has the path again", || client.get("/api").header("x-release") == Some("hello"));
    other.put("settings", &below("/api")).expect(422);
}

#[test]
fn a_prefix_that_is_none_is_refused_in_words() {
    let scene = Scene::start(&json!({}));
    for path in ["shop", "/shop/../x", "//shop", "/shop?x", "/%73hop", "/a;b", "/_rolling/x"] {
        let answer = scene.router.api().app("other").put("settings", &json!({ "paths": [path] })).expect(422);
        let text = answer.response.text();
        assert!(text.contains("is not a path prefix such as /shop"), "{path}: {text}");
    }
    let host_only = json!({ "paths": ["/a"], "cookie": { "name": "__Host-pin", "secure": true } });
    let text = scene.router.api().app("other").put("settings", &host_only).expect(422).response.text();
    assert!(text.contains("cookie.name") && text.contains("__Host-"), "{text}");
}
