//! What ties a request to what others log about it.

use super::access_log::log_file;
use std::collections::BTreeSet;
use support::log::objects;
use support::{Router, eventually, router};

/// Sends a request with these header lines; what the endpoint received.
fn received(router: &Router, headers: &str) -> support::ReceivedMessage {
    let mut wire = router.connect();
    wire.send(format!("GET / HTTP/1.1\r\nHost: {}\r\n{headers}\r\n", router.host));
    assert_eq!(wire.response("GET").status, 200);
    router.endpoint("v1").take().remove(0)
}

#[test]
fn a_request_without_an_id_gets_one_that_no_other_has() {
    let (_folder, file) = log_file();
    let router = router().stable("v1").access_log(&file).workers(2).start();
    let ids: BTreeSet<String> = (0..200)
        .map(|_| {
            let received = received(&router, "");
            assert_eq!(received.header_all("x-request-id").len(), 1);
            received.header("x-request-id").expect("it was made").to_owned()
        })
        .collect();
    assert_eq!(ids.len(), 200, "each has its own");
    assert!(
        ids.iter().all(|id| id.len() >= 16 && id.bytes().all(|byte| byte.is_ascii_hexdigit())),
        "{ids:?}"
    );
    let logged = || -> BTreeSet<String> {
        let lines = objects(&file).into_iter();
        lines.filter_map(|line| line["request_id"].as_str().map(str::to_owned)).collect()
    };
    eventually("the log knows the same ids", || logged() == ids);
}

#[test]
fn a_requests_own_id_is_passed_on() {
    let router = router().stable("v1").start();
    for id in ["7b1c", "a b/c=d;e", "0f9e8d7c-6b5a-4938-2716-05f4e3d2c1b0"] {
        let received = received(&router, &format!("x-rEQUEST-id: {id}\r\n"));
        assert_eq!(received.header_all("x-request-id"), [id]);
    }
}

#[test]
fn trace_context_is_passed_on_untouched() {
    let router = router().stable("v1").start();
    let trace = [
        ("traceparent", "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01"),
        ("tracestate", "rojo=00f067aa0ba902b7,congo=t61rcWkgMzE"),
        ("tracestate", "third=x"),
        ("baggage", "userId=alice,serverNode=DF%2028"),
        ("b3", "80f198ee56343ba864fe8b2a57d3eff7-e457b5a2e4d86bd1-1"),
    ];
    let headers: String = trace.iter().map(|(name, value)| format!("{name}: {value}\r\n")).collect();
    let received = received(&router, &headers);
    let passed: Vec<(&str, &str)> = received
        .headers
        .iter()
        .map(|(name, value)| (name.as_str(), value.as_str()))
        .filter(|(name, _)| trace.iter().any(|(wanted, _)| wanted == name))
        .collect();
    assert_eq!(passed, trace, "in their order, with their values");
}

/// The traces of what an endpoint received where the app asks for them: `traceparent` lines, and `tracestate` lines.
fn traced(headers: &str) -> (Vec<String>, Vec<String>) {
    let router = router().stable("v1").key("rolling/hello/settings", r#"{"traceparent": "create"}"#).start();
    let received = received(&router, headers);
    let all = |name| received.header_all(name).into_iter().map(str::to_owned).collect();
    (all("traceparent"), all("tracestate"))
}

/// The trace id of a `traceparent` that the router made, which is valid by section 3.2 of the recommendation.
fn trace_id(traceparent: &str) -> String {
    let parts: Vec<&str> = traceparent.split('-').collect();
    let lengths: Vec<usize> = parts.iter().map(|part| part.len()).collect();
    assert_eq!(lengths, [2, 32, 16, 2], "{traceparent}");
    let digit = |char: char| matches!(char, '0'..='9' | 'a'..='f');
    assert!(parts.iter().all(|part| part.chars().all(digit)), "{traceparent}");
    assert_eq!((parts[0], parts[3]), ("00", "01"), "{traceparent}");
    assert!(parts[1..3].iter().all(|id| id.chars().any(|char| char != '0')), "{traceparent}");
    parts[1].to_owned()
}

#[test]
fn an_app_may_have_traces_begin_here() {
    let made = |headers: &str| {
        let (parents, states) = traced(headers);
        assert_eq!((parents.len(), states.len()), (1, 0), "{headers:?}: {parents:?} {states:?}");
        trace_id(&parents[0])
    };
    assert_ne!(made(""), made(""));
    let valid = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-00";
    for invalid in [
        "traceparent: hello\r\n".to_owned(),
        "traceparent: 00-00000000000000000000000000000000-00f067aa0ba902b7-01\r\ntracestate: a=b\r\n"
            .to_owned(),
        format!("tracestate: a=b\r\ntraceparent: {valid}\r\ntraceparent: {valid}\r\n"),
        format!("Connection: traceparent\r\ntraceparent: {valid}\r\n"),
        "tracestate: a=b\r\n".to_owned(),
    ] {
        assert!(!made(&invalid).starts_with("4bf92f35"), "{invalid}");
    }
    let passed = traced(&format!("traceparent: {valid}\r\ntracestate: a=b\r\n"));
    assert_eq!(passed, (vec![valid.to_owned()], vec!["a=b".to_owned()]), "a valid one is passed on");
}

#[test]
fn none_is_made_up_where_none_was_asked_for() {
    let router = router().stable("v1").start();
    let received = received(&router, "");
    assert_eq!(received.header("traceparent"), None);
}
