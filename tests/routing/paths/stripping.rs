//! Apps that do not know the prefix below which they are served.

use super::scene::{Client, Scene};
use serde_json::{Value, json};
use std::fs;
use support::{Reply, eventually, router};

fn stripping() -> Value {
    json!({ "hosts": ["shop.example"], "paths": ["/shop", "/a/b"], "strip_prefix": true })
}

#[test]
fn endpoints_are_asked_without_the_prefix() {
    let scene = Scene::start(&stripping());
    let mut client = Client::new(&scene.router, "shop.example");
    client.headers = "X-Forwarded-Prefix: /evil\r\n".to_owned();
    for (target, wanted, prefix) in [
        ("/shop/x?y", "/x?y", "/shop"),
        ("/shop", "/", "/shop"),
        ("/shop/", "/", "/shop"),
        ("/shop?y", "/?y", "/shop"),
        ("/shop//evil.example/x", "/evil.example/x", "/shop"),
        ("/a/b/c%2fd", "/c%2fd", "/a/b"),
        ("/%73hop/x", "/x", "/shop"),
        ("/shop/a/../b", "/a/../b", "/shop"),
    ] {
        let response = client.get(target);
        assert_eq!(response.header("x-release"), Some("other"), "{target}");
        let text = response.text();
        assert!(text.starts_with(&format!("GET {wanted} HTTP/1.1\r\n")), "{target}: {text}");
        assert!(
            text.contains(&format!("x-forwarded-prefix: {prefix}\r\n")) && !text.contains("evil\r\n"),
            "{text}"
        );
    }
    assert!(client.get("/x").text().starts_with("GET /x HTTP/1.1\r\n"), "the other app's paths stay");
}

#[test]
fn a_proxy_in_front_that_took_off_a_prefix_is_believed() {
    let scene =
        Scene::of(router().stable("hello").flag("--trusted-networks=127.0.0.0/8").start(), &stripping());
    let mut client = Client::new(&scene.router, "shop.example");
    client.headers = "X-Forwarded-Prefix: /outer/\r\n".to_owned();
    assert!(client.get("/shop/x").text().contains("x-forwarded-prefix: /outer/shop\r\n"));
    assert!(client.get("/x").text().contains("X-Forwarded-Prefix: /outer/\r\n"));
}

#[test]
fn answers_speak_of_paths_as_the_client_asks_for_them() {
    let scene = Scene::start(&stripping());
    scene.other.script(|_| {
        let headers = [
            ("Location", "/login?to=/x"),
            ("Content-Location", "http://shop.example/x"),
            ("Set-Cookie", "a=1; Path=/; HttpOnly"),
            ("Set-Cookie", "b=2"),
            ("Link", "</style.css>"),
        ];
        Reply::response("302 Found", &headers, "")
    });
    let response = Client::new(&scene.router, "shop.example").get("/shop/x");
    assert_eq!(response.header("location"), Some("/shop/login?to=/x"));
    assert_eq!(response.header("content-location"), Some("http://shop.example/shop/x"));
    assert_eq!(response.header("link"), Some("</style.css>"));
    let cookies = response.header_all("set-cookie");
    assert_eq!(cookies[..2], ["a=1; Path=/shop; HttpOnly", "b=2"]);
    assert!(cookies[2].starts_with("rolling_pin."), "its prefixes have nothing in common: {cookies:?}");
    // Without the setting nothing of it is touched.
    let whole = json!({ "hosts": ["shop.example"], "paths": ["/shop"] });
    scene.router.api().app("other").put("settings", &whole).expect(200);
    assert_eq!(
        Client::new(&scene.router, "shop.example").get("/shop/x").header("location"),
        Some("/login?to=/x")
    );
}

#[test]
fn the_access_log_has_what_the_client_asked_for() {
    let dir = tempfile::tempdir().unwrap();
    let file = dir.path().join("access.log");
    let scene = Scene::of(router().stable("hello").access_log(&file).start(), &stripping());
    Client::new(&scene.router, "shop.example").get("/shop/x?y");
    Client::new(&scene.router, "shop.example").get("/shop/../x");
    eventually("both lines are written", || {
        fs::read_to_string(&file).unwrap_or_default().lines().count() >= 2
    });
    let log = fs::read_to_string(&file).unwrap();
    assert!(log.contains(r#""target":"/shop/x?y""#) && log.contains(r#""app":"other""#), "{log}");
    assert!(log.contains(r#""target":"/shop/../x""#) && log.contains(r#""status":400"#), "{log}");
}
