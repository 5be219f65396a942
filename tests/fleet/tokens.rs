//! Tokens of the store: every router of a fleet knows them, and every router knows at once when they end.

use serde_json::json;
use std::time::Duration;

use crate::routers::Fleet;
use crate::server::Kind;
use support::{Deadline, Router, eventually};

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
    let refused =
        one.api_as("admin").call("POST", "/api/v1/tokens", Some(&json!({"name": "x", "role": "ci"})));
    assert_eq!(refused.status(), 503);
    fleet.network.cut(false);
    eventually("the store is back", || fleet.store_states().iter().all(|state| state == "current"));

    other.api_as("admin").call("DELETE", "/api/v1/tokens/ci-hello", None).expect(200);
    let taken_back = Deadline::after(Duration::from_secs(1));
    stream.read_to_end();
    eventually("no router knows it", || {
        fleet
            .routers
            .iter()
            .all(|router| router.api().with_token(&token).call("GET", "/api/v1/whoami", None).status() == 401)
    });
    assert!(!taken_back.passed(), "{:?}", taken_back.elapsed());
}

#[test]
fn a_browser_is_signed_in_at_every_router_also_while_the_store_is_down() {
    let fleet = Fleet::start(Kind::Etcd, 2);
    let [one, other] = &fleet.routers[..] else { panic!("two routers") };
    let sign_in = || {
        let begun = one.api().call("POST", "/api/v1/session", Some(&json!({}))).expect(201);
        let cookie = begun.response.header("set-cookie").expect("a cookie").to_owned();
        cookie.split(';').next().expect("a pair").to_owned()
    };
    let status = |router: &Router, pair: &str| {
        let headers = format!("Cookie: {pair}\r\n");
        router.api().anonymous().raw("GET", "/api/v1/apps", None, &headers).status()
    };
    let before = sign_in();
    eventually("the other router knows it", || status(other, &before) == 200);

    fleet.network.cut(true);
    eventually("the store is down", || fleet.store_states().iter().all(|state| state != "current"));
    let meanwhile = sign_in();
    assert_eq!((status(one, &meanwhile), status(other, &before)), (200, 200));
    let headers = format!("Cookie: {before}\r\nOrigin: http://{}\r\n", one.admin);
    one.api().anonymous().raw("DELETE", "/api/v1/session", None, &headers).expect(200);
    assert_eq!(status(one, &before), 401, "it is over here at once");
    fleet.network.cut(false);
    eventually("the store is told of both", || {
        (status(other, &meanwhile), status(other, &before)) == (200, 401)
    });
}
