//! A pause holds at every router of a fleet, and ends at all of them.

use serde_json::json;
use std::time::Duration;

use crate::routers::Fleet;
use crate::server::Kind;
use support::Wire;

#[test]
fn a_pause_holds_at_every_router_and_fails_nobody() {
    let fleet = Fleet::start(Kind::Redis, 2);
    let [one, other] = &fleet.routers[..] else { panic!("two routers") };
    let call = |router: &support::Router, path: &str| {
        let path = format!("/api/v1/apps/{}/{path}?wait=fleet&timeout=5", support::router::APP);
        router.api().call("POST", &path, Some(&json!({}))).expect(200);
    };
    call(one, "pause");
    let mut clients: Vec<Wire> = Vec::new();
    for router in [one, other, one, other] {
        let mut wire = Wire::open(router.front);
        wire.send(format!("GET / HTTP/1.1\r\nHost: {}\r\n\r\n", router.host));
        clients.push(wire);
    }
    assert!(clients.iter_mut().all(|wire| wire.is_silent_for(Duration::from_millis(200))));
    call(other, "resume");
    for wire in &mut clients {
        assert_eq!(wire.response("GET").status, 200);
    }
}
