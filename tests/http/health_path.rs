//! The health path of the front: for balancers that ask under a bare address, with a Host that no app claims.

use support::{Router, RouterBuilder, eventually, router};

/// The answer of the front to a request with this first line, under a Host that no app claims.
fn ask(router: &Router, method: &str, line: &str) -> support::Response {
    let mut wire = router.connect();
    wire.send(format!("{method} {line} HTTP/1.1\r\nHost: 10.0.0.7\r\n\r\n"));
    wire.response(method)
}

fn with_path() -> RouterBuilder {
    router().stable("v1").flag("--front-health-path=/router-health")
}

#[test]
fn a_balancer_is_told_whether_to_send_end_users() {
    let mut router = with_path().flag("--grace-seconds=15").start();
    let healthy = ask(&router, "GET", "/router-health");
    assert_eq!((healthy.status, healthy.text().as_str()), (200, "200 OK: this router is ready\n"));
    assert_eq!(healthy.header("cache-control"), Some("no-store"));
    for method in ["HEAD", "OPTIONS", "POST", "CHECK"] {
        assert_eq!(ask(&router, method, "/router-health").status, 200, "{method}");
    }
    for line in ["/router-health?from=balancer", "http://10.0.0.7/router-health"] {
        assert_eq!(ask(&router, "GET", line).status, 200, "{line}");
    }
    assert!(router.endpoint("v1").take().is_empty(), "no app sees it");
    for line in ["/router-health/x", "/router-healthy", "/Router-Health", "/x/router-health", "/"] {
        ask(&router, "GET", line);
    }
    assert_eq!(router.endpoint("v1").take().len(), 5, "everything else is the app's");
    router.terminate();
    eventually("it is not ready any more", || router.readiness() == Some(503));
    assert_eq!(ask(&router, "GET", "/router-health").status, 503, "it goes on accepting, and says so");
    router.kill();
}

/// The bytes of a check in HTTP/1.0 without Host, and one connection for many checks.
#[test]
fn a_check_needs_no_host_and_no_connection_of_its_own() {
    let router = with_path().start();
    let mut old = router.connect();
    old.send("GET /router-health HTTP/1.0\r\n\r\n");
    assert_eq!(old.response("GET").status, 200);
    old.assert_closed();
    let mut kept = router.connect();
    for _ in 0..3 {
        kept.send("GET /router-health HTTP/1.1\r\nHost: 10.0.0.7\r\nAccept: application/json\r\n\r\n");
        let response = kept.response("GET");
        assert_eq!(
            (response.status, response.header("content-type")),
            (200, Some("text/plain; charset=utf-8"))
        );
    }
    kept.send("GET / HTTP/1.1\r\nHost: 10.0.0.7\r\n\r\n");
    assert_eq!(kept.response("GET").header("x-release"), Some("v1"));
}

/// A balancer that speaks plain http would be led in circles.
#[test]
fn a_check_is_not_sent_to_https_and_not_misdirected() {
    let hosts = r#"{"hosts": ["shop.example.test"]}"#;
    let builder = with_path().key("rolling/hello/settings", hosts);
    let router = builder.flag("--https-redirect=on").flag("--trusted-networks=127.0.0.2/32").start();
    assert_eq!(ask(&router, "GET", "/").status, 308);
    assert_eq!(ask(&router, "GET", "/router-health").status, 200);
}

#[test]
fn without_the_setting_every_path_is_an_apps() {
    let router = router().stable("v1").start();
    ask(&router, "GET", "/router-health");
    assert_eq!(router.endpoint("v1").take().len(), 1);
}
