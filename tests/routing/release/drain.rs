//! Draining: who is still there, for how long, and what becomes of open exchanges.

use super::crowd::Crowd;
use serde_json::json;
use support::router::id;
use support::websocket::{Socket, echo_sockets};
use support::{Router, Visitor, eventually, router};

fn promoted_with(settings: &serde_json::Value) -> (Router, Crowd) {
    let router = router().stable("v1").candidate("v2").blend(0).start();
    router.api().put("settings", settings).expect(200);
    let crowd = Crowd::arrive(&router, 10);
    router.api().post("promote", &json!({})).expect(200);
    (router, crowd)
}

#[test]
fn after_the_drain_time_a_navigation_moves_and_nothing_else_does() {
    let router = router().stable("v1").candidate("v2").blend(0).start();
    router.api().put("settings", &json!({ "drainseconds": 1, "drainmaxseconds": 3600 })).expect(200);
    let mut reader = Visitor::new(router.front, &router.host);
    let mut navigator = router.visitor();
    assert_eq!((reader.release(), navigator.release()), ("v1".into(), "v1".into()));
    router.api().post("promote", &json!({})).expect(200);
    reader.navigates = false;
    eventually("a navigation moves the client", || navigator.release() == "v2");
    assert_eq!(reader.release(), "v1", "a page that is open keeps its release");
    assert_eq!(navigator.release(), "v2");
}

#[test]
fn at_its_end_a_drain_retires_the_release() {
    let (router, mut crowd) = promoted_with(&json!({ "drainseconds": 1, "drainmaxseconds": 2 }));
    let api = router.api();
    eventually("the release retires", || api.state()["draining"].as_array().is_some_and(Vec::is_empty));
    crowd.assert_all_on("v2");
    let history = api.get("history").expect(200).json();
    assert!(history["events"].as_array().is_some_and(|events| events.len() >= 2), "{history}");
}

#[test]
fn the_state_says_what_drains_and_until_when() {
    let (router, _crowd) = promoted_with(&json!({ "drainseconds": 300, "drainmaxseconds": 3600 }));
    let state = router.api().state();
    let draining = &state["draining"][0];
    assert_eq!((&draining["id"], &draining["cause"]), (&json!(id("v1")), &json!("promote")));
    let (since, until) = (draining["since"].as_u64(), draining["until"].as_u64());
    assert_eq!(until.zip(since).map(|(until, since)| until - since), Some(3_600_000), "{draining}");
}

#[test]
fn the_state_says_who_is_still_there_until_nobody_is() {
    let router = router()
        .stable_on("v1", vec![echo_sockets("v1")])
        .candidate_on("v2", vec![echo_sockets("v2")])
        .blend(0)
        .start();
    let api = router.api();
    let mut socket = Socket::open(&router, "/chat", "");
    let pinned: Vec<String> = (0..12).filter_map(|_| router.visitor().pin_of("/")).collect();
    assert_eq!(pinned.len(), 12);
    api.post("promote", &json!({})).expect(200);
    for pin in pinned {
        let mut back = router.visitor();
        back.pin = Some(pin);
        assert_eq!(back.try_get("/").map(|visit| visit.release), Ok("v1".to_owned()));
    }
    let activity = || api.state()["draining"][0]["activity"].clone();
    let count = |name: &str| activity()[name].as_u64();
    eventually("the socket and the clients are told", || {
        count("open_sockets") == Some(1) && count("pinned").is_some_and(|pinned| (10..=14).contains(&pinned))
    });
    socket.assert_echo("still here");
    drop(socket);
    eventually("nothing is open", || (count("open_sockets"), count("open_requests")) == (Some(0), Some(0)));
}

#[test]
fn a_draining_release_without_endpoints_gives_its_clients_to_stable() {
    let (router, mut crowd) = promoted_with(&json!({}));
    router.api().kv_delete(&format!("{}/c0", id("v1"))).expect(200);
    crowd.assert_all_on("v2");
}

#[test]
fn a_socket_outlives_a_promote() {
    let router = router()
        .stable_on("v1", vec![echo_sockets("v1")])
        .candidate_on("v2", vec![echo_sockets("v2")])
        .blend(0)
        .start();
    let mut socket = Socket::open(&router, "/chat", "");
    assert_eq!(socket.release, "v1");
    router.api().post("promote", &json!({})).expect(200);
    socket.assert_echo("still here");
    assert_eq!(Socket::open(&router, "/chat", "").release, "v2");
    socket.assert_echo("still here");
}

#[test]
fn a_socket_of_an_aborted_release_is_closed_properly() {
    let router = router()
        .stable_on("v1", vec![echo_sockets("v1")])
        .candidate_on("v2", vec![echo_sockets("v2")])
        .blend(100)
        .start();
    let api = router.api();
    api.put("settings", &json!({ "abortseconds": 5 })).expect(200);
    let mut socket = Socket::open(&router, "/chat", "");
    assert_eq!(socket.release, "v2");
    api.post("abort", &json!({})).expect(200);
    socket.assert_echo("a moment more");
    let code = socket.close_code();
    assert!(matches!(code, Some(1001 | 1012)), "closed with {code:?}");
}
