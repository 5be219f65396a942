//! Settings are changes: nobody's are lost, and the history says who changed what.

use serde_json::{Value, json};
use support::{Answer, Router, router};

const SETTINGS: &str = "/api/v1/apps/hello/settings";

fn put(router: &Router, seq: u64, settings: &Value) -> Answer {
    let body = settings.to_string();
    let headers = format!("If-Match: \"{seq}\"\r\n");
    router.api().raw("PUT", SETTINGS, Some(("application/json", body.as_bytes())), &headers)
}

#[test]
fn settings_that_were_read_before_anothers_change_are_refused() {
    let router = router().stable("v1").start();
    let seq = router.api().get("").seq();
    let first = put(&router, seq, &json!({ "hosts": ["shop.example"] })).expect(200);
    assert_eq!(first.seq(), seq + 1);
    put(&router, seq, &json!({ "pinseconds": 600 })).expect(412);
    let kept = router.api().call("GET", SETTINGS, None).expect(200).json();
    assert_eq!(kept, json!({ "hosts": ["shop.example"] }));
    put(&router, seq + 1, &json!({ "hosts": ["shop.example"], "pinseconds": 600 })).expect(200);
}

#[test]
fn a_change_of_settings_is_in_the_history_with_before_and_after() {
    let router = router().stable("v1").start();
    let patch = |settings: Value| router.api().call("PATCH", SETTINGS, Some(&settings)).expect(200);
    patch(json!({ "hosts": ["a.example"], "pinseconds": 600 }));
    let seq = patch(json!({ "pinseconds": 700 })).seq();
    assert_eq!(patch(json!({ "pinseconds": 700 })).seq(), seq, "a repeat is no change");
    let page = router.api().call("GET", "/api/v1/apps/hello/history", None).expect(200).json();
    let event = &page["events"][0];
    assert_eq!(
        (&event["command"], &event["actor"], &event["seq"]),
        (&json!("change-settings"), &json!("maria"), &json!(seq))
    );
    assert_eq!(event["changed"]["settings"], json!([{ "pinseconds": 600 }, { "pinseconds": 700 }]));
}

#[test]
fn readiness_takes_no_parameter() {
    let router = router().stable("v1").start();
    router.api().call("GET", "/readyz", None).expect(200);
    router.api().call("GET", "/readyz?verbose", None).expect(400);
}
