//! The pin keys of a fleet: shared, rotated in two commits, and never ahead of a member.

use serde_json::json;

use crate::routers::Fleet;
use crate::server::Kind;
use support::{Answer, Router};

const ROTATE: &str = "/api/v1/fleet/rotate-keys?timeout=60s";

fn rotate(router: &Router, body: &serde_json::Value) -> Answer {
    router.api_as("admin").call("POST", ROTATE, Some(body))
}

/// Whether a router knows a visitor's pin: it sets no other.
fn knows(router: &Router, pin: &str) -> bool {
    let mut visitor = router.visitor();
    visitor.pin = Some(pin.to_owned());
    visitor.get("/");
    visitor.pin.as_deref() == Some(pin)
}

fn new_pin(router: &Router) -> String {
    let mut visitor = router.visitor();
    visitor.get("/");
    visitor.pin.expect("a pin came with the first page")
}

#[test]
fn pins_outlive_a_rotation_and_every_member_knows_the_new_ones() {
    let fleet = Fleet::start(Kind::Etcd, 3);
    let old = new_pin(&fleet.routers[0]);
    assert!(fleet.routers.iter().all(|router| knows(router, &old)), "the keys are the fleet's");
    fleet.routers[1].api().call("POST", ROTATE, Some(&json!({}))).expect(403);
    let done = rotate(&fleet.routers[1], &json!({})).expect(200).json();
    assert_eq!((&done["result"], &done["applied"]["text"]), (&json!("done"), &json!("applied 3 of 3")));
    for signer in &fleet.routers {
        let new = new_pin(signer);
        assert_ne!(key_id(&new), key_id(&old), "the next key signs");
        assert!(fleet.routers.iter().all(|router| knows(router, &new) && knows(router, &old)));
    }
    let soon = rotate(&fleet.routers[0], &json!({})).expect(409);
    assert_eq!(soon.code(), "too_soon");
    rotate(&fleet.routers[0], &json!({ "force": true })).expect(200);
    assert!(!knows(&fleet.routers[2], &old), "the key before the last is gone");
}

#[test]
fn the_next_key_signs_only_when_a_lagging_member_knows_it() {
    let fleet = Fleet::start(Kind::Redis, 3);
    let old = new_pin(&fleet.routers[0]);
    fleet.routers[2].signal("STOP");
    let path = "/api/v1/fleet/rotate-keys?timeout=3s";
    let admin = fleet.routers[0].api_as("admin");
    let waiting = admin.call("POST", path, Some(&json!({}))).expect(202).json();
    assert_eq!(
        (&waiting["result"], &waiting["applied"]["missing"][0]["name"]),
        (&json!("waiting"), &json!("r3"))
    );
    assert_eq!(key_id(&new_pin(&fleet.routers[1])), key_id(&old), "the old key goes on signing");
    fleet.routers[2].signal("CONT");
    let done = rotate(&fleet.routers[1], &json!({})).expect(200).json();
    assert_eq!(done["result"], "done");
    let new = new_pin(&fleet.routers[1]);
    assert_ne!(key_id(&new), key_id(&old));
    assert!(knows(&fleet.routers[2], &new));
}

/// The key id stands in the second byte of a pin, in its second and third character.
fn key_id(pin: &str) -> String {
    pin[1..3].to_owned()
}
