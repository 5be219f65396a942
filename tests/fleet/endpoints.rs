//! Single endpoints that get nothing new: what is left there is summed over all routers.

use std::net::SocketAddr;

use serde_json::{Value, json};

use crate::routers::Fleet;
use crate::server::Kind;
use support::router::id;
use support::{Endpoint, Reply, Router, Wire, echo, eventually};

/// A fleet of three whose stable has a second endpoint, which every router knows.
fn of_two_endpoints() -> (Fleet, Endpoint) {
    let fleet = Fleet::start(Kind::Redis, 3);
    let second = echo("v1");
    let put = fleet.routers[0].api().kv_put(&format!("{}/c1", id("v1")), &second.address.to_string());
    put.expect(200);
    let knows = |router: &Router| {
        router.api().state()["stable"]["endpoints"].as_array().is_some_and(|endpoints| endpoints.len() == 2)
    };
    eventually("everybody knows it", || fleet.routers.iter().all(knows));
    (fleet, second)
}

fn path(endpoint: SocketAddr) -> String {
    format!("releases/v1/endpoints/{endpoint}/drain")
}

fn left(router: &Router, endpoint: SocketAddr) -> Value {
    router.api().get(&path(endpoint)).expect(200).json()
}

/// A client whose answer from this endpoint, through this router, never ends.
fn held(router: &Router, endpoint: &Endpoint) -> Wire {
    let pin = (0..1_000).find_map(|_| {
        let mut visitor = router.visitor();
        (visitor.get("/").endpoint == endpoint.address.to_string()).then_some(visitor.pin)
    });
    let pin = pin.flatten().expect("some client lands there");
    endpoint.always(Reply::Hang(b"HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nhalf".to_vec()));
    let mut wire = router.connect();
    wire.send(format!("GET /long HTTP/1.1\r\nHost: {}\r\nCookie: rolling_pin={pin}\r\n\r\n", router.host));
    wire.read_until(b"half");
    wire
}

/// Every router says what the third one holds open there, until that ends.
fn is_summed(fleet: &Fleet, leaving: &Endpoint, open: Wire) {
    let address = leaving.address;
    for router in &fleet.routers {
        eventually("the sum is known", || {
            let sum = left(router, address)["fleet"].clone();
            (&sum["members"], &sum["reported"], &sum["in_flight"]) == (&json!(3), &json!(3), &json!(1))
        });
        assert_eq!(left(router, address)["can_be_stopped"], false);
    }
    assert_eq!(left(&fleet.routers[0], address)["in_flight"], 0, "nothing is open at this one");
    leaving.close_connections();
    drop(open);
    for router in &fleet.routers {
        eventually("it can be stopped", || left(router, address)["can_be_stopped"] == true);
    }
}

#[test]
fn a_draining_endpoint_can_be_stopped_once_nothing_is_open_there_on_any_router() {
    let (mut fleet, _second) = of_two_endpoints();
    let leaving = &fleet.endpoints[0];
    let open = held(&fleet.routers[2], leaving);
    fleet.command(0, "PUT", &path(leaving.address), &json!({}), "20s").expect(200);
    let gauge = || {
        let labels = [("address", &*leaving.address.to_string())];
        fleet.routers[1].api().metrics().sum("rolling_endpoint_can_be_stopped", &labels)
    };
    assert!(gauge() < 0.5, "it is open");
    is_summed(&fleet, leaving, open);
    eventually("the metric says so", || gauge() > 0.5);
    let shown = fleet.routers[0].api().state()["stable"]["endpoints"].clone();
    let stops = shown.as_array().into_iter().flatten().filter(|endpoint| endpoint["can_be_stopped"] == true);
    assert_eq!(stops.count(), 1, "{shown}");

    let leaving = leaving.address;
    fleet.routers[2].kill();
    eventually("one that is not heard from may have something open", || {
        let state = left(&fleet.routers[0], leaving);
        (&state["fleet"]["reported"], &state["can_be_stopped"]) == (&json!(2), &json!(false))
    });
    fleet.routers[2].start_again();
    eventually("it is heard from again", || left(&fleet.routers[0], leaving)["can_be_stopped"] == true);
}

#[test]
fn an_endpoint_that_was_taken_out_is_shown_while_something_is_open_there_on_any_router() {
    let (fleet, _second) = of_two_endpoints();
    let leaving = &fleet.endpoints[0];
    let open = held(&fleet.routers[2], leaving);
    fleet.routers[1].api().kv_delete(&format!("{}/c0", id("v1"))).expect(200);
    let gone = |router: &Router| router.api().state()["stable"]["gone"].clone();
    for router in &fleet.routers {
        eventually("it is shown", || gone(router)[0]["address"] == leaving.address.to_string());
    }
    is_summed(&fleet, leaving, open);
    for router in &fleet.routers {
        eventually("it is shown no more", || gone(router) == json!([]));
    }
}
