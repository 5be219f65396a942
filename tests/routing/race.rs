//! Silence is a race, not a verdict: a candidate that is slow and right keeps its clients, and one that is slow and wrong loses
//! them. Who failed or was silent is charged, with its own time.

use serde_json::json;
use std::time::Duration;
use support::clock::{Deadline, pause};
use support::{Endpoint, Reply, Router, Visitor, eventually, router, scripted};

const SILENCE_MS: u64 = 300;

/// An endpoint that answers after so many ms, and `/quick` at once.
fn after(ms: u64, release: &str, status: &'static str) -> Endpoint {
    let release = release.to_owned();
    scripted(move |request| {
        if request.target() != "/quick" {
            pause(Duration::from_millis(ms));
        }
        Reply::response(status, &[("X-Release", &release)], "an answer")
    })
}

/// Stable `v1` and candidate `v2`, to which all new clients go, and that may be silent for [`SILENCE_MS`].
pub fn both(stable: Endpoint, candidate: Endpoint) -> Router {
    let settings =
        json!({ "shielding": { "first_byte_ms": SILENCE_MS }, "timeouts": { "first_byte_ms": 4_000 } });
    router()
        .stable_on("v1", vec![stable])
        .candidate_on("v2", vec![candidate])
        .blend(100)
        .key("rolling/hello/settings", &settings.to_string())
        .start()
}

/// What a visitor gets, and how long it took.
fn timed(visitor: &mut Visitor, target: &str) -> (String, Duration) {
    let since = Deadline::after(Duration::ZERO);
    (visitor.get(target).release, since.elapsed())
}

fn sum(router: &Router, name: &str, labels: &[(&str, &str)]) -> f64 {
    router.api().metrics().sum(name, labels)
}

fn is(got: f64, wanted: f64) -> bool {
    (got - wanted).abs() < 0.01
}

/// A GET that took 7 s ran on both releases, took 12.1 s, and its client was moved.
#[test]
fn a_candidate_that_is_slow_and_first_keeps_its_clients() {
    let router = both(after(3_000, "v1", "200 OK"), after(900, "v2", "200 OK"));
    let mut visitors: Vec<Visitor> = (0..2).map(|_| router.visitor()).collect();
    for (n, visitor) in visitors.iter_mut().enumerate() {
        // Two clients are told apart by their pins.
        visitor.get("/quick");
        let (release, took) = timed(visitor, &format!("/report/{n}"));
        assert_eq!(release, "v2");
        assert!(took < Duration::from_millis(2_900), "it did not wait for stable: {took:?}");
    }
    eventually("stable was asked for both", || router.endpoint("v1").received() == 2);
    // Two clients have met it, so the path is known to be slow: a slow report runs on both releases at most once more.
    for visitor in &mut visitors {
        assert_eq!(visitor.get("/report/17?page=2").release, "v2");
    }
    assert_eq!(router.endpoint("v1").received(), 2);
    assert!(is(sum(&router, "rolling_endpoint_failures_total", &[]), 0.0), "nobody is charged");
    assert!(is(sum(&router, "rolling_shielded_requests_total", &[]), 0.0));
    assert!(is(sum(&router, "rolling_release_moves_total", &[]), 0.0));
    assert!(is(sum(&router, "rolling_open_requests", &[]), 0.0));
}

#[test]
fn an_answer_of_stable_that_is_no_good_is_not_taken() {
    for status in ["404 Not Found", "500 Internal Server Error", "503 Service Unavailable"] {
        let router = both(after(0, "v1", status), after(900, "v2", "200 OK"));
        for _ in 0..2 {
            assert_eq!(router.visitor().get("/").release, "v2", "{status}");
        }
        assert_eq!(router.endpoint("v1").received(), 2, "{status}: it is not remembered");
        assert!(is(sum(&router, "rolling_endpoint_failures_total", &[("release", "v2")]), 0.0), "{status}");
    }
    let router = both(after(0, "v1", "404 Not Found"), scripted(|_| Reply::Hang(Vec::new())));
    let answer = router.visitor().try_get("/").expect("an answer").response;
    assert_eq!(answer.status, 504, "the candidate has all of its time, and no more");
    assert!(
        sum(&router, "rolling_endpoint_failures_total", &[("release", "v2")]) > 0.5,
        "then it is charged"
    );
}

