//! Freeze windows: times in which pipelines change nothing.

use serde_json::json;

use super::program::ask;
use support::receiver::{Receiver, hook};
use support::router::id;
use support::{Router, clock, echo, router};

const MINUTE: u64 = 60;
const DAY: i64 = 24 * 3_600;

fn now() -> u64 {
    clock::wall().as_secs()
}

/// A window of every day between two times, each in minutes from now.
fn window(from: i64, to: i64) -> String {
    let now = i64::try_from(now()).expect("the clock is right");
    let clock = |minutes: i64| {
        let seconds = (now + minutes * 60).rem_euclid(DAY);
        format!("{:02}:{:02}", seconds / 3_600, seconds % 3_600 / 60)
    };
    format!("{} - {} UTC", clock(from), clock(to))
}

/// One that does not stand yet.
fn later() -> String {
    window(60, 120)
}

fn both() -> Router {
    router().stable("v1").candidate("v2").blend(10).start()
}

#[test]
fn a_freeze_of_all_apps_holds_pipelines_back_at_every_door_but_to_stop() {
    let router = both();
    let (ci, operator) = (router.api_as("ci"), router.api());
    operator.post("promote", &json!({ "release": "v2" })).expect(200);
    operator.put("candidate", &json!({ "id": id("v1"), "blend": 10 })).expect(200);
    let window = window(-120, 120);
    ask(&router, "operator", &["freeze", "set", &window, "--reason", "the fair"]).expect(0);
    let refused = ci.put("blend", &json!({ "percent": 20, "release": "v1" })).expect(423);
    assert_eq!(refused.code(), "frozen");
    let until = refused.json()["error"]["until"].as_u64().unwrap_or_default() / 1_000;
    assert!(until.abs_diff(now() + 120 * MINUTE) <= MINUTE, "{until}");
    assert_eq!(operator.state()["frozen"]["window"], json!(window));
    for (path, body) in [
        ("candidate", json!({ "id": id("v3"), "replace": id("v1") })),
        ("sticky", json!({ "sticky": false })),
        ("lock", json!({ "reason": "mine", "seconds": 60 })),
    ] {
        assert_eq!(ci.put(path, &body).expect(423).code(), "frozen", "{path}");
    }
    let third = echo("v2");
    let register = format!("releases/v2/endpoints/{}", third.address);
    assert_eq!(ci.put(&register, &json!({})).expect(423).code(), "frozen");
    assert_eq!(ci.kv_put("rolling/hello/blendpercent", "20").status(), 423);
    assert_eq!(ci.kv_put("rolling/freeze-windows", "[]").status(), 403);
    ci.call("PUT", "/api/v1/freeze-windows", Some(&json!({ "windows": [] }))).expect(403);
    let status = ask(&router, "viewer", &["status"]).expect(0).out;
    assert!(status.contains("frozen") && status.contains(&window), "{status}");
    let told = ask(&router, "ci", &["promote"]).expect(4).err;
    assert!(told.contains(&window), "{told}");
    ci.post("abort", &json!({ "release": "v1" })).expect(200);
    ci.post("rollback", &json!({})).expect(200);
    operator.put("candidate", &json!({ "id": id("v2"), "blend": 10 })).expect(200);
    ask(&router, "operator", &["freeze", "end"]).expect(0);
    ci.put("blend", &json!({ "percent": 20, "release": "v2" })).expect(200);
}

#[test]
fn a_freeze_of_one_app_leaves_the_others_alone_and_registrators_too() {
    let router = both();
    let (ci, operator) = (router.api_as("ci"), router.api());
    let other = echo("o1");
    let made = json!({ "release": "o1", "endpoints": [other.address.to_string()] });
    operator.app("other").put("stable", &made).expect(200);
    let patch = |value| operator.call("PATCH", "/api/v1/apps/hello/settings", Some(&value));
    patch(json!({ "freeze_windows": [later(), window(-60, 60)] })).expect(200);
    assert_eq!(ci.put("blend", &json!({ "percent": 20, "release": "v2" })).expect(423).code(), "frozen");
    let o2 = echo("o2");
    let next = json!({ "release": "o2", "endpoints": [o2.address.to_string()] });
    ci.app("other").put("candidate", &next).expect(200);
    patch(json!({ "register_under_lock": ["ci-main"] })).expect(200);
    let third = echo("v2");
    ci.put(&format!("releases/v2/endpoints/{}", third.address), &json!({})).expect(200);
    patch(json!({ "freeze_windows": [later()] })).expect(200);
    ci.put("blend", &json!({ "percent": 20, "release": "v2" })).expect(200);
    let refused = patch(json!({ "freeze_windows": ["Fri 16:00 - Mon 08:00"] })).expect(422).json();
    assert_eq!(refused["error"]["field"], "freeze_windows");
}

