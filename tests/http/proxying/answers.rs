//! What the router says in its own voice: pages for browsers, JSON for those who ask, and never more than it should.

use support::{Reply, Response, Router, router, scripted};

fn ask(router: &Router, accept: &str) -> Response {
    let mut wire = router.connect();
    wire.send(format!("GET /<script> HTTP/1.1\r\nHost: {}\r\nAccept: {accept}\r\n\r\n", router.host));
    wire.response("GET")
}

fn broken() -> Router {
    router().stable_on("v1", vec![scripted(|_| Reply::Close(b"garbage\r\n\r\n".to_vec()))]).start()
}

#[test]
fn browsers_get_a_page() {
    let router = broken();
    let mut wire = router.connect();
    wire.send(format!(
        "GET / HTTP/1.1\r\nHost: {}\r\nAccept: text/html,application/xhtml+xml,*/*;q=0.8\r\n\r\n",
        router.host
    ));
    let response = wire.response("GET");
    assert_eq!(response.status, 502);
    assert!(response.header("content-type").is_some_and(|kind| kind.starts_with("text/html")));
    assert!(response.header("cache-control").is_some_and(|value| value.contains("no-store")));
    let text = response.text();
    assert!(text.to_ascii_lowercase().contains("<!doctype html>") && text.contains("<title>"), "{text}");
    let address = router.endpoint("v1").address.to_string();
    assert!(!text.contains(&address), "a visitor has no business knowing where an endpoint is");
}

#[test]
fn programs_get_json_if_they_ask() {
    let response = ask_json(&broken());
    let json: serde_json::Value = serde_json::from_slice(&response.body).expect("it is JSON");
    assert!(json["error"]["code"].is_string() && json["error"]["message"].is_string(), "{json}");
    assert!(response.header("content-type").is_some_and(|kind| kind.starts_with("application/json")));
}

fn ask_json(router: &Router) -> Response {
    let mut wire = router.connect();
    wire.send(format!("GET / HTTP/1.1\r\nHost: {}\r\nAccept: application/json\r\n\r\n", router.host));
    wire.response("GET")
}

#[test]
fn nothing_of_the_request_is_echoed() {
    let response = ask(&broken(), "text/html");
    assert!(!response.text().contains("<script>"));
}

#[test]
fn an_app_without_a_stable_release_is_unavailable() {
    let router = router().deployed("v1").key("rolling/hello/blendpercent", "0").start();
    let response = ask_json(&router);
    assert_eq!(response.status, 503);
    assert!(response.header("retry-after").is_some());
}

#[test]
fn errors_of_an_endpoint_are_its_own() {
    let router = router()
        .stable_on("v1", vec![scripted(|_| Reply::response("500 Oops", &[("X-Own", "yes")], "mine"))])
        .start();
    let response = ask_json(&router);
    assert_eq!(
        (response.status, response.text().as_str(), response.header("x-own")),
        (500, "mine", Some("yes"))
    );
}

#[test]
fn a_head_request_gets_an_error_without_a_body() {
    let router = broken();
    let mut wire = router.connect();
    wire.send(format!("HEAD / HTTP/1.1\r\nHost: {}\r\n\r\n", router.host));
    assert_eq!(wire.response("HEAD").status, 502);
    wire.send(format!("GET / HTTP/1.1\r\nHost: {}\r\n\r\n", router.host));
    // Were there a body, it would be read as the start of this answer.
    if let Ok(response) = wire.try_response("GET") {
        assert_eq!(response.status, 502);
    }
}
