//! Tokens of the store: every router of a fleet knows them, and every router knows at once when they end.

use serde_json::json;
use std::time::{Duration, Instant};

use crate::routers::Fleet;
use crate::server::Kind;
use support::eventually;

#[test]
fn a_token_works_at_every_router_and_ends_at_every_router_within_a_second() {
    let fleet = Fleet::start(Kind::Etcd, 2);
    let [one, other] = &fleet.routers[..] else { panic!("two routers") };
    let body = json!({"name": "ci-hello", "role": "ci", "apps": ["hello"]});
    let made = one.api_as("admin").call("POST", "/api/v1/tokens", Some(&body)).expect(201).json();
    let token = made["token"].as_str().expect("the token").to_owned();
    let there = other.api().with_token(&token);
    eventually("the other router knows it", || there.call("GET", "/api/v1/whoami", None).status() == 200);
    let mut stream = there.stream("/api/v1/stream", "");
    stream.next("state");

    // Without the store it goes on, as the last good state does.
    fleet.network.cut(true);
    eventually("the store is down", || fleet.store_states().iter().all(|state| state != "current"));
    there.call("GET", "/api/v1/whoami", None).expect(200);
    let refused = one.api_as("admin").call("POST", "/api/v1/tokens", Some(&json!({"name": "x", "role": "ci"})));
    assert_eq!(refused.status(), 503);
    fleet.network.cut(false);
    eventually("the store is back", || fleet.store_states().iter().all(|state| state == "current"));

    other.api_as("admin").call("DELETE", "/api/v1/tokens/ci-hello", None).expect(200);
    let taken_back = Instant::now();
    stream.read_to_end();
    eventually("no router knows it", || {
        fleet.routers.iter().all(|router| {
            router.api().with_token(&token).call("GET", "/api/v1/whoami", None).status() == 401
        })
    });
    let took = taken_back.elapsed();
    assert!(took < Duration::from_secs(1), "{took:?}");
}
