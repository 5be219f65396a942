//! Paths: several apps on one host, told apart by path prefixes.

mod claims;
mod cookies;
mod scene;
mod stripping;

use scene::{Client, Scene};
use serde_json::json;
use support::{echo, router};

#[test]
fn the_longest_prefix_leads_to_its_app() {
    let scene = Scene::start(&json!({ "hosts": ["shop.example"], "paths": ["/api", "/shop/cart/"] }));
    let mut client = Client::new(&scene.router, "shop.example");
    for (target, app) in [
        ("/", "hello"),
        ("/api", "other"),
        ("/api/", "other"),
        ("/api?x", "other"),
        ("/api/v1?x=/../y", "other"),
        ("/apis", "hello"),
        ("/shop", "hello"),
        ("/shop/cart/1", "other"),
        ("/%61pi/1", "other"),
    ] {
        let response = client.get(target);
        assert_eq!((response.status, response.header("x-release")), (200, Some(app)), "{target}");
        let line = format!("GET {target} HTTP/1.1\r\n");
        assert!(response.text().starts_with(&line), "what goes on is what was sent: {}", response.text());
        assert!(!response.text().contains("x-forwarded-prefix"), "nothing is taken off");
    }
    assert_eq!(Client::new(&scene.router, "www.example").get("/api").header("x-release"), Some("hello"));
}

#[test]
fn a_prefix_without_hosts_is_on_every_host_that_nobody_claims() {
    // The flag `--app` would decide for good where unknown hosts lead.
    let router = router().without_app().stable("hello").start();
    let scene = Scene::of(router, &json!({ "paths": ["/api"] }));
    for host in ["anything.example", "127.0.0.1"] {
        let mut client = Client::new(&scene.router, host);
        assert_eq!(client.get("/api/1").header("x-release"), Some("other"));
        assert_eq!(client.get("/").header("x-release"), Some("hello"));
    }
    let leading = |app: &str| scene.router.api().app(app).state()["leading_hosts"].clone();
    assert_eq!((leading("hello"), leading("other")), (json!(["shop.example", "*"]), json!(["*/api"])));
    assert_eq!(Client::new(&scene.router, "shop.example").get("/api").header("x-release"), Some("hello"));
    scene.router.api().app("hello").delete("default").expect(200);
    let mut client = Client::new(&scene.router, "anything.example");
    assert_eq!((client.get("/api/1").status, client.get("/").status), (200, 404));
}

#[test]
fn a_seed_may_have_paths() {
    let other = echo("other");
    let router = router()
        .stable("hello")
        .key("rolling/hello/settings", r#"{"hosts": ["shop.example"], "share_host": ["other"]}"#)
        .key("apps/other-1.0-80/containers/c0", &other.address.to_string())
        .key("rolling/other/stable/id", "apps/other-1.0-80/containers")
        .key(
            "rolling/other/settings",
            r#"{"hosts": ["shop.example"], "paths": ["/api"], "strip_prefix": true}"#,
        )
        .key("rolling/third/settings", r#"{"hosts": ["shop.example"], "paths": ["/third"]}"#)
        .key("apps/third-1.0-80/containers/c0", &other.address.to_string())
        .key("rolling/third/stable/id", "apps/third-1.0-80/containers")
        .start();
    let mut client = Client::new(&router, "shop.example");
    assert!(client.get("/api/x").text().starts_with("GET /x HTTP/1.1\r\n"));
    assert_eq!(client.get("/third").header("x-release"), Some("hello"), "its host is not shared with it");
    let problems = router.api().app("third").state()["problems"].to_string();
    assert!(problems.contains("rolling/third/settings") && problems.contains("the app hello"), "{problems}");
}

#[test]
fn explain_and_the_command_line_know_prefixes() {
    let scene = Scene::start(&json!({ "hosts": ["shop.example"], "paths": ["/api"], "strip_prefix": true }));
    let explained = |app: &str, path: &str| {
        let body = json!({ "host": "shop.example", "path": path });
        let told = scene.router.api().app(app).post("explain", &body).expect(200).json();
        (told["host"]["app"].as_str().unwrap_or("none").to_owned(), told["why"].to_string())
    };
    let (app, why) = explained("other", "/api/x?y");
    assert_eq!(app, "other");
    assert!(why.contains("asked for /x?y, with X-Forwarded-Prefix /api"), "{why}");
    let (_, why) = explained("other", "/%61pi//x");
    assert!(why.contains("asked for /x, with X-Forwarded-Prefix /api"), "as on the wire: {why}");
    let (app, why) = explained("hello", "/api/x");
    assert_eq!(app, "other");
    assert!(why.contains("leads to the app other, not to hello"), "{why}");
    let (app, why) = explained("other", "/x/../api");
    assert_eq!(app, "none");
    assert!(why.contains("so it gets 400") && why.contains("only paths below /api"), "{why}");
    let said = support::command::ask(&scene.router, "viewer", &["apps"]).out;
    assert!(said.contains("shop.example/api"), "{said}");
}
