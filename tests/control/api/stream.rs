//! The live stream: the state at once, then every change within a moment, resumable.

use serde_json::json;
use support::{Visitor, eventually, router};

#[test]
fn the_stream_begins_with_the_state_and_follows_it() {
    let router = router().stable("v1").candidate("v2").start();
    let api = router.api();
    let mut stream = api.stream("stream", "");
    let first = stream.next("state");
    assert_eq!(first.data["app"], "hello");
    let seq = first.data["seq"].as_u64().expect("a seq");
    assert!(first.id.starts_with(&format!("{seq}-")), "{}", first.id);
    for percent in [5, 50, 100] {
        api.put("blend", &json!({ "percent": percent })).expect(200);
        stream.state(|state| state["blend"].as_f64() == Some(f64::from(percent)));
    }
    api.kv_put("rolling/hello/blendpercent", "7").expect(200);
    stream.state(|state| state["blend"].as_f64() == Some(7.0));
    api.post("promote", &json!({})).expect(200);
    stream.state(|state| state["stable"]["release"] == "v2");
}

#[test]
fn all_apps_share_one_stream() {
    let router = router().stable("v1").start();
    let api = router.api();
    let mut stream = api.stream("/api/v1/stream", "");
    assert_eq!(stream.next("state").data["app"], "hello");
    let body = json!({ "release": "w1", "endpoints": [router.endpoint("v1").address.to_string()], "service": "other" });
    api.app("other").put("stable", &body).expect(200);
    stream.state(|state| state["app"] == "other");
}

#[test]
fn a_stream_that_broke_is_taken_up_again() {
    let router = router().stable("v1").candidate("v2").start();
    let api = router.api();
    let id = api.stream("stream", "").next("state").id;
    api.put("blend", &json!({ "percent": 42 })).expect(200);
    let mut stream = api.stream("stream", &format!("Last-Event-ID: {id}\r\n"));
    stream.state(|state| state["blend"].as_f64() == Some(42.0));
}

#[test]
fn activity_is_told_while_there_is_some() {
    let router = router().stable("v1").start();
    let mut stream = router.api().stream("stream", "");
    let mut visitor = Visitor::new(router.front, &router.host);
    for n in 0..50 {
        visitor.get(&format!("/{n}"));
    }
    let event = stream.next("activity");
    assert_eq!(event.data["app"], "hello");
    assert!(event.data["releases"].is_object(), "{}", event.data);
    assert!(event.data["endpoints"].is_object(), "{}", event.data);
}

/// The feed did not know what a page begins with, so the first page was sent every state a second time.
#[test]
fn a_page_is_told_each_state_once() {
    let router = router().stable("v1").start();
    let api = router.api();
    // The first check of an endpoint changes the state.
    eventually("it was checked", || api.state()["stable"]["endpoints"][0]["checked"] == true);
    let mut visitor = Visitor::new(router.front, &router.host);
    for path in ["stream", "/api/v1/stream"] {
        let mut stream = api.stream(path, "");
        let mut kinds = Vec::new();
        // Activity is told by the same pass over what changed; two of them come after every first state.
        while kinds.iter().filter(|kind| *kind == "activity").count() < 2 {
            visitor.get("/");
            kinds.push(stream.any().kind);
        }
        let told = kinds.iter().filter(|kind| *kind == "state").count();
        assert_eq!(told, 1, "{path}: {kinds:?}");
        assert_eq!(kinds[..3], ["router", "fleet", "state"], "{path}");
    }
}

#[test]
fn a_stream_needs_a_token() {
    let router = router().stable("v1").start();
    router.api().anonymous().get("stream").expect(401);
    router.api().anonymous().call("GET", "/api/v1/stream", None).expect(401);
}
