//! What testers leave behind: nothing in pins, nothing in statistics, a line in the log.

use super::tester::{COOKIE, Tester, link};
use support::log::objects;
use support::{Reply, Router, eventually, router, scripted};

/// Everything that is counted by release, and the pins, as one sum each.
fn statistics(router: &Router) -> Vec<(&'static str, f64)> {
    let metrics = router.api().metrics();
    let names = [
        "rolling_requests_total",
        "rolling_request_duration_seconds_count",
        "rolling_assignments_total",
        "rolling_release_moves_total",
        "rolling_bounces_total",
        "rolling_pins_issued_total",
        "rolling_pins_rejected_total",
        "rolling_pinned_clients",
        "rolling_received_bytes_total",
        "rolling_sent_bytes_total",
        "rolling_endpoint_failures_total",
        "rolling_shielded_requests_total",
        "rolling_shields_denied_total",
        "rolling_open_requests",
        "rolling_open_sockets",
    ];
    names.map(|name| (name, metrics.sum(name, &[]))).to_vec()
}

#[test]
fn an_overridden_request_is_in_no_statistics_but_in_the_log() {
    let folder = tempfile::tempdir().expect("a temporary directory can be made");
    let file = folder.path().join("access.log");
    let router = router().stable("v1").candidate("v2").blend(50).access_log(&file).start();
    for _ in 0..4 {
        router.visitor().release();
    }
    let mut tester = Tester::at(&router).open(&link(&router, "candidate"));
    tester.cookies.insert("rolling_pin".into(), "forged".into());
    eventually("the visitors are counted", || {
        let open =
            statistics(&router).iter().find(|(name, _)| *name == "rolling_open_requests").map(|row| row.1);
        open.is_some_and(|open| open < 0.5) && objects(&file).len() == 5
    });
    let before = statistics(&router);
    for _ in 0..5 {
        assert_eq!(tester.release(), "v2");
    }
    eventually("the requests are logged", || objects(&file).len() == 10);
    let reasons: Vec<String> = objects(&file)
        .iter()
        .filter(|line| line["reason"] == "override")
        .map(|line| format!("{} {}", line["track"], line["status"]))
        .collect();
    assert_eq!(reasons, ["\"candidate\" 200"; 5]);
    eventually("nothing has been counted", || statistics(&router) == before);
    let overridden = router.api().metrics().sum("rolling_overridden_requests_total", &[]);
    assert!((overridden - 5.0).abs() < 0.1, "{overridden}");
}

#[test]
fn a_testers_failure_is_nobodys_and_is_not_shielded() {
    let router =
        router().stable("v1").candidate_on("v2", vec![scripted(|_| Reply::Reset(Vec::new()))]).start();
    let mut tester = Tester::at(&router).open(&link(&router, "candidate"));
    let before = statistics(&router);
    for reply in [
        Reply::Reset(Vec::new()),
        Reply::response("503 Service Unavailable", &[("X-Release", "v2")], "sorry"),
        Reply::response("500 Internal Server Error", &[("X-Release", "v2")], "oops"),
    ] {
        router.endpoint("v2").always(reply.clone());
        let response = tester.get("/");
        assert!(response.status >= 500, "{reply:?}: {}", response.status);
        assert_eq!(response.header("set-cookie"), None, "{reply:?} moves nobody");
    }
    assert_eq!(router.endpoint("v1").received(), 0, "stable was not asked");
    // An exchange is open until its last byte is with the client, and a little longer.
    eventually("nothing has been counted", || statistics(&router) == before);
    let state = router.api().state();
    assert_eq!(state["candidate"]["endpoints"][0]["healthy"], true, "no endpoint is taken from users");
}

#[test]
fn a_pin_is_neither_read_nor_set_nor_moved() {
    let router = router().stable("v1").candidate("v2").start();
    let mut tester = Tester::at(&router).open(&link(&router, "candidate"));
    assert_eq!(tester.get("/").header("set-cookie"), None, "none is set");
    tester.cookies.insert("rolling_pin".into(), "forged".into());
    assert_eq!(tester.get("/").header("set-cookie"), None, "a forged one stays for later");
    // A pin to a release that left would move with any response.
    let mut user = Tester::at(&router);
    router.api().put("blend", &serde_json::json!({"percent": 100})).expect(200);
    assert_eq!(user.release(), "v2");
    let pin = user.cookies["rolling_pin"].clone();
    let stable = link(&router, "stable");
    router.api().post("abort", &serde_json::json!({})).expect(200);
    let mut user = user.open(&stable);
    assert_eq!(user.get("/").header("set-cookie"), None);
    assert_eq!(user.cookies["rolling_pin"], pin);
    user.cookies.remove(COOKIE);
    assert!(user.get("/").header("set-cookie").is_some(), "without the preview it moves");
}

#[test]
fn nothing_that_a_tester_sees_is_kept_by_a_cache() {
    let cached = |release: &'static str| {
        scripted(move |_| {
            let headers = [
                ("X-Release", release),
                ("Cache-Control", "public, max-age=3600, immutable"),
                ("CDN-Cache-Control", "max-age=60"),
                ("X-Rolling-Release", "somebody else"),
            ];
            Reply::response("200 OK", &headers, "body")
        })
    };
    let builder = router().stable_on("v1", vec![cached("v1")]).candidate_on("v2", vec![cached("v2")]);
    let router = builder.key("rolling/hello/settings", r#"{"cache": "trust"}"#).start();
    let mut tester = Tester::at(&router).open(&link(&router, "candidate"));
    for target in ["/", "/assets/app.3f9a81c2.js"] {
        let response = tester.get(target);
        assert_eq!(response.header_all("cache-control"), ["no-store"], "{target}");
        assert_eq!(response.header("cdn-cache-control"), None);
        assert_eq!(response.header_all("x-rolling-release"), ["apps/hello-v2-80/containers"]);
        let usual = Tester::at(&router).get(target);
        assert_eq!(usual.header_all("cache-control"), ["public, max-age=3600, immutable"], "{target}");
        assert_eq!(usual.header_all("x-rolling-release"), ["somebody else"], "{target}");
    }
}
