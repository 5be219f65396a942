//! Numbers that are right: what the metrics say is what clients sent and got.

use support::metrics::Metrics;
use support::{ReceivedMessage, Reply, Router, Wire, count, echo, eventually, router, scripted};

fn equal(value: f64, wanted: usize) -> bool {
    #[allow(clippy::cast_precision_loss, reason = "a small count")]
    let wanted = wanted as f64;
    (value - wanted).abs() < f64::EPSILON
}

#[track_caller]
fn assert_count(metrics: &Metrics, name: &str, labels: &[(&str, &str)], wanted: usize) {
    assert!(metrics.has(name), "there is no {name}");
    let value = metrics.sum(name, labels);
    assert!(equal(value, wanted), "{name}{labels:?} is {value}, and {wanted} it was");
}

/// A scrape after so many requests have been counted: a client has its answer a moment before that.
fn after(router: &Router, requests: usize) -> Metrics {
    let mut metrics = router.api().metrics();
    eventually(&format!("{requests} requests are counted"), || {
        metrics = router.api().metrics();
        metrics.sum("rolling_requests_total", &[]) >= requests as f64
    });
    metrics
}

/// Answers `/STATUS` with that status and four bytes.
fn by_target(request: &ReceivedMessage) -> Reply {
    let status = format!("{} Reason", &request.target()[1..]);
    Reply::response(&status, &[], "four")
}

fn ask(wire: &mut Wire, router: &Router, line: &str, body: &str) -> u16 {
    let (host, length) = (&router.host, body.len());
    let method = line.split(' ').next().unwrap_or_default();
    wire.send(format!("{line} HTTP/1.1\r\nHost: {host}\r\nContent-Length: {length}\r\n\r\n{body}"));
    wire.response(method).status
}

#[test]
fn requests_are_counted_by_status_and_release() {
    let router = router().stable_on("v1", vec![scripted(by_target)]).workers(2).start();
    let rounds = count(5, 100);
    let mut wires: Vec<Wire> = (0..4).map(|_| router.connect()).collect();
    for wire in &mut wires {
        for _ in 0..rounds {
            for status in [200, 201, 302, 404, 410, 500, 503] {
                assert_eq!(ask(wire, &router, &format!("POST /{status}"), "three"), status);
            }
        }
    }
    let each = 4 * rounds;
    let metrics = after(&router, 7 * each);
    for (class, requests) in
        [("1xx", 0), ("2xx", 2 * each), ("3xx", each), ("4xx", 2 * each), ("5xx", 2 * each)]
    {
        let labels = [("app", "hello"), ("release", "v1"), ("status", class)];
        assert_count(&metrics, "rolling_requests_total", &labels, requests);
    }
    let all = 7 * each;
    assert_count(&metrics, "rolling_requests_total", &[], all);
    assert_count(&metrics, "rolling_assignments_total", &[], all);
    assert_count(&metrics, "rolling_request_duration_seconds_count", &[], all);
    assert_count(&metrics, "rolling_sent_bytes_total", &[], 4 * all);
    assert_count(&metrics, "rolling_received_bytes_total", &[], 5 * all);
    assert_count(&metrics, "rolling_endpoint_requests_total", &[], all);
    assert_count(&metrics, "rolling_endpoint_in_flight", &[], 0);
    assert_count(&metrics, "rolling_connections_accepted_total", &[], 4);
    assert_count(&metrics, "rolling_connections_open", &[], 4);
    let taken = metrics.sum("rolling_upstream_connects_total", &[])
        + metrics.sum("rolling_upstream_reuses_total", &[]);
    assert!(equal(taken, all), "each went over a fresh connection or a kept one: {taken}");
    drop(wires);
    eventually("no connection is open", || {
        equal(router.api().metrics().sum("rolling_connections_open", &[]), 0)
    });
}

#[test]
fn pins_are_counted_when_issued_and_when_honoured() {
    let router = router().stable("v1").candidate("v2").blend(50).start();
    let (clients, visits) = (20, 4);
    let mut visitors: Vec<_> = (0..clients).map(|_| router.visitor()).collect();
    let mut answered = [0, 0];
    for _ in 0..visits {
        for visitor in &mut visitors {
            answered[usize::from(visitor.release() == "v2")] += 1;
        }
    }
    let metrics = after(&router, clients * visits);
    assert_count(&metrics, "rolling_pins_issued_total", &[], clients);
    assert_count(&metrics, "rolling_assignments_total", &[("reason", "pin")], clients * (visits - 1));
    for (release, requests) in ["v1", "v2"].into_iter().zip(answered) {
        assert_count(&metrics, "rolling_requests_total", &[("release", release)], requests);
    }
    assert_count(&metrics, "rolling_blend_percent", &[("app", "hello")], 50);
    assert_count(&metrics, "rolling_bounces_total", &[], 0);

    // Aborted: the candidate's clients move once, for a reason.
    router.api().post("abort", &serde_json::json!({})).expect(200);
    visitors.iter_mut().for_each(|visitor| assert_eq!(visitor.release(), "v1"));
    let moved = answered[1] / visits;
    eventually("each move is counted", || {
        equal(router.api().metrics().sum("rolling_release_moves_total", &[("reason", "abort")]), moved)
    });
}

