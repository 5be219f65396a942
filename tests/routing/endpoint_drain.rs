//! Draining a single endpoint before it is stopped: it gets nobody new, its clients go on elsewhere in their release,
//! nothing that is open is cut before its time, and it is called stoppable only when it is.

use serde_json::{Value, json};
use std::net::SocketAddr;
use support::router::id;
use support::websocket::{Socket, echo_sockets};
use support::{Reply, Router, Visitor, echo, eventually, router};

/// Stable `v1` with so many echo endpoints.
fn stable_of(count: usize) -> Router {
    router().stable_on("v1", (0..count).map(|_| echo("v1")).collect()).start()
}

/// Stable `v1` with two endpoints that echo sockets, and say which of them they are.
fn sockets() -> Router {
    router().stable_on("v1", vec![echo_sockets("0"), echo_sockets("1")]).start()
}

/// Which endpoint a socket is at.
fn place(socket: &Socket) -> usize {
    socket.release.parse().expect("these endpoints say their number")
}

fn address(router: &Router, at: usize) -> SocketAddr {
    router.endpoints[at].1.address
}

fn path(release: &str, endpoint: SocketAddr) -> String {
    format!("releases/{release}/endpoints/{endpoint}/drain")
}

fn drain(router: &Router, release: &str, endpoint: SocketAddr, body: &Value) -> Value {
    router.api().put(&path(release, endpoint), body).expect(200).json()
}

fn left(router: &Router, release: &str, endpoint: SocketAddr) -> Value {
    router.api().get(&path(release, endpoint)).expect(200).json()
}

/// A client pinned to this endpoint.
fn client_of(router: &Router, endpoint: SocketAddr) -> Visitor {
    let arrive = || {
        let mut visitor = router.visitor();
        (visitor.get("/").endpoint == endpoint.to_string()).then_some(visitor)
    };
    (0..1_000).find_map(|_| arrive()).expect("some client lands there")
}

#[test]
fn a_draining_endpoint_gets_nobody_and_its_clients_move_once_within_their_release() {
    let router = stable_of(3);
    let leaving = address(&router, 0);
    let mut client = client_of(&router, leaving);
    let mut other = client_of(&router, address(&router, 1));
    let state = drain(&router, "v1", leaving, &json!({}));
    assert_eq!((&state["result"], &state["updated"]["command"]), (&json!("done"), &json!("drain-endpoint")));
    router.endpoints[0].1.take();
    let visit = client.get("/");
    assert_ne!(visit.endpoint, leaving.to_string());
    assert!(visit.pinned, "its pin says where it is now");
    let home = visit.endpoint;
    for _ in 0..10 {
        let visit = client.get("/");
        assert_eq!((visit.endpoint.as_str(), visit.pinned), (home.as_str(), false));
        assert_eq!(other.get("/").endpoint, address(&router, 1).to_string(), "nobody else moves");
    }
    for _ in 0..60 {
        assert_ne!(router.visitor().get("/").endpoint, leaving.to_string());
    }
    assert_eq!(router.endpoints[0].1.received(), 0);
    assert_eq!((client.connects, other.connects), (1, 1));
    let moves = router.api().metrics().sum("rolling_release_moves_total", &[]);
    assert!(moves < 0.5, "it is no move: {moves}");
    // Lifted, it takes clients again.
    let lifted = router.api().delete(&path("v1", leaving)).expect(200).json();
    assert_eq!(lifted["result"], "done");
    client_of(&router, leaving);
}

#[test]
fn what_is_open_goes_on_and_only_then_can_it_be_stopped() {
    let router = sockets();
    let mut socket = Socket::open(&router, "/chat", "");
    let at = place(&socket);
    let leaving = address(&router, at);
    assert_eq!(left(&router, "v1", leaving)["can_be_stopped"], json!(false), "it serves");
    drain(&router, "v1", leaving, &json!({}));
    let state = left(&router, "v1", leaving);
    assert_eq!((&state["in_flight"], &state["open_sockets"]), (&json!(1), &json!(1)), "{state}");
    assert_eq!(state["can_be_stopped"], json!(false));
    assert!(state["draining"]["until"].as_u64() > state["draining"]["since"].as_u64(), "{state}");
    let gauge = |name: &str| router.api().metrics().sum(name, &[("address", &leaving.to_string())]);
    assert!((gauge("rolling_draining_endpoint_open_sockets") - 1.0).abs() < 0.5);
    assert!(gauge("rolling_endpoint_can_be_stopped") < 0.5);
    socket.assert_echo("still here");
    drop(socket);
    eventually("it can be stopped", || left(&router, "v1", leaving)["can_be_stopped"] == json!(true));
    assert!((gauge("rolling_endpoint_can_be_stopped") - 1.0).abs() < 0.5);
    let listed = router.api().state()["stable"]["endpoints"].clone();
    let shown: Vec<&Value> = listed.as_array().into_iter().flatten().collect();
    let stoppable = |address: SocketAddr| {
        let found = shown.iter().find(|endpoint| endpoint["address"] == address.to_string());
        found.map(|endpoint| endpoint["can_be_stopped"].clone())
    };
    assert_eq!(stoppable(leaving), Some(json!(true)));
    assert_eq!(stoppable(address(&router, 1 - at)), Some(json!(false)));
    router.endpoints[at].1.stop();
    for _ in 0..20 {
        Socket::open(&router, "/chat", "").assert_echo("elsewhere");
    }
}

