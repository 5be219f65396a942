//! A lock that ends by itself: by a time, or after a time that the router counts.

use serde_json::json;
use support::router;

#[test]
fn a_lock_of_some_seconds_ends_by_the_routers_clock() {
    let router = router().stable("v1").start();
    router.api().put("lock", &json!({ "reason": "freeze", "seconds": 7200 })).expect(200);
    let lock = &router.api().state()["lock"];
    let (at, until) = (lock["at"].as_u64().unwrap(), lock["until"].as_u64().unwrap());
    // From when the call came; a moment later the lock stands.
    assert!((7_190_000..=7_200_000).contains(&(until - at)), "{at} to {until}");
}

#[test]
fn a_length_that_cannot_be_is_refused_at_its_field() {
    let router = router().stable("v1").start();
    for wrong in [
        json!({ "reason": "freeze", "seconds": 0 }),
        json!({ "reason": "freeze", "seconds": 31_536_001 }),
        json!({ "reason": "freeze", "seconds": 60, "until": 9_999_999_999_999_u64 }),
    ] {
        let refused = router.api().put("lock", &wrong).expect(422).json();
        assert_eq!(refused["error"]["field"], "seconds", "{wrong}");
    }
    assert_eq!(router.api().state()["lock"], json!(null));
}
