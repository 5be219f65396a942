//! What `status` says of the release that a rollback goes to.

use serde_json::json;

use super::program::ask;
use support::{Endpoint, Router, echo, eventually, router};

fn status(router: &Router) -> String {
    ask(router, "viewer", &["status"]).expect(0).out
}

/// The containers of the earlier release were stopped after a promote, since `status` said that they could be; of the release
/// itself it still said "a rollback goes there".
#[test]
fn a_way_back_that_is_dead_is_said_to_be_so_and_whoever_may_stop_it_is_told_that_it_is_the_way_back() {
    let settings = json!({ "health": { "interval_ms": 100, "timeout_ms": 100 } }).to_string();
    let router = router().stable("v1").candidate("v2").key("rolling/hello/settings", &settings).start();
    router.api().post("promote", &json!({})).expect(200);
    assert!(status(&router).contains("v1   a rollback goes there"), "{}", status(&router));
    eventually("nobody is left at v1", || {
        status(&router).contains("its endpoints can be stopped   but v1 is the way back")
    });
    let address = router.endpoint("v1").address;
    router.endpoint("v1").stop();
    let refusal = format!(
        "0 of 1 endpoints of `v1` pass the health check, and at least 1 must: {address} refused the connection"
    );
    let dead = format!("v1   a rollback cannot go there: {refusal}");
    eventually("status says so", || status(&router).contains(&dead));
    assert_eq!(router.api().state()["previous"]["rollback_refusal"], refusal);
    let refused = router.api().post("rollback", &json!({})).expect(409).json();
    let answered =
        json!([{ "address": address.to_string(), "passed": false, "detail": "refused the connection" }]);
    assert_eq!(refused["error"]["endpoints"], answered);
    let _back = Endpoint::echo_at(address, "v1");
    eventually("it is the way back again", || status(&router).contains("v1   a rollback goes there"));
    assert!(router.api().state()["previous"].get("rollback_refusal").is_none());
}

#[test]
fn the_answer_to_what_makes_a_release_stable_lists_what_each_endpoint_answered() {
    let (alive, dead) = (echo("1.0"), echo("1.0"));
    dead.stop();
    let addresses = [alive.address.to_string(), dead.address.to_string()];
    let router = router().without_app().start();
    let shop = router.api().app("shop");
    // An app's first stable release has nothing to save.
    let body = json!({ "release": "1.0", "endpoints": [addresses[1]] });
    let made = shop.put("stable", &body).expect(200).json();
    let fails = json!({ "address": addresses[1], "passed": false, "detail": "refused the connection" });
    assert_eq!(made["asked"], json!([fails]));
    let body = json!({ "release": "1.1", "endpoints": addresses });
    let set = shop.put("stable", &body).expect(200).json();
    let passes = json!({ "address": addresses[0], "passed": true, "detail": null });
    let asked = set["asked"].as_array().expect("a list");
    assert!(asked.len() == 2 && asked.contains(&fails) && asked.contains(&passes), "{asked:?}");
    assert!(shop.state().get("asked").is_none());
}
