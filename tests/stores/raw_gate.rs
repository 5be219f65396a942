//! What old scripts write to `stable/id`, through the API and in the store itself: only what serves becomes stable.

use super::growing::redis;
use serde_json::json;
use std::process::Command;
use support::endpoint::Endpoint;
use support::router::{free_port, id, token};
use support::servers::sentinel::ask;
use support::{Router, eventually, router};

const STABLE: &str = "rolling/hello/stable/id";

/// `v1` stable and `v2` the candidate, whose only endpoint is where nobody listens yet.
fn with_dead_candidate(store: Option<&str>) -> (Router, std::net::SocketAddr) {
    let dead = free_port();
    let builder = router().stable("v1").key(&format!("{}/c1", id("v2")), &dead.to_string());
    let builder =
        builder.key("rolling/hello/candidate/id", &id("v2")).key("rolling/hello/blendpercent", "20");
    let router = match store {
        Some(store) => builder.store(store).start(),
        None => builder.durable().start(),
    };
    (router, dead)
}

/// Writes a key as the old scripts do.
fn shell(router: &Router, key: &str, value: &str) {
    let url = format!("http://{}/v1/kv/{key}", router.admin);
    let bearer = format!("Authorization: Bearer {}", token("ci"));
    let curl = Command::new("curl").args(["-sf", "-X", "PUT", "-H", &bearer, "-d", value, &url]).output();
    let output = curl.expect("curl can be run");
    assert!(output.status.success(), "{key}");
    assert_eq!(String::from_utf8_lossy(&output.stdout), "true", "{key}");
}

fn tracks(router: &Router) -> (serde_json::Value, serde_json::Value) {
    let state = router.api().state();
    (state["stable"]["id"].clone(), state["candidate"]["id"].clone())
}

fn problems(router: &Router) -> String {
    router.api().state()["problems"].to_string()
}

/// The old way to promote.
fn promote_by_keys(router: &Router) {
    shell(router, "rolling/hello/stable/id", &id("v2"));
    shell(router, "rolling/hello/candidate/id", "rolling/null");
    shell(router, "rolling/hello/blendpercent", "0");
}

fn through_the_api(store: Option<&str>) {
    let (mut router, dead) = with_dead_candidate(store);
    promote_by_keys(&router);
    assert_eq!(tracks(&router), (json!(id("v1")), json!(id("v2"))));
    assert_eq!(router.api().kv_get(STABLE), id("v2"), "it is stored");
    let shown = problems(&router);
    assert!(shown.contains(STABLE) && shown.contains(&dead.to_string()), "{shown}");
    assert!(shown.contains("stays stable") && shown.contains("--force"), "{shown}");
    assert_eq!(router.visitor().release(), "v1");
    router.start_again();
    assert_eq!(tracks(&router).0, json!(id("v1")), "a restart gives it to nobody");
    eventually("it is shown again", || problems(&router).contains(&dead.to_string()));
    let _revived = Endpoint::echo_at(dead, "v2");
    eventually("it is adopted", || tracks(&router) == (json!(id("v2")), json!(null)));
    assert_eq!(router.visitor().release(), "v2");
    eventually("nothing is left to show", || problems(&router) == "[]");
    // The old way back, to what serves, is adopted before it is answered.
    shell(&router, STABLE, &id("v1"));
    assert_eq!(tracks(&router).0, json!(id("v1")));
}

#[test]
fn a_release_that_does_not_serve_waits_in_an_embedded_store() {
    through_the_api(None);
}

#[test]
fn a_release_that_does_not_serve_waits_in_redis() {
    let (_server, store) = redis();
    through_the_api(Some(&store));
}

/// The keys are written by `redis-cli`, past the router.
#[test]
fn a_write_in_the_store_itself_is_asked_about_too() {
    let (server, store) = redis();
    let (router, dead) = with_dead_candidate(Some(&store));
    let set = |value: &str| {
        let said = ask(server.ports[0], &format!("SET {STABLE} {value}"));
        assert!(said.contains("OK"), "{said}");
    };
    set(&id("v2"));
    eventually("it is shown", || problems(&router).contains(&dead.to_string()));
    assert_eq!(tracks(&router).0, json!(id("v1")));
    // A lock ends the wait, and writes the key back.
    router.api().put("lock", &json!({ "reason": "an incident" })).expect(200);
    assert_eq!((router.api().kv_get(STABLE), problems(&router)), (id("v1"), "[]".to_owned()));
    router.api().delete("lock").expect(200);
    set(&id("v2"));
    eventually("it is shown again", || problems(&router).contains(&dead.to_string()));
    // Whoever may forces it.
    router.api_as("ci").put("stable", &json!({ "id": id("v2"), "force": true })).expect(409);
    router.api().put("stable", &json!({ "id": id("v2"), "force": true })).expect(200);
    assert_eq!(tracks(&router).0, json!(id("v2")));
    eventually("nothing is left to show", || problems(&router) == "[]");
    set(&id("v1"));
    eventually("what serves is adopted", || tracks(&router).0 == json!(id("v1")));
}

#[test]
fn what_has_waited_for_too_long_is_not_adopted_until_it_is_written_again() {
    let (router, dead) = with_dead_candidate(None);
    let settings = json!({ "pending_seconds": 1 });
    router.api().call("PATCH", "/api/v1/apps/hello/settings", Some(&settings)).expect(200);
    shell(&router, STABLE, &id("v2"));
    eventually("it is given up", || problems(&router).contains("once the key is written again"));
    assert!(problems(&router).contains(&dead.to_string()), "what failed is still named");
    let _revived = Endpoint::echo_at(dead, "v2");
    assert_eq!(tracks(&router).0, json!(id("v1")));
    shell(&router, STABLE, &id("v2"));
    assert_eq!(tracks(&router).0, json!(id("v2")));
}