#[test]
fn at_the_deadline_sockets_are_closed_properly_and_the_others_stay() {
    let router = sockets();
    let open = || Socket::open(&router, "/chat", "");
    let mut sockets: Vec<Socket> = (0..20).map(|_| open()).collect();
    while !(0..2).all(|at| sockets.iter().any(|socket| place(socket) == at)) {
        sockets.push(open());
    }
    drain(&router, "v1", address(&router, 0), &json!({ "seconds": 1 }));
    for socket in sockets.iter_mut().filter(|socket| place(socket) == 0) {
        assert_eq!(socket.close_code(), Some(1001), "the release goes on elsewhere");
    }
    for socket in sockets.iter_mut().filter(|socket| place(socket) == 1) {
        socket.assert_echo("still here");
    }
    drop(sockets);
    eventually("it can be stopped", || {
        left(&router, "v1", address(&router, 0))["can_be_stopped"] == json!(true)
    });
}

#[test]
fn an_endpoint_that_is_taken_out_of_its_release_drains_too() {
    let router = sockets();
    router.api().put("settings", &json!({ "drainseconds": 1, "drainmaxseconds": 10 })).expect(200);
    let mut socket = Socket::open(&router, "/chat", "");
    let at = place(&socket);
    let gone = address(&router, at);
    router.api().kv_delete(&format!("{}/c{at}", id("v1"))).expect(200);
    let state = left(&router, "v1", gone);
    assert_eq!((&state["open_sockets"], &state["can_be_stopped"]), (&json!(1), &json!(false)), "{state}");
    assert_eq!(router.api().state()["stable"]["gone"][0]["address"], gone.to_string());
    socket.assert_echo("a moment more");
    assert_eq!(socket.close_code(), Some(1001));
    eventually("it can be stopped", || left(&router, "v1", gone)["can_be_stopped"] == json!(true));
    eventually("it is shown no more", || router.api().state()["stable"]["gone"] == json!([]));
}

#[test]
fn a_request_on_its_way_is_answered_by_the_endpoint_that_has_it() {
    let router = stable_of(2);
    let leaving = address(&router, 0);
    let client = client_of(&router, leaving);
    let (started, begun) = std::sync::mpsc::channel();
    let (release, released) = std::sync::mpsc::channel::<()>();
    let (started, released) = (std::sync::Mutex::new(started), std::sync::Mutex::new(released));
    router.endpoints[0].1.script(move |_| {
        let _ = started.lock().map(|started| started.send(()));
        let _ = released.lock().map(|released| released.recv());
        Reply::response("200 OK", &[("X-Endpoint", "the old one")], "whole")
    });
    let waiting = std::thread::spawn(move || {
        let mut client = client;
        let visit = client.get("/slow");
        (client, visit)
    });
    begun.recv().expect("the endpoint has the request");
    drain(&router, "v1", leaving, &json!({}));
    assert_eq!(left(&router, "v1", leaving)["can_be_stopped"], json!(false));
    release.send(()).expect("the endpoint waits");
    let (mut client, visit) = waiting.join().expect("the client ends");
    assert_eq!((visit.endpoint.as_str(), visit.response.text().as_str()), ("the old one", "whole"));
    eventually("it can be stopped", || left(&router, "v1", leaving)["can_be_stopped"] == json!(true));
    assert_eq!(client.get("/").endpoint, address(&router, 1).to_string());
    assert_eq!(client.connects, 1);
}