#[test]
fn a_freeze_that_comes_within_a_day_is_shown_and_holds_nobody_back_yet() {
    let (router, window) = (both(), later());
    ask(&router, "operator", &["freeze", "set", &window]).expect(0);
    let state = router.api().state();
    assert_eq!((&state["frozen"], &state["next_freeze"]["window"]), (&json!(null), &json!(window)));
    let from = state["next_freeze"]["from"].as_u64().unwrap_or_default() / 1_000;
    let until = state["next_freeze"]["until"].as_u64().unwrap_or_default() / 1_000;
    assert!(from.abs_diff(now() + 60 * MINUTE) <= MINUTE && until == from + 60 * MINUTE, "{from} {until}");
    let status = ask(&router, "viewer", &["status"]).expect(0).out;
    assert!(status.contains("for pipelines, begins in") && status.contains("for 60 min"), "{status}");
    router.api_as("ci").put("blend", &json!({ "percent": 20, "release": "v2" })).expect(200);
}

#[test]
fn two_windows_at_once_end_with_the_later_one() {
    let router = both();
    let patch = json!({ "freeze_windows": [window(-60, 30)] });
    router.api().call("PATCH", "/api/v1/apps/hello/settings", Some(&patch)).expect(200);
    ask(&router, "operator", &["freeze", "set", &window(-30, 20), &window(10, 90)]).expect(0);
    let refused = router.api_as("ci").put("blend", &json!({ "percent": 20, "release": "v2" })).expect(423);
    let until = refused.json()["error"]["until"].as_u64().unwrap_or_default() / 1_000;
    assert!(until.abs_diff(now() + 90 * MINUTE) <= MINUTE, "{until}");
}

#[test]
fn who_set_windows_is_in_the_history_the_audit_and_the_hooks() {
    let (router, window) = (both(), later());
    let mut receiver = Receiver::start();
    hook(&router, &receiver, json!({ "events": ["freeze-windows", "change-settings"] }));
    let patch = json!({ "freeze_windows": [window] });
    router.api().call("PATCH", "/api/v1/apps/hello/settings", Some(&patch)).expect(200);
    let event = router.api().get("history?limit=1").json()["events"][0].clone();
    assert_eq!(event["command"], "change-settings");
    assert_eq!(event["changed"]["settings"][1]["freeze_windows"], json!([window]));
    ask(&router, "operator", &["freeze", "set", &window, "--reason", "the fair"]).expect(0);
    ask(&router, "operator", &["freeze", "end"]).expect(0);
    let told = receiver.wait_for("three changes", |told| told.len() >= 3);
    let texts: Vec<String> = told.iter().map(|call| call.body["text"].to_string()).collect();
    let says = |words: &str| texts.iter().any(|text| text.contains(words));
    assert!(says("maria changed the settings freeze_windows"), "{texts:?}");
    assert!(says(&format!("maria set the freeze windows of all apps: {window} (“the fair”)")), "{texts:?}");
    assert!(says("maria ended the freeze windows of all apps"), "{texts:?}");
    let audit =
        router.api_as("admin").call("GET", "/api/v1/audit?limit=20", None).expect(200).json().to_string();
    assert!(audit.contains("rolling/freeze-windows") && audit.contains("the fair"), "{audit}");
}

#[test]
fn windows_are_read_as_they_were_set_and_bad_ones_are_refused_by_place() {
    let router = both();
    let weekend = "Fri 16:00 - Mon 08:00 Europe/Berlin";
    let shown = ask(&router, "operator", &["freeze", "set", weekend, &later()]).expect(0).out;
    assert!(shown.contains(weekend), "{shown}");
    assert_eq!(ask(&router, "viewer", &["freeze", "show"]).expect(0).out, shown);
    let put = |body| router.api().call("PUT", "/api/v1/freeze-windows", Some(&body));
    let refused = put(json!({ "windows": [weekend, "always"] })).expect(422).json();
    assert_eq!(refused["error"]["field"], "windows[1]");
    put(json!({ "windows": vec![weekend; 33] })).expect(422);
    // Somebody else set others meanwhile.
    let seen = router.api().call("GET", "/api/v1/freeze-windows", None).json()["version"].as_u64();
    let stale = router.api().if_match(seen.expect("a version") - 1);
    let body = json!({ "windows": [] });
    assert_eq!(stale.call("PUT", "/api/v1/freeze-windows", Some(&body)).expect(412).code(), "stale");
    ask(&router, "viewer", &["freeze", "end"]).expect(5);
    assert!(ask(&router, "viewer", &["freeze", "show"]).expect(0).out.contains(weekend));
    ask(&router, "operator", &["freeze", "end"]).expect(0);
    assert!(ask(&router, "viewer", &["freeze", "show"]).expect(0).out.contains("no freeze window"));
}
