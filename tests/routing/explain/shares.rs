//! Three shares and the promise measured: what was configured, what was drawn, who really came back, and who moved.

use super::{on, regulars, visit};
use serde_json::{Value, json};
use support::router::id;
use support::{eventually, router};

/// A number of the state within so much of what is right.
fn near(value: &Value, wanted: f64, off: f64) -> bool {
    value.as_f64().is_some_and(|value| (value - wanted).abs() <= off)
}

#[test]
fn only_who_comes_back_is_confirmed() {
    let router = router().stable("v1").candidate("v2").blend(50).start();
    let api = router.api();
    eventually("the draws show", || {
        for _ in 0..20 {
            router.visitor().release(); // a bot: it never sends its cookie back
        }
        near(&api.state()["shares"]["drawn"], 50.0, 20.0)
    });
    let state = api.state();
    assert_eq!(state["shares"]["confirmed"], json!(null), "nobody has come back");
    assert_eq!(state["candidate"]["activity"]["pinned"], json!(0));

    api.put("blend", &json!({ "percent": 100 })).expect(200);
    let mut visitors = regulars(&router, 10);
    api.put("blend", &json!({ "percent": 0 })).expect(200);
    visitors.extend(regulars(&router, 30));
    assert_eq!(on(&visit(&mut visitors), "v2"), 10);
    // Ten of forty; the sketch may take two of so few for one.
    eventually("a quarter is confirmed", || near(&api.state()["shares"]["confirmed"], 25.0, 7.0));
    let state = api.state();
    assert_eq!(state["shares"]["configured"].as_f64(), Some(0.0));
    assert!(near(&state["candidate"]["activity"]["pinned"], 10.0, 4.0), "{state}");
    let metrics = api.metrics();
    let confirmed = metrics.sum("rolling_blend_confirmed_percent", &[("app", "hello")]);
    assert!((confirmed - 25.0).abs() <= 7.0, "{confirmed}");
    let mut stream = api.stream("stream", "");
    let live = stream.next("activity").data;
    assert!(near(&live["shares"]["confirmed"], 25.0, 7.0), "{live}");
}

#[test]
fn moves_are_counted_by_reason_and_outlive_the_releases() {
    let router = router().stable("v1").candidate("v2").blend(50).deployed("v3").start();
    let api = router.api();
    let mut visitors = regulars(&router, 20);
    assert_eq!(api.state()["moves"], json!({ "total": 0, "bounces": 0, "reasons": {} }));
    let moved = on(&visit(&mut visitors), "v2");
    assert!(moved > 5);
    api.post("abort", &json!({})).expect(200);
    visit(&mut visitors);
    let aborted = json!({ "total": moved, "bounces": 0, "reasons": { "abort": moved } });
    eventually("the moves show", || api.state()["moves"] == aborted);
    let live = api.stream("stream", "").next("activity").data;
    assert_eq!(live["moves"], aborted);

    api.put("stable", &json!({ "id": id("v3") })).expect(200);
    api.delete("draining").expect(200);
    visit(&mut visitors);
    let all = json!({ "total": moved + 20, "bounces": 0, "reasons": { "abort": moved, "drained": 20 } });
    eventually("those to a release that is gone still count", || api.state()["moves"] == all);
}

#[test]
fn a_third_move_within_a_day_is_a_bounce() {
    let router = router().stable("v1").candidate("v2").blend(100).start();
    let api = router.api();
    api.put("settings", &json!({ "transition": "navigate" })).expect(200);
    let mut visitor = router.visitor();
    visitor.release();
    for percent in [0, 100, 0] {
        api.put("blend", &json!({ "percent": percent })).expect(200);
        visitor.release();
    }
    // A day that begins meanwhile begins the count anew; the moves are counted all the same.
    eventually("the moves show", || api.state()["moves"]["total"] == json!(3));
    let moves = api.state()["moves"].clone();
    assert!(moves["bounces"] == json!(1) || moves["bounces"] == json!(0), "{moves}");
    assert_eq!(moves["reasons"], json!({ "bucket": 3 }));
}