#[test]
fn the_last_endpoint_of_a_track_is_not_drained_and_serves_on_if_forced() {
    let router = stable_of(2);
    drain(&router, "v1", address(&router, 0), &json!({}));
    let refused = router.api().put(&path("v1", address(&router, 1)), &json!({})).expect(409);
    assert_eq!(refused.code(), "last_endpoint");
    router.api().kv_delete(&format!("{}/c1", id("v1"))).expect(200);
    assert_eq!(router.visitor().get("/").endpoint, address(&router, 0).to_string(), "better than nothing");
    assert_eq!(left(&router, "v1", address(&router, 0))["can_be_stopped"], json!(false));
}

#[test]
fn bad_input_is_refused_by_name_and_repeats_are_answered() {
    let router = stable_of(2);
    let api = router.api();
    let there = path("v1", address(&router, 0));
    let code = |path: &str, body: &Value, status: u16| api.put(path, body).expect(status).code();
    assert_eq!(code("releases/v1/endpoints/nowhere/drain", &json!({}), 400), "malformed");
    assert_eq!(code("releases/v1/endpoints/10.9.9.9:80/drain", &json!({}), 404), "not_found");
    assert_eq!(code("releases/v9/endpoints/10.9.9.9:80/drain", &json!({}), 409), "not_routed");
    assert_eq!(code(&there, &json!({ "seconds": 99_999_999 }), 422), "value");
    assert_eq!(code(&there, &json!({ "second": 1 }), 422), "value");
    assert_eq!(api.if_match(99).put(&there, &json!({})).expect(412).code(), "stale");
    assert_eq!(router.api_as("viewer").put(&there, &json!({})).status(), 403);
    api.get("releases/v1/endpoints/10.9.9.9:80/drain").expect(404);
    let first = api.put(&there, &json!({})).expect(200).json();
    assert_eq!(first["result"], "done");
    assert_eq!(api.put(&there, &json!({})).expect(200).json()["result"], "unchanged");
    let moved = api.put(&there, &json!({ "seconds": 60 })).expect(200).json();
    assert_eq!(moved["result"], "done", "another time moves the deadline");
    api.delete(&there).expect(200);
    assert_eq!(api.delete(&there).expect(200).json()["result"], "unchanged");
}

#[test]
fn a_drain_is_kept_over_a_restart() {
    let mut router = router().stable_on("v1", vec![echo("v1"), echo("v1")]).durable().start();
    let leaving = address(&router, 0);
    drain(&router, "v1", leaving, &json!({}));
    router.start_again();
    for _ in 0..20 {
        assert_ne!(router.visitor().get("/").endpoint, leaving.to_string());
    }
}

#[test]
fn drains_are_finished_by_release_by_tenure_or_all() {
    let router = router().stable("v1").candidate("v2").blend(0).start();
    let api = router.api();
    let mut visitor = router.visitor();
    assert_eq!(visitor.release(), "v1");
    api.post("promote", &json!({})).expect(200);
    assert_eq!(visitor.release(), "v1");
    assert_eq!(api.post("drain/finish", &json!({ "release": "v2" })).expect(409).code(), "not_draining");
    api.post("drain/finish", &json!({ "release": "v1", "tenure": 1 })).expect(422);
    let done = api.post("drain/finish", &json!({ "release": "v1", "reason": "done" })).expect(200).json();
    assert_eq!((&done["result"], &done["draining"]), (&json!("done"), &json!([])));
    assert_eq!(visitor.release(), "v2");
    for body in [json!({ "release": "v1" }), json!({}), json!({ "tenure": 1 })] {
        assert_eq!(api.post("drain/finish", &body).expect(200).json()["result"], "unchanged", "{body}");
    }
}

#[test]
fn a_draining_release_can_be_stopped_only_when_nobody_is_left() {
    let endpoints = vec![echo_sockets("v1")];
    let router = router().stable_on("v1", endpoints).candidate("v2").blend(0).start();
    let api = router.api();
    let socket = Socket::open(&router, "/chat", "");
    api.post("promote", &json!({})).expect(200);
    let activity = || api.state()["draining"][0]["activity"].clone();
    eventually("the socket is shown", || activity()["open_sockets"] == json!(1));
    assert_eq!(activity()["can_be_stopped"], json!(false));
    drop(socket);
    eventually("its endpoints can be stopped", || activity()["can_be_stopped"] == json!(true));
    let metrics = api.metrics();
    assert!((metrics.sum("rolling_release_can_be_stopped", &[("release", "v1")]) - 1.0).abs() < 0.5);
    assert_eq!(api.state()["stable"]["activity"]["can_be_stopped"], json!(false));
}
