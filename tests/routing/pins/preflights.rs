//! CORS preflights: nobody's, answered by stable, and by the candidate where only that allows what is asked for.

use super::{both, pinned_to};
use serde_json::json;
use std::time::Duration;
use support::clock::Deadline;
use support::{Endpoint, ReceivedMessage, Reply, Response, Router, router, scripted};

const ORIGIN: &str = "https://app.example";

/// An endpoint that allows these header fields to this origin.
fn api(release: &'static str, origin: &'static str, fields: &'static str) -> Endpoint {
    scripted(move |received: &ReceivedMessage| {
        let place = ("X-Release", release);
        if received.method() != "OPTIONS" {
            return Reply::response("200 OK", &[place], "data");
        }
        let allowed = [
            ("Access-Control-Allow-Origin", origin),
            ("Access-Control-Allow-Headers", fields),
            ("Access-Control-Allow-Methods", "GET, PUT"),
            ("Access-Control-Max-Age", "86400"),
            ("Set-Cookie", "session=1"),
            place,
        ];
        Reply::response("204 No Content", &allowed, "")
    })
}

fn apis(stable: Endpoint, candidate: Endpoint, blend: u32) -> Router {
    router().stable_on("v1", vec![stable]).candidate_on("v2", vec![candidate]).blend(blend).start()
}

fn preflight(router: &Router, method: &str, fields: &str) -> Response {
    let mut wire = router.connect();
    wire.send(format!(
        "OPTIONS /api HTTP/1.1\r\nHost: {}\r\nOrigin: {ORIGIN}\r\nAccess-Control-Request-Method: {method}\r\n\
         Access-Control-Request-Headers: {fields}\r\n\r\n",
        router.host
    ));
    wire.response("OPTIONS")
}

fn answered_by(response: &Response) -> &str {
    response.header("x-release").unwrap_or_default()
}

/// Half of the preflights of a client that was pinned to the candidate went to stable, which does not know the new header.
#[test]
fn the_candidate_is_asked_where_stable_does_not_allow_the_header() {
    let router = apis(api("v1", ORIGIN, "x-old"), api("v2", ORIGIN, "x-old, x-new"), 50);
    let pinned = pinned_to(&router, "v2");
    for _ in 0..20 {
        let response = preflight(&router, "PUT", "X-New");
        assert_eq!((answered_by(&response), response.status), ("v2", 204));
        assert_eq!(response.header_all("set-cookie"), Vec::<&str>::new(), "it is nobody's");
    }
    assert_eq!(answered_by(&preflight(&router, "PUT", "x-old")), "v1", "stable comes first");
    assert_eq!(
        answered_by(&preflight(&router, "PATCH", "x-old")),
        "v1",
        "nobody allows that: stable's answer"
    );
    assert_eq!(answered_by(&preflight(&router, "PUT", "x-old, x-unheard")), "v1");
    assert_eq!(
        super::release(&super::ask(&router, "PUT", &format!("{pinned}X-New: 1\r\nContent-Length: 0\r\n"))),
        "v2"
    );
}

#[test]
fn another_origin_a_candidate_in_the_dark_and_draining_releases_are_not_asked() {
    let router = apis(api("v1", ORIGIN, "x-old"), api("v2", "https://other.example", "x-new"), 50);
    assert_eq!(answered_by(&preflight(&router, "PUT", "x-new")), "v1", "the candidate allows another origin");
    let router = apis(api("v1", "https://other.example", "x-old"), api("v2", ORIGIN, "x-new"), 50);
    assert_eq!(answered_by(&preflight(&router, "PUT", "x-new")), "v1", "stable does not know the origin");
    assert_eq!(router.endpoint("v2").received(), 0);
    let router = apis(api("v1", ORIGIN, "x-old"), api("v2", ORIGIN, "x-new"), 0);
    assert_eq!(answered_by(&preflight(&router, "PUT", "x-new")), "v1", "nobody is sent to the candidate");
    router.api().put("blend", &json!({"percent": 50})).expect(200);
    assert_eq!(answered_by(&preflight(&router, "PUT", "x-new")), "v2");
    router.api().post("promote", &json!({})).expect(200);
    assert_eq!(answered_by(&preflight(&router, "PUT", "x-old")), "v2", "v1 drains");
}

#[test]
fn a_silent_or_failing_candidate_costs_a_second_at_most() {
    let silent = support::serving(|peer| {
        while let Some(received) = peer.request() {
            peer.keep(received);
            peer.drain();
        }
    });
    let router = apis(api("v1", ORIGIN, "x-old"), silent, 50);
    let asked = Deadline::after(Duration::from_secs(60));
    let response = preflight(&router, "PUT", "x-new");
    assert_eq!((answered_by(&response), response.status), ("v1", 204));
    let took = asked.elapsed();
    assert!((Duration::from_millis(700)..Duration::from_secs(20)).contains(&took), "{took:?}");
    let failing = scripted(|_| Reply::response("500 Internal Server Error", &[], ""));
    let router = apis(api("v1", ORIGIN, "x-old"), failing, 50);
    assert_eq!(answered_by(&preflight(&router, "PUT", "x-new")), "v1");
}

#[test]
fn browsers_remember_for_a_minute_while_several_releases_are_routed() {
    let router = apis(api("v1", ORIGIN, "x-old"), api("v2", ORIGIN, "x-new"), 50);
    for fields in ["x-old", "x-new"] {
        let response = preflight(&router, "PUT", fields);
        assert_eq!(response.header_all("access-control-max-age"), ["60"], "{fields}");
    }
    router.api().post("abort", &json!({})).expect(200);
    support::eventually("one release is routed", || {
        preflight(&router, "PUT", "x-old").header_all("access-control-max-age") == ["86400"]
    });
}

#[test]
fn a_preflight_is_no_client_and_is_counted_nowhere() {
    let router = apis(api("v1", ORIGIN, "x-old"), api("v2", ORIGIN, "x-new"), 50);
    for fields in ["x-old", "x-new"].iter().cycle().take(20) {
        preflight(&router, "PUT", fields);
    }
    let metrics = router.api().metrics();
    for counted in ["rolling_requests_total", "rolling_assignments_total", "rolling_pins_issued_total"] {
        assert!(metrics.sum(counted, &[]).abs() < 0.5, "{counted}");
    }
}

#[test]
fn an_options_request_that_is_no_preflight_is_a_request_like_any_other() {
    let router = both(1, 100).start();
    let own = format!("Origin: http://{}\r\n", router.host);
    for headers in ["", &own, "Access-Control-Request-Method: PUT\r\n"] {
        let response = super::ask(&router, "OPTIONS", headers);
        assert_eq!(super::release(&response), "v2", "{headers:?}");
        assert!(support::visitor::pin_of(&response).is_some(), "{headers:?}");
    }
}
