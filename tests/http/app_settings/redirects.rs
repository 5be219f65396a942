//! Redirects to https and to the canonical host, and what browsers are told so that they need none.

use super::stage::{BY_HTTPS, ask, with_settings};
use serde_json::json;
use support::{Reply, Router, echo, scripted};

/// Where a request is sent, if it is.
fn location(router: &Router, host: &str, headers: &str) -> Option<String> {
    let response = ask(router, "GET /a%20b?c=d", &format!("Host: {host}\r\n{headers}"));
    assert!(matches!(response.status, 200 | 308), "{host}: {}", response.status);
    let location = response.header("location").map(str::to_owned);
    assert_eq!(response.status == 308, location.is_some(), "{host}");
    location
}

#[test]
fn who_comes_by_http_is_sent_to_https() {
    let router = with_settings(echo("v1"), &json!({"https_redirect": 443}));
    assert_eq!(location(&router, "shop.test", "").as_deref(), Some("https://shop.test/a%20b?c=d"));
    assert_eq!(location(&router, "shop.test:8080", "").as_deref(), Some("https://shop.test/a%20b?c=d"));
    assert_eq!(location(&router, "shop.test", BY_HTTPS), None);
    assert_eq!(ask(&router, "POST /", "Host: shop.test\r\nContent-Length: 0\r\n").status, 308);
    assert_eq!(router.endpoint("v1").take().len(), 1, "only what came by https went on");
    router.api().put("settings", &json!({"https_redirect": 8443})).expect(200);
    assert_eq!(location(&router, "shop.test", "").as_deref(), Some("https://shop.test:8443/a%20b?c=d"));
}

#[test]
fn every_host_leads_to_the_canonical_one_in_one_step() {
    let settings = json!({"hosts": ["shop.test", "*.shop.test"], "canonical_host": "Shop.test"});
    let router = with_settings(echo("v1"), &settings);
    assert_eq!(location(&router, "shop.test", ""), None);
    assert_eq!(location(&router, "SHOP.test:80", ""), None);
    assert_eq!(location(&router, "www.shop.test", "").as_deref(), Some("http://shop.test/a%20b?c=d"));
    assert_eq!(
        location(&router, "www.shop.test:8080", "").as_deref(),
        Some("http://shop.test:8080/a%20b?c=d")
    );
    assert_eq!(location(&router, "www.shop.test", BY_HTTPS).as_deref(), Some("https://shop.test/a%20b?c=d"));
    let both =
        json!({"hosts": ["shop.test", "*.shop.test"], "canonical_host": "shop.test", "https_redirect": 443});
    router.api().put("settings", &both).expect(200);
    assert_eq!(location(&router, "www.shop.test", "").as_deref(), Some("https://shop.test/a%20b?c=d"));
    assert_eq!(location(&router, "shop.test", BY_HTTPS), None);
}

#[test]
fn browsers_that_come_by_https_are_told_to_stay_there_and_others_are_not() {
    let endpoint = scripted(|request| match request.target().as_str() {
        "/broken" => Reply::Close(b"nonsense\r\n\r\n".to_vec()),
        _ => Reply::response("200 OK", &[("Strict-Transport-Security", "max-age=1")], "fine"),
    });
    let hsts = json!({"max_age": 31_536_000, "include_subdomains": true, "preload": true});
    let router = with_settings(endpoint, &json!({"hsts": hsts, "canonical_host": "shop.test"}));
    let told = |start: &str, headers: &str| {
        let response = ask(&router, start, headers);
        response.header_all("strict-transport-security").join("; and ")
    };
    let line = "max-age=31536000; includeSubDomains; preload";
    assert_eq!(told("GET /", &format!("Host: shop.test\r\n{BY_HTTPS}")), line);
    assert_eq!(told("GET /broken", &format!("Host: shop.test\r\n{BY_HTTPS}")), line, "the router answers");
    assert_eq!(told("GET /", &format!("Host: www.test\r\n{BY_HTTPS}")), line, "it redirects");
    assert_eq!(
        told("GET /", "Host: shop.test\r\n"),
        "max-age=1",
        "by http it is the endpoint's, which browsers ignore"
    );
    assert_eq!(told("GET /broken", "Host: shop.test\r\n"), "");
}

#[test]
fn settings_that_cannot_work_are_refused_by_name() {
    let router = with_settings(echo("v1"), &json!({}));
    for (settings, field) in [
        (json!({"https_redirect": 0}), "https_redirect"),
        (json!({"https_redirect": true}), "https_redirect"),
        (json!({"canonical_host": "shop.test:80"}), "canonical_host"),
        (json!({"hosts": ["shop.test"], "canonical_host": "www.shop.test"}), "canonical_host"),
        (json!({"hsts": {"max_age": 63_072_001}}), "hsts.max_age"),
        (json!({"hsts": {"max_age": 60, "include_subdomains": true, "preload": true}}), "hsts.preload"),
        (json!({"body_max": -1}), "body_max"),
        (json!({"headers": {"response": ["set Content-Length: 5"]}}), "headers.response"),
        (json!({"headers": {"request": ["set X-A: b\r\nX-B: c"]}}), "headers.request"),
        (
            json!({"override": {"header": "X-Own", "networks": ["10.0.0.0/8"]}, "headers": {"request": ["remove x-own"]}}),
            "headers.request",
        ),
        (json!({"error_pages": {"503": ""}}), "error_pages.503"),
        (json!({"error_pages": {"200": "<p>"}}), "error_pages.200"),
    ] {
        let refused = router.api().put("settings", &settings).expect(422);
        assert!(refused.response.text().contains(field), "{settings}: {}", refused.response.text());
    }
}
