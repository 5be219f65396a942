//! Pause, resume and stop: requests wait and none fails, or get a page that says why.

use serde_json::json;
use std::time::Duration;
use support::http2::Http2Client;
use support::websocket::{Socket, echo_sockets};
use support::{Deadline, Router, Visitor, Wire, eventually, router};

/// How long nothing may come while an app is paused.
const SILENCE: Duration = Duration::from_millis(300);

/// A client that has asked.
fn asking(router: &Router, target: &str, lines: &str) -> Wire {
    let mut wire = Wire::open(router.front);
    wire.send(format!("GET {target} HTTP/1.1\r\nHost: {}\r\n{lines}\r\n", router.host));
    wire
}

fn pause(router: &Router, seconds: u32) {
    router.api().post("pause", &json!({ "seconds": seconds })).expect(200);
}

fn resume(router: &Router) {
    router.api().post("resume", &json!({})).expect(200);
}

fn waiting(router: &Router) -> f64 {
    router.api().metrics().sum("rolling_requests_paused_total", &[])
}

#[test]
fn fifty_clients_wait_and_none_fails() {
    let router = router().stable("v1").candidate("v2").workers(2).start();
    let mut kept = Visitor::new(router.front, &router.host);
    kept.get("/");
    pause(&router, 60);
    let mut clients: Vec<Wire> = (0..50).map(|number| asking(&router, &format!("/{number}"), "")).collect();
    eventually("all of them wait", || waiting(&router) >= 50.0);
    assert!(clients[0].is_silent_for(SILENCE) && clients[49].is_silent_for(SILENCE));
    let before = router.endpoint("v1").received();
    assert!(before <= 2, "nothing goes to an endpoint: {before}");
    // A release goes on meanwhile, and they are routed as things are when they go on.
    router.api().post("promote", &json!({})).expect(200);
    assert!(clients[7].is_silent_for(SILENCE));
    resume(&router);
    for (number, client) in clients.iter_mut().enumerate() {
        let response = client.response("GET");
        assert_eq!((response.status, response.header("x-release")), (200, Some("v2")), "{number}");
        client.assert_usable(&router.host);
    }
    assert_eq!(kept.get("/").response.status, 200);
    assert_eq!(waiting(&router), 50.0, "each counts once");
}

#[test]
fn who_has_waited_for_the_whole_pause_is_told_when_to_come_back() {
    let router = router().stable("v1").start();
    pause(&router, 1);
    let begun = Deadline::after(Duration::ZERO);
    let response = asking(&router, "/", "").response("GET");
    let waited = begun.elapsed();
    assert_eq!((response.status, response.header("retry-after")), (503, Some("10")));
    assert!(waited >= Duration::from_millis(500) && waited < Duration::from_secs(5), "{waited:?}");
    let later = asking(&router, "/", "Accept: application/json\r\n").response("GET");
    assert_eq!(later.status, 503);
    assert!(later.text().contains("\"message\":\"the app is paused"), "{}", later.text());
    resume(&router);
    assert_eq!(asking(&router, "/", "").response("GET").status, 200);
}

#[test]
fn a_body_is_read_when_the_app_goes_on() {
    let router = router().stable("v1").start();
    pause(&router, 60);
    let mut wire = Wire::open(router.front);
    let body = "x".repeat(60_000);
    let head = format!("POST / HTTP/1.1\r\nHost: {}\r\nContent-Length: {}\r\n\r\n", router.host, body.len());
    wire.send(head + &body);
    assert!(wire.is_silent_for(SILENCE));
    resume(&router);
    let response = wire.response("POST");
    assert_eq!(response.status, 200);
    assert!(response.text().ends_with(&body), "all of it arrived");
}

#[test]
fn who_leaves_waits_no_longer() {
    let router = router().stable("v1").start();
    pause(&router, 60);
    let wire = asking(&router, "/gone", "");
    eventually("it waits", || waiting(&router) >= 1.0);
    wire.reset();
    let mut stays = asking(&router, "/stays", "");
    eventually("its connection is closed", || {
        router.api().metrics().sum("rolling_connections_open", &[]) <= 1.0
    });
    resume(&router);
    assert_eq!(stays.response("GET").status, 200);
    let targets: Vec<String> =
        router.endpoint("v1").take().iter().map(support::ReceivedMessage::target).collect();
    assert_eq!(targets, ["/stays"]);
}

#[test]
fn open_sockets_go_on_and_new_ones_wait() {
    let router = router().stable_on("v1", vec![echo_sockets("v1")]).start();
    let mut socket = Socket::open(&router, "/", "");
    pause(&router, 60);
    socket.assert_echo("in the pause");
    let mut plain = asking(&router, "/", "");
    assert!(plain.is_silent_for(SILENCE));
    socket.assert_echo("still");
    resume(&router);
    Socket::open(&router, "/", "").assert_echo("afterwards");
}

#[test]
fn a_router_that_starts_in_a_pause_lets_requests_wait() {
    let mut router = router().stable("v1").durable().start();
    pause(&router, 60);
    router.kill();
    router.start_again();
    let mut wire = asking(&router, "/", "");
    assert!(wire.is_silent_for(SILENCE));
    resume(&router);
    assert_eq!(wire.response("GET").status, 200);
}

