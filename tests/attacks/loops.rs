//! Requests that come back: each router names itself to whom it asks, and knows its name again.

use support::{Reply, Router, Wire, eventually, router};

/// What a router calls itself.
pub fn name_of(router: &Router) -> String {
    router.visitor().get("/");
    let endpoint = router.endpoint("v1");
    let received = endpoint.take().into_iter().find(|received| received.header("cdn-loop").is_some());
    received.expect("a request").header("cdn-loop").expect("a name").to_owned()
}

/// The status of a front request with these lines.
fn front(router: &Router, lines: &str) -> u16 {
    let mut wire = Wire::open(router.front);
    wire.send(format!("GET / HTTP/1.1\r\nHost: {}\r\n{lines}\r\n", router.host));
    wire.response("GET").status
}

#[test]
fn a_request_that_comes_back_is_refused_however_its_name_is_written() {
    let router = router().stable("v1").start();
    let own = name_of(&router);
    for lines in [
        format!("CDN-Loop: {own}\r\n"),
        format!("cdn-loop: {}\r\n", own.to_uppercase()),
        format!("CDN-Loop: a.test\r\nCDN-Loop: {own};v=1\r\n"),
        format!("CDN-Loop: a.test,{own},b.test\r\n"),
        format!("CDN-Loop:\t{own} \r\nConnection: CDN-Loop\r\n"),
    ] {
        assert_eq!(front(&router, &lines), 508, "{lines:?}");
    }
    assert_eq!(router.endpoint("v1").received(), 0);
    assert_eq!(front(&router, "CDN-Loop: rolling-router-0, a.test\r\n"), 200);
}

#[test]
fn nobody_takes_the_name_off() {
    let router = router().stable("v1").start();
    let own = name_of(&router);
    for lines in ["Connection: CDN-Loop\r\n", "Connection: cdn-loop, close\r\nCDN-Loop: a.test\r\n"] {
        assert_eq!(front(&router, lines), 200);
        let received = router.endpoint("v1").take().remove(0);
        assert!(received.header_all("cdn-loop").contains(&own.as_str()), "{lines:?}");
    }
}

/// A check is a request too: one that led back would call a router its own healthy endpoint.
#[test]
fn health_checks_carry_the_name() {
    let settings = r#"{"health": {"path": "/up", "interval_ms": 100, "timeout_ms": 100}}"#;
    let router = router().stable("v1").key("rolling/hello/settings", settings).start();
    let endpoint = router.endpoint("v1");
    endpoint.always(Reply::ok("up"));
    eventually("a check", || {
        let received = endpoint.take();
        let mut checks = received.iter().filter(|received| received.target() == "/up");
        checks.any(|check| check.header("cdn-loop").is_some_and(|name| name.starts_with("rolling-router-")))
    });
}
