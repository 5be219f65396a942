//! Shielding: what the candidate fails, stable answers, and the client stays there. Never the other way round, never what
//! may have been done already, and never more than stable takes.

use serde_json::{Value, json};
use std::time::Duration;
use support::clock::pause;
use support::log::objects;
use support::{Endpoint, Reply, Response, Router, RouterBuilder, echo, eventually, router, scripted};

/// Stable `v1`, and a candidate `v2` of these endpoints that every new client goes to.
fn all_to(candidate: Vec<Endpoint>) -> RouterBuilder {
    router().stable("v1").candidate_on("v2", candidate).blend(100)
}

fn with_settings(builder: RouterBuilder, settings: &Value) -> Router {
    builder.key("rolling/hello/settings", &settings.to_string()).start()
}

/// A working answer of `v2`.
fn good() -> Reply {
    Reply::response("200 OK", &[("X-Release", "v2")], "fine")
}

fn ask(router: &Router, method: &str, target: &str, body: &str) -> Response {
    let mut wire = router.connect();
    let (host, length) = (&router.host, body.len());
    wire.send(format!(
        "{method} {target} HTTP/1.1\r\nHost: {host}\r\nContent-Length: {length}\r\n\r\n{body}"
    ));
    wire.response(method)
}

/// Every way in which an endpoint that accepts connections can fail before its answer.
fn failures() -> Vec<(&'static str, Reply)> {
    let status = |status| Reply::response(status, &[("X-Release", "v2")], "sorry");
    let both = "HTTP/1.1 200 OK\r\nContent-Length: 2\r\nTransfer-Encoding: chunked\r\n\r\nok";
    vec![
        ("resets", Reply::Reset(Vec::new())),
        ("closes before a byte", Reply::Close(Vec::new())),
        ("cuts its head", Reply::Close(b"HTTP/1.1 200 OK\r\nContent-Le".to_vec())),
        ("sends garbage", Reply::Close(b"!!!\r\n\r\n".to_vec())),
        ("frames it twice", Reply::Close(both.as_bytes().to_vec())),
        ("hangs", Reply::Hang(Vec::new())),
        ("answers 502", status("502 Bad Gateway")),
        ("answers 503", status("503 Service Unavailable")),
        ("answers 504", status("504 Gateway Timeout")),
    ]
}

#[test]
fn what_the_candidate_fails_stable_answers_and_the_client_stays_there() {
    // Long enough for an endpoint that answers on a busy machine.
    let settings = json!({ "shielding": { "first_byte_ms": 2_000 } });
    let router = with_settings(all_to(vec![echo("v2")]), &settings);
    let candidate = router.endpoint("v2");
    for (how, reply) in failures() {
        candidate.always(good());
        let mut pinned = router.visitor();
        assert_eq!(pinned.get("/").release, "v2");
        candidate.always(reply);
        let mut new = router.visitor();
        for visitor in [&mut pinned, &mut new] {
            let visit = visitor.get("/");
            assert_eq!((visit.release.as_str(), visit.pinned), ("v1", true), "the candidate {how}");
        }
        candidate.always(good());
        for visitor in [&mut pinned, &mut new] {
            let visit = visitor.get("/");
            assert_eq!((visit.release.as_str(), visit.pinned), ("v1", false), "the candidate {how} no more");
        }
        assert_eq!(router.visitor().release(), "v2");
    }
    let kinds = failures().len() as f64;
    let metrics = router.api().metrics();
    let sum = |name: &str, labels: &[(&str, &str)]| metrics.sum(name, labels);
    let same = |got: f64, wanted: f64| assert!((got - wanted).abs() < 0.5, "{got}, not {wanted}");
    same(sum("rolling_shielded_requests_total", &[]), 2.0 * kinds);
    let moved = [("from", "candidate"), ("to", "v1"), ("reason", "shielded")];
    same(sum("rolling_release_moves_total", &moved), kinds);
    same(sum("rolling_bounces_total", &[]), 0.0);
    same(sum("rolling_requests_total", &[("release", "v2"), ("status", "5xx")]), 2.0 * kinds);
    same(sum("rolling_requests_total", &[("release", "v1"), ("status", "5xx")]), 0.0);
    assert!(sum("rolling_endpoint_failures_total", &[("release", "v2")]) >= 2.0 * kinds);
}

#[test]
fn a_candidate_that_refuses_connections_is_shielded_for_every_method() {
    let router = all_to(vec![echo("v2")]).start();
    router.endpoint("v2").stop();
    for method in ["GET", "HEAD", "OPTIONS", "POST", "PUT", "DELETE", "PATCH"] {
        let response = ask(&router, method, "/", if method == "POST" { "hello" } else { "" });
        assert_eq!((response.status, response.header("x-release")), (200, Some("v1")), "{method}");
    }
    assert_eq!(router.endpoint("v1").take().len(), 7, "each once");
}

