//! Access: docs/http.md row 40, and who may do what.

use reqwest::{Method, StatusCode, header};
use serde_json::{Value, json};

use super::{Bench, answer};

#[tokio::test]
async fn everything_below_api_needs_a_token_in_the_header() {
    let bench = Bench::start().await;
    for path in
        ["/api/v1/apps", "/api/kv/rolling/null", "/v1/kv/x", "/api/nothing", "/api/v1/apps?token=root-token"]
    {
        let response = bench.client.get(bench.url(path)).send().await.unwrap();
        assert_eq!(response.status(), StatusCode::UNAUTHORIZED, "{path}");
        assert!(response.headers().contains_key(header::WWW_AUTHENTICATE), "{path}");
        assert_eq!(response.headers()[header::CACHE_CONTROL], "no-store", "{path}");
    }
    for path in ["/healthz", "/metrics", "/"] {
        assert_eq!(
            bench.client.get(bench.url(path)).send().await.unwrap().status(),
            StatusCode::OK,
            "{path}"
        );
    }
    let ready = async || bench.client.get(bench.url("/readyz")).send().await.unwrap().status();
    assert_eq!(ready().await, StatusCode::SERVICE_UNAVAILABLE);
    bench.control.set_accepting(true);
    assert_eq!(ready().await, StatusCode::OK);
}

#[tokio::test]
async fn foreign_hosts_origins_and_media_types_are_refused() {
    let bench = Bench::start().await.with_stable().await;
    let get = || bench.request(Method::GET, "/api/v1/apps");
    assert_eq!(answer(get().header("Host", "evil.example")).await.0, StatusCode::MISDIRECTED_REQUEST);
    let foreign = answer(get().header("Origin", "http://evil.example")).await.0;
    assert_eq!(foreign, StatusCode::FORBIDDEN);
    let own = bench.url("");
    let response = get().header("Origin", own).send().await.unwrap();
    assert_eq!(response.status(), StatusCode::OK);
    assert!(!response.headers().contains_key("access-control-allow-origin"));
    let policy = response.headers()[header::CONTENT_SECURITY_POLICY].to_str().unwrap();
    assert!(policy.contains("frame-ancestors 'none'"));
    let text = bench.request(Method::POST, "/api/v1/apps/shop/abort").header("Content-Type", "text/plain");
    assert_eq!(answer(text.body("{}")).await.0, StatusCode::UNSUPPORTED_MEDIA_TYPE);
    let deep = format!("{{\"reason\":{}{}}}", "[".repeat(100_000), "]".repeat(100_000));
    let json =
        bench.request(Method::POST, "/api/v1/apps/shop/abort").header("Content-Type", "application/json");
    assert_eq!(answer(json.body(deep)).await.0, StatusCode::BAD_REQUEST);
    for path in ["/api/v1/apps/a%0d%0ab", "/api/kv/a%00b", "/api/kv/a%2f..%2fb", "/api/v1/apps/router"] {
        assert_eq!(bench.call(Method::GET, path, Value::Null).await.0, StatusCode::BAD_REQUEST, "{path}");
    }
}

#[tokio::test]
async fn repeated_failures_are_slowed_and_a_good_token_still_works() {
    let bench = Bench::start().await;
    let bad = async || {
        let request = bench.client.get(bench.url("/api/v1/apps")).bearer_auth("wrong-token");
        request.send().await.unwrap().status()
    };
    for _ in 0..10 {
        assert_eq!(bad().await, StatusCode::UNAUTHORIZED);
    }
    assert_eq!(bad().await, StatusCode::TOO_MANY_REQUESTS);
    bench.ok(Method::GET, "/api/v1/apps", Value::Null).await;
}

#[tokio::test]
async fn roles_bound_what_a_token_does() {
    let mut bench = Bench::start().await.with_stable().await;
    let denied = async |bench: &Bench, method: Method, path: &str, body: Value| {
        let (status, error) = bench.call(method, path, body).await;
        assert_eq!(status, StatusCode::FORBIDDEN, "{path}: {error}");
    };
    bench.token = "guest-token";
    let who = bench.ok(Method::GET, "/api/v1/whoami", Value::Null).await;
    assert_eq!(who, json!({ "name": "guest", "role": "viewer" }));
    denied(&bench, Method::PUT, "/api/v1/apps/shop/sticky", json!({ "sticky": false })).await;
    assert_eq!(bench.kv("rolling/shop/stickyness", "0").await.0, StatusCode::FORBIDDEN);
    bench.token = "ci-token";
    denied(&bench, Method::PUT, "/api/v1/apps/shop/settings", json!({})).await;
    denied(&bench, Method::DELETE, "/api/v1/apps/shop?force=true", Value::Null).await;
    bench.token = "maria-token";
    bench.ok(Method::PUT, "/api/v1/apps/shop/lock", json!({ "reason": "audit" })).await;
    bench.token = "ci-token";
    assert_eq!(bench.kv("rolling/shop/stickyness", "0").await.0, StatusCode::LOCKED);
    bench.token = "maria-token";
    assert_eq!(bench.state().await["lock"]["by"], "maria");
    bench.ok(Method::DELETE, "/api/v1/apps/shop/lock", Value::Null).await;
}

#[tokio::test]
async fn errors_name_the_field() {
    let bench = Bench::start().await.with_stable().await;
    for (path, body, field) in [
        ("blend", json!({ "percent": 100.5 }), "percent"),
        ("blend", json!({}), "percent"),
        ("sticky", json!({ "sticky": 1 }), "sticky"),
        ("candidate", json!({ "release": "a b" }), "release"),
        ("candidate", json!({ "id": "apps/../containers" }), "id"),
        ("candidate", json!({ "release": "2", "endpoints": ["x"] }), "endpoints[0]"),
        ("lock", json!({}), "reason"),
        ("sticky", json!({ "sticky": true, "stiky": 1 }), "stiky"),
    ] {
        let (status, error) =
            bench.call(Method::PUT, &format!("/api/v1/apps/shop/{path}"), body.clone()).await;
        assert_eq!(status, StatusCode::UNPROCESSABLE_ENTITY, "{path} {body}: {error}");
        assert_eq!(error["error"]["field"], field, "{path} {body}");
    }
}