#[test]
fn who_waits_when_the_router_ends_is_answered() {
    let mut router = router().stable("v1").start();
    pause(&router, 2);
    let mut wire = asking(&router, "/", "");
    eventually("it waits", || waiting(&router) >= 1.0);
    router.terminate();
    assert_eq!(wire.response("GET").status, 503);
    assert_eq!(router.exit_code(), Some(0));
}

#[test]
fn a_stopped_app_says_why_in_every_form() {
    let router = router().stable("v1").start();
    let message = "Back at 10 <b>& a bit</b>";
    pause(&router, 60);
    let mut waits = asking(&router, "/", "");
    eventually("it waits", || waiting(&router) >= 1.0);
    router.api().post("stop", &json!({ "message": message })).expect(200);
    assert_eq!(waits.response("GET").status, 503, "who waits gets the page too");
    let page = asking(&router, "/", "Accept: text/html\r\n").response("GET");
    assert_eq!((page.status, page.header("retry-after")), (503, Some("60")));
    assert!(page.text().contains("Back at 10 &lt;b&gt;&amp; a bit&lt;/b&gt;"), "{}", page.text());
    let json = asking(&router, "/", "Accept: application/json\r\n").response("GET").text();
    let json: serde_json::Value = serde_json::from_str(&json).unwrap();
    assert_eq!(json["error"]["message"], message);
    assert!(asking(&router, "/", "").response("GET").text().contains(message));
    router.api().post("pause", &json!({})).expect(409);
    let state = router.api().state();
    assert_eq!((&state["halt"]["kind"], &state["halt"]["by"]), (&json!("stop"), &json!("maria")));
    let told = router.api().post("explain", &json!({})).expect(200).json();
    assert!(told["why"].to_string().contains("stopped by maria"), "{told}");
    resume(&router);
    assert_eq!(asking(&router, "/", "").response("GET").status, 200);
    assert_eq!(router.api().state()["halt"], json!(null));
    let history = router.api().get("history").expect(200).json();
    let commands: Vec<&str> = history["events"]
        .as_array()
        .unwrap()
        .iter()
        .filter_map(|event| event["command"].as_str())
        .take(3)
        .collect();
    assert_eq!(commands, ["resume", "stop", "pause"]);
}

#[test]
fn roles_locks_and_values_hold_as_for_other_commands() {
    let router = router().stable("v1").start();
    let ci = router.api_as("ci");
    router.api_as("viewer").post("pause", &json!({})).expect(403);
    for seconds in [json!(0), json!(301), json!(-1), json!("x")] {
        let status = ci.post("pause", &json!({ "seconds": seconds })).status();
        assert!(matches!(status, 400 | 422), "{seconds}: {status}");
    }
    ci.post("pause", &json!({})).expect(200);
    assert_eq!(router.api().state()["halt"]["seconds"], json!(30));
    router.api().put("lock", &json!({ "reason": "freeze" })).expect(200);
    ci.post("pause", &json!({})).expect(423);
    ci.post("resume", &json!({})).expect(200);
    assert_eq!(ci.post("resume", &json!({})).expect(423).code(), "locked");
    ci.post("stop", &json!({})).expect(403);
    router.api().post("stop", &json!({ "message": "x".repeat(1_001) })).expect(422);
    let by = support::command::ask(&router, "operator", &["pause", "--for", "2m", "--reason", "migration"]);
    assert!(by.code == 0 && by.out.contains("paused for 2 min"), "{by:?}");
    let said = support::command::ask(&router, "viewer", &["status"]).out;
    assert!(said.contains("halted") && said.contains("requests wait"), "{said}");
    let stopped = support::command::ask(&router, "operator", &["stop", "--message", "Back soon"]);
    assert!(stopped.code == 0 && stopped.out.contains("stopped"), "{stopped:?}");
    assert!(asking(&router, "/", "").response("GET").text().contains("Back soon"));
    assert_eq!(support::command::ask(&router, "operator", &["resume"]).code, 0);
    assert_eq!(asking(&router, "/", "").response("GET").status, 200);
}

#[test]
fn requests_of_http_2_wait_side_by_side() {
    let router = router().stable("v1").start();
    let client = Http2Client::open(router.front);
    let head = format!("GET / HTTP/1.1\r\nHost: {}\r\n\r\n", router.host);
    assert_eq!(client.exchange(&head).status, 200);
    pause(&router, 60);
    let waits: Vec<_> = (0..10).map(|_| client.begin_request(&head, true).unwrap()).collect();
    eventually("all of them wait", || waiting(&router) >= 10.0);
    resume(&router);
    for exchange in waits {
        assert_eq!(exchange.finish().unwrap().status, 200);
    }
    router.api().post("stop", &json!({ "message": "Back soon" })).expect(200);
    let stopped = client.exchange(&head);
    assert_eq!(stopped.status, 503);
    assert!(stopped.text().contains("Back soon"));
}