#[test]
fn what_may_have_been_done_is_never_done_again() {
    let router = all_to(vec![scripted(|_| Reply::Reset(Vec::new()))]).start();
    for method in ["POST", "PATCH", "PUT", "DELETE"] {
        assert_eq!(ask(&router, method, "/", "hello").status, 502, "{method}");
    }
    router.endpoint("v2").always(Reply::response("503 Service Unavailable", &[], "the candidate's own"));
    let response = ask(&router, "POST", "/", "hello");
    assert_eq!((response.status, response.text().as_str()), (503, "the candidate's own"));
    assert_eq!(router.endpoint("v1").received(), 0);
}

#[test]
fn another_endpoint_of_the_candidate_comes_first() {
    let bad = scripted(|_| Reply::response("503 Service Unavailable", &[], "no"));
    let router = all_to(vec![echo("v2"), bad]).start();
    for _ in 0..20 {
        assert_eq!(router.visitor().release(), "v2");
    }
    assert_eq!(router.endpoint("v1").received(), 0);
}

#[test]
fn excluded_paths_and_apps_that_want_none_get_the_candidates_own_answer() {
    for shielding in [json!({ "exclude": ["/once/"] }), json!({ "enabled": false })] {
        let bad = scripted(|_| Reply::response("503 Service Unavailable", &[], "the candidate's own"));
        let router = with_settings(all_to(vec![bad]), &json!({ "shielding": shielding }));
        let response = ask(&router, "GET", "/once/1", "");
        assert_eq!((response.status, response.text().as_str()), (503, "the candidate's own"));
        let elsewhere = ask(&router, "GET", "/once", "").status;
        assert_eq!(elsewhere, if shielding["enabled"] == false { 503 } else { 200 }, "{shielding}");
    }
}

#[test]
fn stable_is_never_saved_by_the_candidate() {
    let settings = json!({ "shielding": { "first_byte_ms": 50 } });
    let builder = router().stable_on("v1", vec![echo("v1")]).candidate("v2").blend(0);
    let router = with_settings(builder, &settings);
    for (how, reply) in failures().into_iter().filter(|(how, _)| *how != "hangs") {
        router.endpoint("v1").always(reply);
        let response = ask(&router, "GET", "/", "");
        assert!(matches!(response.status, 502..=504), "stable {how}: {}", response.status);
    }
    router.endpoint("v1").script(|_| {
        pause(Duration::from_millis(300));
        Reply::ok("slow and right")
    });
    assert_eq!(ask(&router, "GET", "/", "").text(), "slow and right");
    assert_eq!(router.endpoint("v2").received(), 0);
}

#[test]
fn stable_takes_no_more_than_its_limit_and_the_rest_keeps_the_candidates_answer() {
    let limited = |most: u32, first_byte_ms: u32, candidate: Endpoint| {
        let file = tempfile::NamedTempFile::new().expect("a temporary file can be made");
        std::fs::write(file.path(), format!("[limits]\nshields_per_second_max = {most}\n"))
            .expect("it can be written");
        let builder = all_to(vec![candidate]).flag("--config").flag(&file.path().display().to_string());
        let settings = json!({ "shielding": { "first_byte_ms": first_byte_ms } });
        with_settings(builder, &settings)
    };
    let busy = limited(1, 5_000, scripted(|_| Reply::response("503 Service Unavailable", &[], "busy")));
    let statuses: Vec<u16> = (0..20).map(|_| ask(&busy, "GET", "/", "").status).collect();
    assert_eq!(statuses[0], 200);
    assert!(statuses.iter().filter(|status| **status == 503).count() >= 10, "{statuses:?}");
    let denied = busy.api().metrics().sum("rolling_shields_denied_total", &[("reason", "rate")]);
    assert!(denied >= 10.0, "{denied}");

    // What stable does not take is not cut short for it.
    let slow = limited(
        0,
        50,
        scripted(|_| {
            pause(Duration::from_millis(500));
            Reply::response("200 OK", &[("X-Release", "v2")], "late")
        }),
    );
    assert_eq!(ask(&slow, "GET", "/", "").text(), "late");
}

#[test]
fn with_navigate_a_shielded_client_stays_on_stable_and_is_logged_as_such() {
    let dir = tempfile::tempdir().expect("a temporary directory can be made");
    let log = dir.path().join("access.log");
    let builder = all_to(vec![scripted(|_| Reply::Close(Vec::new()))]).access_log(&log);
    let router = with_settings(builder, &json!({ "transition": "navigate" }));
    let mut visitor = router.visitor();
    assert_eq!(visitor.get("/").release, "v1");
    router.endpoint("v2").always(good());
    for _ in 0..3 {
        assert_eq!(visitor.get("/").release, "v1");
    }
    assert_eq!(router.visitor().release(), "v2");
    let mut lines = Vec::new();
    eventually("the log has all lines", || {
        lines = objects(&log);
        lines.len() == 5
    });
    assert_eq!((&lines[0]["reason"], &lines[0]["track"]), (&json!("shielded"), &json!("stable")));
    assert!(lines[0]["retries"].as_u64() >= Some(1), "{}", lines[0]);
    assert_eq!(lines[1]["reason"], "pin");
}
