//! What a change of the tracks does to clients that have a pin: `transition`, and those whose release drains.

use super::crowd::Crowd;
use serde_json::json;
use support::router::id;
use support::{eventually, router};

#[test]
fn with_navigate_a_page_follows_the_blend_and_everything_else_stays() {
    let settings = json!({ "transition": "navigate" }).to_string();
    let router =
        router().stable("v1").candidate("v2").blend(0).key("rolling/hello/settings", &settings).start();
    let api = router.api();
    let mut readers = Crowd::arrive(&router, 20);
    let mut open_page = router.visitor();
    open_page.navigates = false;
    assert_eq!(open_page.release(), "v1");

    api.put("blend", &json!({ "percent": 50 })).expect(200);
    let halves = readers.releases();
    assert!(halves["v1"] >= 5 && halves["v2"] >= 5, "{halves:?}");
    let mut early = readers.split_off("v2");
    api.put("blend", &json!({ "percent": 100 })).expect(200);
    early.assert_undisturbed_on("v2"); // raising the blend only adds clients
    readers.assert_all_on("v2");
    assert_eq!(open_page.release(), "v1", "what a page loads comes from its own release");

    let moves = || api.metrics().sum("rolling_release_moves_total", &[("to", "v2"), ("reason", "bucket")]);
    eventually("each moved once", || (moves() - 20.0).abs() < 0.5);
    assert!(api.metrics().sum("rolling_bounces_total", &[]) < 0.5);
}

#[test]
fn who_is_on_a_draining_release_stays_whatever_becomes_of_the_tracks() {
    let router = router().stable("v1").candidate("v2").blend(0).deployed("v3").start();
    let api = router.api();
    let mut pinned = Crowd::arrive(&router, 10);
    let candidate = json!({ "id": id("v3"), "blend": 100 });
    api.post("promote", &json!({})).expect(200);
    pinned.assert_undisturbed_on("v1");
    api.put("candidate", &candidate).expect(200);
    pinned.assert_undisturbed_on("v1");
    api.post("abort", &json!({})).expect(200);
    pinned.assert_undisturbed_on("v1");
    api.put("candidate", &candidate).expect(200);
    api.post("promote", &json!({})).expect(200);
    pinned.assert_undisturbed_on("v1");
    let state = api.post("rollback", &json!({})).expect(200).json();
    assert_eq!(state["stable"]["id"], id("v2"));
    pinned.assert_undisturbed_on("v1");
    api.put("settings", &json!({ "transition": "navigate" })).expect(200);
    pinned.assert_undisturbed_on("v1");
}
