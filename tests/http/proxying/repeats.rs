//! The repeat rule: a request is sent again only if nothing of it was sent, or its method is idempotent, its body is still
//! held, and no byte of a response went downstream.

use support::{Endpoint, Reply, Response, Router, echo, router, scripted};

fn ask(router: &Router, method: &str, body: &str) -> Response {
    let mut wire = router.connect();
    wire.send(format!(
        "{method} / HTTP/1.1\r\nHost: {}\r\nContent-Length: {}\r\n\r\n{body}",
        router.host,
        body.len()
    ));
    wire.response(method)
}

/// A release of one good endpoint and one that does this to every request.
fn beside_a_good_one(bad: Reply) -> Router {
    let bad = scripted(move |_| bad.clone());
    router().stable_on("v1", vec![echo("v1"), bad]).start()
}

fn bad(router: &Router) -> &Endpoint {
    router.endpoints_of("v1")[1]
}

#[test]
fn a_kept_connection_that_was_closed_is_the_ordinary_case() {
    let closing = scripted(|_| Reply::Close(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok".to_vec()));
    let router = router().stable_on("v1", vec![closing]).start();
    for n in 0..100 {
        let method = ["GET", "POST", "PUT"][n % 3];
        let response = ask(&router, method, if method == "GET" { "" } else { "hello" });
        assert_eq!(response.status, 200, "{method} number {n}");
        // A close that is still under way when the next POST is sent is nobody's to repair: it may have been read.
        let closed = || router.endpoint("v1").open_connections() == 0;
        support::eventually("the endpoint has closed the connection", closed);
    }
    assert_eq!(router.endpoint("v1").take().len(), 100, "every request arrived exactly once");
}

#[test]
fn kept_connections_that_are_all_closed_at_once_fail_nobody() {
    let router = router().stable("v1").start();
    let mut wires: Vec<_> = (0..8).map(|_| router.connect()).collect();
    for round in 0..10 {
        for wire in &mut wires {
            wire.send(format!("POST / HTTP/1.1\r\nHost: {}\r\nContent-Length: 5\r\n\r\nhello", router.host));
        }
        for wire in &mut wires {
            assert_eq!(wire.response("POST").status, 200, "round {round}");
        }
        router.endpoint("v1").close_connections();
        // A close that is still under way when the next POST is sent is nobody's to repair.
        let closed = || router.endpoint("v1").open_connections() == 0;
        support::eventually("the endpoint has closed all connections", closed);
    }
}

#[test]
fn idempotent_requests_are_sent_again() {
    for reply in [Reply::Reset(Vec::new()), Reply::Close(Vec::new())] {
        let router = beside_a_good_one(reply);
        for n in 0..20 {
            let method = ["GET", "PUT", "DELETE", "OPTIONS", "HEAD"][n % 5];
            let body = if method == "PUT" { "hello" } else { "" };
            let response = ask(&router, method, body);
            assert_eq!(response.status, 200, "{method}");
            assert_eq!(response.header("x-release"), Some("v1"), "{method}");
        }
    }
}

#[test]
fn a_post_that_was_sent_is_never_sent_again() {
    let router = beside_a_good_one(Reply::Reset(Vec::new()));
    let (mut answered, mut failed) = (0, 0);
    for _ in 0..40 {
        match ask(&router, "POST", "hello").status {
            200 => answered += 1,
            502 => failed += 1,
            other => panic!("answered {other}"),
        }
    }
    assert!(failed > 0, "some must have met the bad endpoint");
    assert_eq!(bad(&router).take().len(), failed);
    assert_eq!(router.endpoints_of("v1")[0].take().len(), answered);
}

#[test]
fn a_refused_connection_is_tried_elsewhere_whatever_the_method() {
    let router = router().stable_on("v1", vec![echo("v1"), echo("v1")]).start();
    router.endpoints_of("v1")[1].stop();
    for method in ["GET", "POST", "PATCH"] {
        for n in 0..10 {
            let body = if method == "GET" { "" } else { "hello" };
            assert_eq!(ask(&router, method, body).status, 200, "{method} number {n}");
        }
    }
}

#[test]
fn a_release_without_a_reachable_endpoint_says_so() {
    let router = router().stable("v1").start();
    router.endpoint("v1").stop();
    let response = ask(&router, "GET", "");
    assert!(matches!(response.status, 502 | 503), "{}", response.status);
    if response.status == 503 {
        assert!(response.header("retry-after").is_some());
    }
    // It comes back without a restart.
    let _again = Endpoint::echo_at(router.endpoint("v1").address, "v1");
    support::eventually("the endpoint serves again", || ask(&router, "GET", "").status == 200);
}