/// socket.io's long polls were cut every 5 s.
#[test]
fn what_waits_on_purpose_or_is_redeemed_once_is_never_raced() {
    let router = both(after(0, "v1", "200 OK"), after(700, "v2", "200 OK"));
    let cases = [
        ("/socket.io/?EIO=4&transport=polling&sid=1", ""),
        ("/events", "Accept: text/event-stream\r\n"),
        ("/wait", "Prefer: wait=10\r\n"),
        ("/video", "Range: bytes=0-1\r\n"),
        ("/signin?code=abc", ""),
        ("/signin?a=b&ticket=abc", ""),
        ("/saml?SAMLRequest=abc", ""),
        ("/auth/callback", ""),
        ("/account/logout", ""),
    ];
    for (target, headers) in cases {
        let mut visitor = router.visitor();
        visitor.headers = headers.into();
        assert_eq!(visitor.get(target).release, "v2", "{target}");
    }
    let mut elsewhere = router.visitor();
    elsewhere.navigates = false;
    elsewhere.headers = "Sec-Fetch-Mode: navigate\r\nSec-Fetch-Site: cross-site\r\n".into();
    assert_eq!(elsewhere.get("/landing?offer=1").release, "v2");
    assert_eq!(router.endpoint("v1").received(), 0);
    assert!(is(sum(&router, "rolling_release_moves_total", &[]), 0.0));
}

/// An interim response is no answer, so what comes after it may be raced; a candidate that gives up in the middle of a race has
/// lost it, however long stable takes.
#[test]
fn a_candidate_that_fails_in_a_race_has_lost_it() {
    let gives_up = scripted(|_| {
        pause(Duration::from_millis(700));
        Reply::Close(Vec::new())
    });
    let router = both(after(1_500, "v1", "200 OK"), gives_up);
    let mut visitor = router.visitor();
    assert_eq!(visitor.get("/").release, "v1");
    router.endpoint("v2").always(Reply::response("200 OK", &[("X-Release", "v2")], "well again"));
    assert_eq!(visitor.get("/").release, "v1", "it has moved");
    assert_eq!(router.endpoint("v1").received(), 2);
}

/// With `first_byte_ms` 1000 stable's median was 1,049 ms, and the candidate's was empty.
#[test]
fn who_was_silent_is_charged_with_its_own_time() {
    let router = both(after(0, "v1", "200 OK"), scripted(|_| Reply::Hang(Vec::new())));
    for _ in 0..5 {
        assert_eq!(router.visitor().get("/").release, "v1");
    }
    let seconds = |name: &str, release, track| {
        let labels = [("release", release), ("track", track)];
        let metrics = router.api().metrics();
        let of = |end: &str| metrics.sum(&format!("{name}_{end}"), &labels);
        (of("count"), of("sum") / of("count"))
    };
    let whole = "rolling_request_duration_seconds";
    // A request is booked when its client has been answered.
    eventually("each is booked", || {
        is(seconds(whole, "v2", "candidate").0, 5.0) && is(seconds(whole, "v1", "stable").0, 5.0)
    });
    let (asked, mean) = seconds(whole, "v2", "candidate");
    assert!(is(asked, 5.0) && mean >= 0.29, "{asked} of {mean} s");
    for name in [whole, "rolling_first_byte_seconds"] {
        let (answered, mean) = seconds(name, "v1", "stable");
        assert!(is(answered, 5.0) && mean < 0.28, "{name}: {answered} of {mean} s");
    }
    let requests =
        |release, status| sum(&router, "rolling_requests_total", &[("release", release), ("status", status)]);
    assert!(is(requests("v2", "5xx"), 5.0));
    assert!(is(requests("v1", "2xx"), 0.0), "what the candidate failed is no success of stable");
    assert!(is(sum(&router, "rolling_shielded_requests_total", &[]), 5.0));
}
