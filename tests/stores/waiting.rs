//! A store that is down when the router starts.

use super::growing::redis;
use super::plain::{Plain, Shape};
use serde_json::json;
use std::fs;
use std::thread;
use std::time::Duration;
use support::clock::pause;
use support::router::id;
use support::{Process, echo, eventually, router};

#[test]
fn a_router_that_starts_without_its_server_serves_what_it_served_last() {
    let (mut server, store) = redis();
    let mut router = router().store(&store).stable("v1").candidate("v2").start();
    let mut visitor = router.visitor();
    assert_eq!(visitor.release(), "v1");
    router.terminate();
    assert_eq!(router.exit_code(), Some(0));
    server.kill();
    router.start_again();
    visitor.hang_up();
    assert_eq!(visitor.release(), "v1");
    router.api().post("promote", &json!({ "release": "v2" })).expect(503);
    server.restart();
    eventually("the store is found", || {
        router.api().post("promote", &json!({ "release": "v2" })).status() == 200
    });
    assert_eq!(router.visitor().release(), "v2");
}

/// With no state directory to begin with, as on a machine that is new to the fleet, it knows nothing until the store answers. It
/// says so, and never that an app is not there.
#[test]
fn calls_wait_for_what_the_store_says_first() {
    let (mut server, store) = redis();
    let mut router = router().store(&store).stable("v1").start();
    router.terminate();
    assert_eq!(router.exit_code(), Some(0));
    fs::remove_dir_all(router.path("state")).expect("it has one");
    Process(server.id()).signal("STOP");
    router.start_again_unready();
    let api = router.api();
    let asked = thread::spawn(move || api.get("").expect(200).json());
    // It would have been answered long ago.
    pause(Duration::from_secs(1));
    assert!(!asked.is_finished());
    Process(server.id()).signal("CONT");
    assert_eq!(asked.join().expect("it is answered")["stable"]["release"], "v1");
    router.terminate();
    assert_eq!(router.exit_code(), Some(0));
    fs::remove_dir_all(router.path("state")).expect("it has one");
    server.kill();
    router.start_again_unready();
    assert_eq!(router.api().get("").expect(503).code(), "store_unavailable");
    server.restart();
    eventually("it knows the app", || router.api().get("").status() == 200);
}

#[test]
fn a_router_that_starts_without_the_server_it_follows_serves_what_it_served_last() {
    let consul = Plain::start(Shape::Consul);
    let endpoint = echo("v1");
    consul.put(&format!("{}/c1", id("v1")), &endpoint.address.to_string());
    consul.put("rolling/hello/stable/id", &id("v1"));
    let store = format!("http://{}", consul.endpoint.address);
    let mut router = router().store(&store).start();
    assert_eq!(router.visitor().release(), "v1");
    router.terminate();
    assert_eq!(router.exit_code(), Some(0));
    drop(consul);
    router.start_again();
    assert_eq!(router.visitor().release(), "v1");
    assert_eq!(router.api().post("promote", &json!({})).expect(501).code(), "unsupported");
}