#[test]
fn a_promote_loses_no_count() {
    let router = router().stable("v1").candidate("v2").blend(50).start();
    (0..30).for_each(|_| drop(router.visitor().get("/")));
    let before = after(&router, 30);
    router.api().post("promote", &serde_json::json!({})).expect(200);
    let after = router.api().metrics();
    for release in ["v1", "v2"] {
        for name in
            ["rolling_requests_total", "rolling_pins_issued_total", "rolling_request_duration_seconds_count"]
        {
            let labels = [("release", release)];
            let (was, is) = (before.sum(name, &labels), after.sum(name, &labels));
            assert!((was - is).abs() < f64::EPSILON, "{name} of {release}: {was}, then {is}");
        }
    }
}

#[test]
fn requests_count_for_the_track_that_their_release_was_on() {
    let router = router().stable("v1").candidate("v2").blend(100).start();
    let mut visitor = router.visitor();
    let mut ask = |times: usize| (0..times).for_each(|_| assert_eq!(visitor.release(), "v2"));
    ask(3);
    drop(after(&router, 3));
    router.api().post("promote", &serde_json::json!({})).expect(200);
    ask(5);
    let metrics = after(&router, 8);
    let tracks = [("v2", "candidate", 3), ("v2", "stable", 5), ("v2", "draining", 0), ("v1", "stable", 0)];
    for (release, track, requests) in tracks {
        let labels = [("release", release), ("track", track), ("status", "2xx")];
        assert_count(&metrics, "rolling_requests_total", &labels, requests);
    }
    assert_count(&metrics, "rolling_requests_total", &[("release", "v1"), ("track", "draining")], 0);
    assert_count(&metrics, "rolling_requests_total", &[], 8);
}

#[test]
fn failures_are_counted_by_kind() {
    let kinds: [(&str, u16, Option<Reply>); 4] = [
        ("reset", 502, Some(Reply::Reset(Vec::new()))),
        ("malformed", 502, Some(Reply::Close(b"HTTP/1.1 99 Odd\r\n\r\n".to_vec()))),
        ("first_byte_timeout", 504, Some(Reply::Hang(Vec::new()))),
        ("connect", 502, None),
    ];
    for (kind, status, reply) in kinds {
        let router = router().stable("v1").limit("first_byte_ms", 2_000).start();
        match reply {
            Some(reply) => router.endpoint("v1").always(reply),
            None => router.endpoint("v1").stop(),
        }
        let mut wire = router.connect();
        // A POST is not repeated once it was sent, so one request is one failure.
        let answer = ask(&mut wire, &router, "POST /", "body");
        assert!(answer == status || answer == 503 && kind == "connect", "{kind}: {answer}");
        let metrics = after(&router, 1);
        assert_count(&metrics, "rolling_upstream_failures_total", &[], 1);
        assert_count(&metrics, "rolling_upstream_failures_total", &[("kind", kind)], 1);
        assert_count(&metrics, "rolling_endpoint_failures_total", &[], 1);
        assert_count(&metrics, "rolling_requests_total", &[("status", "5xx")], 1);
    }
}

#[test]
fn a_body_that_is_cut_is_the_endpoints_failure() {
    let cut = Reply::Close(b"HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nshort".to_vec());
    let router = router().stable_on("v1", vec![scripted(move |_| cut.clone())]).start();
    let mut wire = router.connect();
    wire.send(format!("GET / HTTP/1.1\r\nHost: {}\r\n\r\n", router.host));
    assert!(wire.try_response("GET").is_err());
    eventually("it is counted", || {
        equal(router.api().metrics().sum("rolling_upstream_failures_total", &[("kind", "body")]), 1)
    });
}

#[test]
fn refusals_and_foreign_hosts_have_counters_of_their_own() {
    let router = router().stable("v1").start();
    for _ in 0..3 {
        let mut wire = router.connect();
        wire.send("GET / HTTP/1.1\r\nHost: a\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\n");
        assert_eq!(wire.response("GET").status, 400);
    }
    let metrics = router.api().metrics();
    assert_count(&metrics, "rolling_requests_refused_total", &[], 3);
    assert_count(&metrics, "rolling_requests_total", &[], 0);
    assert_count(&metrics, "rolling_panics_total", &[], 0);
}

/// A request that failed at one endpoint and was repeated at another is one request, and the repeat is counted apart.
#[test]
fn repeats_are_counted_apart_from_requests() {
    let router = router().stable_on("v1", vec![echo("v1"), echo("v1")]).start();
    router.endpoints_of("v1")[1].stop();
    let retries = |metrics: &Metrics| metrics.sum("rolling_upstream_retries_total", &[]);
    let mut asked = 0;
    // Each client is drawn an endpoint; before long one meets the stopped endpoint.
    while equal(retries(&after(&router, asked)), 0) {
        router.visitor().get("/");
        asked += 1;
        assert!(asked < 60, "nobody met the stopped endpoint");
    }
    let metrics = after(&router, asked);
    assert_count(&metrics, "rolling_requests_total", &[("status", "2xx")], asked);
    assert_count(&metrics, "rolling_requests_total", &[], asked);
    assert_count(&metrics, "rolling_upstream_retries_total", &[], 1);
    assert_count(&metrics, "rolling_upstream_failures_total", &[("kind", "connect")], 1);
}
