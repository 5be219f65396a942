//! Health: endpoints are out when checks or requests say so, one of many at a time, and a release is never judged by its
//! users' impatience.

use serde_json::{Value, json};
use std::io::Write;
use std::net::TcpStream;
use std::time::Duration;
use support::clock::pause;
use support::message::ReceivedMessage;
use support::router::id;
use support::{Endpoint, Reply, Router, RouterBuilder, echo, eventually, router, scripted};

fn with_settings(builder: RouterBuilder, settings: &Value) -> Router {
    builder.key("rolling/hello/settings", &settings.to_string()).start()
}

/// An endpoint of `v1` that answers its health path like this, and everything else with 200.
fn checked(health: Reply) -> Endpoint {
    scripted(move |received| if is_check(received) { health.clone() } else { good() })
}

fn is_check(received: &ReceivedMessage) -> bool {
    received.head.starts_with(b"GET /healthz HTTP/1.1\r\n")
}

fn good() -> Reply {
    Reply::response("200 OK", &[("X-Release", "v1")], "fine")
}

fn unavailable() -> Reply {
    Reply::response("503 Service Unavailable", &[], "no")
}

/// What the API says of an endpoint of stable.
fn endpoint_of(router: &Router, endpoint: &Endpoint) -> Value {
    let state = router.api().state();
    let endpoints = state["stable"]["endpoints"].as_array().expect("stable has endpoints").clone();
    let found = endpoints.into_iter().find(|found| found["address"] == endpoint.address.to_string());
    found.expect("the endpoint is listed")
}

/// How many of these requests reached an endpoint, checks left out.
fn asked(endpoint: &Endpoint) -> usize {
    endpoint.take().iter().filter(|received| !is_check(received)).count()
}

#[test]
fn an_endpoint_that_fails_its_path_is_out_until_it_passes_again() {
    let failing: [(&str, Reply); 4] = [
        ("another status", Reply::response("404 Not Found", &[], "")),
        ("no HTTP", Reply::Close(b"SSH-2.0-server\r\n".to_vec())),
        ("nothing", Reply::Close(Vec::new())),
        ("no answer in time", Reply::Hang(Vec::new())),
    ];
    // Long enough for the endpoint that is well on a busy machine.
    let health = json!({ "path": "/healthz", "interval_ms": 800, "timeout_ms": 800, "status": "200,204", "fall": 2,
        "rise": 2 });
    let endpoints = vec![checked(good()), checked(good())];
    let router = with_settings(router().stable_on("v1", endpoints), &json!({ "health": health }));
    let [well, ill] = router.endpoints_of("v1")[..] else { panic!("two endpoints") };
    for (how, reply) in failing {
        ill.script(move |received| if is_check(received) { reply.clone() } else { good() });
        eventually(how, || endpoint_of(&router, ill)["healthy"] == false);
        asked(ill);
        for _ in 0..10 {
            router.visitor().get("/");
        }
        assert_eq!((asked(ill), asked(well)), (0, 10), "{how}");
        ill.script(
            |received| if is_check(received) { Reply::response("204 No Content", &[], "") } else { good() },
        );
        eventually("it is in again", || endpoint_of(&router, ill)["healthy"] == true);
    }
}

#[test]
fn an_endpoint_that_fails_requests_while_its_peers_do_not_is_ejected() {
    let endpoints = vec![scripted(|_| good()), scripted(|_| good()), scripted(|_| unavailable())];
    let router = router().stable_on("v1", endpoints).workers(2).start();
    let bad = router.endpoints_of("v1")[2];
    eventually("it is ejected", || {
        let _ = router.visitor().try_get("/");
        endpoint_of(&router, bad)["healthy"] == false
    });
    let detail = endpoint_of(&router, bad)["detail"].as_str().unwrap_or_default().to_owned();
    assert!(detail.contains("ejected"), "{detail}");
    bad.take();
    for _ in 0..50 {
        router.visitor().get("/");
    }
    assert_eq!(bad.received(), 0);
}

#[test]
fn a_release_that_fails_as_a_whole_loses_no_endpoint_for_it() {
    let router =
        router().stable_on("v1", vec![scripted(|_| unavailable()), scripted(|_| unavailable())]).start();
    // Longer than it takes to eject one of several.
    for _ in 0..60 {
        for _ in 0..4 {
            let answer = router.visitor().try_get("/").expect("an answer");
            assert_eq!(answer.response.status, 503);
        }
        pause(Duration::from_millis(50));
    }
    for endpoint in router.endpoints_of("v1") {
        assert_eq!(endpoint_of(&router, endpoint)["healthy"], true);
        assert!(endpoint.received() > 0);
    }
}

/// A client was told 502, as for an accident, while the router knew that nothing of its release was up.
#[test]
fn a_release_that_is_down_as_a_whole_says_when_to_come_back() {
    let settings = r#"{"health": {"interval_ms": 100, "timeout_ms": 100, "fall": 1}}"#;
    let router = router()
        .stable_on("v1", vec![echo("v1"), echo("v1")])
        .key("rolling/hello/settings", settings)
        .start();
    let mut pinned = router.visitor();
    pinned.get("/");
    router.endpoints_of("v1").iter().for_each(|endpoint| endpoint.stop());
    eventually("both are known to be down", || {
        router.endpoints_of("v1").iter().all(|endpoint| endpoint_of(&router, endpoint)["healthy"] == false)
    });
    for visitor in [&mut pinned, &mut router.visitor()] {
        let response = visitor.try_get("/").expect("an answer").response;
        assert_eq!((response.status, response.header("retry-after")), (503, Some("5")));
        assert!(response.header("set-cookie").is_none(), "nobody is moved by it");
    }
}

/// `PUT .../stable` took a candidate that promote refused, since only promote asked how it does.
#[test]
fn a_candidate_that_was_seen_failing_becomes_stable_only_by_force_however_it_is_named() {
    let settings = r#"{"health": {"interval_ms": 100, "timeout_ms": 100, "fall": 1}}"#;
    let router = router().stable("v1").candidate("v2").key("rolling/hello/settings", settings).start();
    let api = router.api();
    router.endpoint("v2").stop();
    eventually("it is seen failing", || api.state()["candidate"]["endpoints"][0]["healthy"] == false);
    let named = json!({ "id": id("v2") });
    assert_eq!(api.post("promote", &json!({})).expect(409).code(), "target_unhealthy");
    assert_eq!(api.put("stable", &named).expect(409).code(), "target_unhealthy");
    assert_eq!(api.state()["stable"]["release"], "v1");
    let forced = json!({ "id": id("v2"), "force": true });
    let state = api.put("stable", &forced).expect(200).json();
    assert_eq!((&state["stable"]["release"], &state["candidate"]), (&json!("v2"), &Value::Null));
}

#[test]
fn a_client_that_leaves_is_nobodys_failure() {
    let router = router().stable_on("v1", vec![scripted(|_| Reply::Hang(Vec::new()))]).start();
    for _ in 0..10 {
        let mut client = TcpStream::connect(router.front).expect("the front accepts");
        let head = format!("GET / HTTP/1.1\r\nHost: {}\r\n\r\n", router.host);
        client.write_all(head.as_bytes()).expect("it takes a request");
        eventually("the request has arrived", || router.endpoint("v1").received() > 0);
        router.endpoint("v1").take();
    }
    let api = router.api();
    eventually("nobody waits any more", || api.metrics().sum("rolling_open_requests", &[]) < 0.5);
    assert!(api.metrics().sum("rolling_endpoint_failures_total", &[]) < 0.5);
    assert_eq!(endpoint_of(&router, router.endpoint("v1"))["healthy"], true);
}
