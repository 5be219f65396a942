//! A router that serves its store, and one that uses it.

use serde_json::{Value, json};
use support::router::token;
use support::{Answer, Router, eventually, router};

/// A router on the store of another.
pub fn beside(serving: &Router) -> Router {
    router().store(&format!("http://:{}@{}", token("admin"), serving.admin)).start()
}

#[test]
fn a_router_on_the_store_of_another_serves_and_commands_the_same() {
    let mut serving = router().durable().stable("v1").candidate("v2").start();
    let using = beside(&serving);
    let mut visitor = using.visitor();
    assert_eq!(visitor.release(), "v1");
    using.api().post("promote", &json!({ "release": "v2" })).expect(200);
    eventually("the other router serves the promote", || serving.visitor().release() == "v2");
    // The pin that one router set is the other's too: its client stays with the release that drains.
    let mut moved = serving.visitor();
    moved.pin = visitor.pin.clone();
    assert_eq!(moved.release(), "v1");

    serving.kill();
    assert_eq!((visitor.release(), using.visitor().release()), ("v1".into(), "v2".into()));
    using.api().put("sticky", &json!({ "sticky": false })).expect(503);
    serving.start_again();
    eventually("it follows the store again", || {
        using.api().put("sticky", &json!({ "sticky": false })).status() == 200
    });
    // Answered was the router that asked; the one whose store it is follows it too.
    eventually("both serve the same", || {
        let (here, there) = (using.api().state(), serving.api().state());
        there["sticky"] == false && here["seq"] == there["seq"]
    });
}

#[test]
fn an_endpoint_that_is_the_store_is_refused() {
    let serving = router().stable("v1").start();
    let using = beside(&serving);
    let body = json!({ "release": "v2", "endpoints": [serving.admin.to_string()] });
    let refused = using.api().put("candidate", &body).expect(422).json();
    assert_eq!(refused["error"]["field"], "endpoints[0]", "{refused}");
    serving.api().put("candidate", &body).expect(422);
}

#[test]
fn the_store_is_for_admins_alone() {
    let serving = router().stable("v1").start();
    let secret = json!({ "key": "rolling/router/pinkeys" });
    let calls = [
        ("get", secret.clone()),
        ("list", json!({ "prefixes": [""] })),
        ("watch", json!({ "prefixes": [""], "after": 0 })),
        ("commit", json!({ "checks": [], "writes": [{ "delete": "rolling/router/pinkeys" }] })),
        ("leases", json!({ "ttl_ms": 1000 })),
        ("leases/1/keep-alive", json!({})),
    ];
    let post = |role: &str, call: &str, body: &Value| -> Answer {
        serving.api_as(role).call("POST", &format!("/api/v1/store/{call}"), Some(body))
    };
    for role in ["viewer", "ci", "operator"] {
        serving.api_as(role).call("GET", "/api/v1/store", None).expect(403);
        serving.api_as(role).call("DELETE", "/api/v1/store/leases/1", None).expect(403);
        for (call, body) in &calls {
            post(role, call, body).expect(403);
        }
    }
    serving.api().anonymous().call("POST", "/api/v1/store/get", Some(&secret)).expect(401);
    let about = serving.api_as("admin").call("GET", "/api/v1/store", None).expect(200).json();
    assert_eq!(about["contract"], "rolling-router-store/1");
    let found = post("admin", "get", &secret).expect(200).json();
    assert!(found["entry"]["value"].as_str().is_some_and(|value| !value.is_empty()), "{found}");
}

#[test]
fn what_is_no_call_of_the_contract_is_refused_by_name() {
    let serving = router().start();
    let admin = serving.api_as("admin");
    let post = |call: &str, body: &Value| admin.call("POST", &format!("/api/v1/store/{call}"), Some(body));
    assert!(post("get", &json!({ "kye": "a" })).expect(400).response.text().contains("kye"));
    assert!(post("get", &json!({ "key": "a//b" })).expect(422).response.text().contains("a//b"));
    post("commit", &json!({ "checks": [], "writes": [{ "put": "a", "value": "?" }] })).expect(400);
    let twice = json!({ "checks": [], "writes": [{ "delete": "a" }, { "delete": "a" }] });
    assert!(post("commit", &twice).expect(422).response.text().contains("twice"));
    post("leases", &json!({ "ttl_ms": 0 })).expect(422);
    assert_eq!(post("leases/77/keep-alive", &json!({})).expect(410).code(), "lease_ended");
    post("leases/x/keep-alive", &json!({})).expect(400);
    let form = Some(("text/plain", &b"{}"[..]));
    admin.raw("POST", "/api/v1/store/list", form, "").expect(415);
    let long = vec![b' '; (4 << 20) + 1];
    admin.raw("POST", "/api/v1/store/commit", Some(("application/json", &long)), "").expect(413);
}
