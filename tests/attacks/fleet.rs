//! A fleet's own listeners as endpoints: whoever may register an address must not show the admin port to end users.

use std::net::SocketAddr;

use serde_json::{Value, json};
use support::router::{id, token};
use support::{Reply, Router, Wire, eventually, router, scripted};

/// Two routers on one store, which the first one serves to the second; both know of each other.
fn two() -> [Router; 2] {
    let first = router().stable("v1").flag("--node").flag("r1").start();
    let store = format!("http://:{}@{}", token("admin"), first.admin);
    let second = router().store(&store).flag("--node").flag("r2").start();
    let fleet = |router: &Router| router.api().call("GET", "/api/v1/fleet", None).expect(200).json();
    let all = |router: &Router| fleet(router)["members"].as_array().map(Vec::len) == Some(2);
    eventually("both know of each other", || all(&first) && all(&second));
    [first, second]
}

fn listeners(routers: &[Router; 2]) -> Vec<SocketAddr> {
    routers.iter().flat_map(|router| [router.admin, router.front]).collect()
}

/// The addresses of stable's endpoints, as a router serves it.
fn served(router: &Router) -> Vec<Value> {
    router.api().state()["stable"]["endpoints"].as_array().cloned().unwrap_or_default()
}

/// Registered as an endpoint of stable, another member's admin port showed the GUI to end users.
#[test]
fn no_member_is_registered_as_an_endpoint_at_any_door() {
    let routers = two();
    for address in listeners(&routers) {
        for router in &routers {
            for role in ["ci", "admin"] {
                let api = router.api_as(role);
                let spelled = format!("[::ffff:{}]:{}", address.ip(), address.port());
                for text in [address.to_string(), spelled] {
                    let body = json!({ "id": id("v9"), "endpoints": [text] });
                    let refused = api.put("candidate", &body).expect(422).response.text();
                    assert!(refused.contains("another router of its fleet"), "{refused}");
                    api.kv_put(&format!("{}/evil", id("v1")), &text).expect(422);
                }
            }
        }
    }
    for router in &routers {
        assert_eq!((served(router).len(), router.visitor().release()), (1, "v1".to_owned()));
    }
}

/// Whoever has the store's password writes past every check.
#[test]
fn a_member_that_stands_in_the_store_is_shown_and_gets_nothing() {
    let routers = two();
    let writes: Vec<Value> = listeners(&routers)
        .iter()
        .enumerate()
        .map(|(n, address)| json!({ "put": format!("{}/evil{n}", id("v1")), "value": base64(&address.to_string()) }))
        .collect();
    let body = json!({ "checks": [], "writes": writes });
    routers[0].api_as("admin").call("POST", "/api/v1/store/commit", Some(&body)).expect(200);
    for router in &routers {
        eventually("all of them are problems", || {
            let problems = router.api().state()["problems"].to_string();
            (0..4).all(|n| problems.contains(&format!("evil{n}")))
        });
        assert_eq!(served(router).len(), 1);
        for _ in 0..10 {
            assert_eq!(router.visitor().release(), "v1");
        }
    }
}

/// It was an endpoint before it was a member, as a router that is started at an address that served before.
#[test]
fn an_address_stops_being_an_endpoint_when_a_member_listens_there_and_starts_when_it_left() {
    let [first, mut second] = two();
    let address = second.admin;
    second.terminate();
    assert_eq!(second.exit_code(), Some(0));
    let register = || first.api().kv_put(&format!("{}/old", id("v1")), &address.to_string()).status();
    eventually("it has left", || register() == 200);
    eventually("it is an endpoint", || served(&first).len() == 2);
    second.start_again();
    eventually("it is none", || served(&first).len() == 1 && served(&second).len() == 1);
    assert_eq!(register(), 422);
}

/// What no address check can see: somebody's proxy that leads to an admin port.
#[test]
fn the_admin_port_answers_nobody_who_comes_by_way_of_a_front() {
    let routers = two();
    let [first, second] = &routers;
    for goal in [first.admin, second.admin] {
        let relay = scripted(move |received| {
            let mut wire = Wire::open(goal);
            let passed = received.header_all("cdn-loop").join(", ");
            let token = format!("Authorization: Bearer {}\r\n", token("admin"));
            let head = format!("GET {} HTTP/1.1\r\nHost: {goal}\r\n{token}", received.target());
            wire.send(format!("{head}CDN-Loop: {passed}\r\nConnection: close\r\n\r\n"));
            let answer = wire.response("GET");
            Reply::response(&format!("{} Answer", answer.status), &[], answer.body)
        });
        let key = format!("{}/relay", id("v1"));
        first.api().kv_put(&key, &relay.address.to_string()).expect(200);
        first.api().kv_delete(&format!("{}/c0", id("v1"))).expect(200);
        for router in &routers {
            eventually("it is the only endpoint", || {
                served(router).len() == 1 && served(router)[0]["address"] == json!(relay.address)
            });
            for target in [
                "/",
                "/metrics",
                "/healthz",
                "/readyz",
                "/api/v1/apps",
                "/api/v1/kv/rolling?recurse=true",
                "/x",
            ] {
                let mut visitor = router.visitor();
                let visit = visitor.try_get(target).expect("an answer");
                assert_eq!(visit.response.status, 508, "{target}: {}", visit.response.text());
            }
        }
        first.api().kv_delete(&key).expect(200);
    }
}

#[test]
fn the_name_of_a_member_is_refused_in_any_form_and_others_are_not() {
    let routers = two();
    let fleet = routers[0].api().call("GET", "/api/v1/fleet", None).expect(200).json();
    let nodes: Vec<String> =
        fleet["members"].as_array().into_iter().flatten().map(|member| text(&member["node"])).collect();
    assert_eq!(nodes.len(), 2);
    let ask = |host: &str, lines: &str| {
        let mut wire = Wire::open(routers[0].admin);
        wire.send(format!("GET / HTTP/1.1\r\nHost: {host}\r\n{lines}\r\n"));
        wire.response("GET").status
    };
    for node in &nodes {
        for lines in [
            format!("CDN-Loop: rolling-router-{node}\r\n"),
            format!("CDN-Loop: ROLLING-ROUTER-{}\r\n", node.to_uppercase()),
            format!("CDN-Loop: a.test\r\nCDN-Loop: b.test;x=1 , rolling-router-{node};v=\"2\"\r\n"),
        ] {
            for host in ["localhost", "candidate.shop.example.test", "stable.localhost", "127.0.0.1"] {
                assert_eq!(ask(host, &lines), 508, "{host} {lines:?}");
            }
        }
    }
    assert_eq!(ask("localhost", "CDN-Loop: a.test, rolling-router-0123456789abcdef\r\n"), 200);
}

fn text(value: &Value) -> String {
    value.as_str().expect("text").to_owned()
}

fn base64(text: &str) -> String {
    use base64::Engine as _;
    base64::prelude::BASE64_STANDARD.encode(text)
}
