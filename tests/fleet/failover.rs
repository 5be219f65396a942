//! The store itself fails over under a running fleet: a cluster loses its leader, a replica takes its master's place.

use std::time::Duration;

use serde_json::json;

use crate::faults::{heals, under_load};
use crate::proxy::Proxy;
use crate::routers::Fleet;
use crate::server::{Kind, Server};
use support::router::id;
use support::{Router, count, eventually};

/// A fleet on an etcd of three members, and the two that it does not hold itself.
fn on_a_cluster() -> (Fleet, Vec<Server>) {
    let mut servers = Server::start_cluster(Kind::Etcd, 3);
    let addresses: Vec<String> = servers.iter().map(|server| server.address.to_string()).collect();
    let first = servers.remove(0);
    let network = Proxy::start(first.address);
    (Fleet::on(first, network, format!("etcd://{}", addresses.join(",")), 3), servers)
}

#[test]
fn an_etcd_that_loses_its_leader_fails_no_request_and_is_commanded_again() {
    let (mut fleet, mut others) = on_a_cluster();
    let measured = under_load(&mut fleet, count(1, 6), |fleet, n| {
        let mut members: Vec<&mut Server> = std::iter::once(&mut fleet.server).chain(&mut others).collect();
        let leader = members.iter().position(|member| member.leads()).expect("one of them leads");
        members[leader].kill();
        let healed = heals(fleet, n);
        let mut members: Vec<&mut Server> = std::iter::once(&mut fleet.server).chain(&mut others).collect();
        members[leader].restart();
        healed
    });
    println!("{measured}");
    fleet.command(0, "PUT", "sticky", &json!({ "sticky": false }), "20s").expect(200);
}

/// A fleet on a Redis behind a floating address, and its replica.
fn with_a_replica() -> (Fleet, Server) {
    let fleet = Fleet::start(Kind::Redis, 3);
    let replica = Server::start(Kind::Redis);
    replica.replicate(&fleet.server);
    (fleet, replica)
}

#[test]
fn a_promoted_redis_replica_fails_no_request_and_goes_on_with_the_same_seqs() {
    let (mut fleet, replica) = with_a_replica();
    fleet.command(0, "PUT", "candidate", &json!({ "id": id("v2"), "blend": 30 }), "20s").expect(200);
    let before = fleet.routers[0].api().state()["seq"].clone();
    let measured = under_load(&mut fleet, 1, |fleet, n| {
        fleet.server.hand_over();
        fleet.server.kill();
        replica.stand_alone();
        fleet.network.lead_to(replica.address);
        heals(fleet, n)
    });
    println!("{measured}");
    let state = fleet.routers[1].api().state();
    assert!(state["seq"].as_u64() > before.as_u64(), "{state}");
    assert_eq!((&state["candidate"]["release"], &state["blend"]), (&json!("v2"), &json!(30)));
    fleet.command(2, "POST", "promote", &json!({}), "20s").expect(200);
    assert!(fleet.is_at_one_seq());
}

/// Everybody serves on, and nobody takes a command, until an operator has decided.
fn refuses_commands(fleet: &Fleet) {
    eventually("the fall is seen", || fleet.store_states().iter().all(|state| state == "diverged"));
    for router in &fleet.routers {
        assert_eq!(router.visitor().release(), "v2");
        let refused = router.api().put("sticky", &json!({ "sticky": false })).expect(409);
        assert_eq!(refused.code(), "store_diverged");
    }
}

fn settle(router: &Router, what: &str) {
    router.api_as("admin").call("POST", &format!("/api/v1/store/{what}"), Some(&json!({}))).expect(200);
}

#[test]
fn a_promoted_replica_that_lacks_commits_is_an_alarm_and_one_router_restores_it_for_all() {
    let (mut fleet, replica) = with_a_replica();
    replica.stand_alone();
    fleet.command(0, "PUT", "stable", &json!({ "id": id("v2") }), "20s").expect(200);
    let before = fleet.routers[0].api().state()["seq"].clone();
    let measured = under_load(&mut fleet, 1, |fleet, _| {
        fleet.server.kill();
        fleet.network.lead_to(replica.address);
        refuses_commands(fleet);
        settle(&fleet.routers[1], "restore");
        for at in [0, 2] {
            eventually("it sees the restored store", || {
                let facts = fleet.routers[at].api().call("GET", "/api/v1/router", None).json();
                facts["store"]["detail"].as_str().is_some_and(|detail| detail.contains("epoch"))
            });
            settle(&fleet.routers[at], "accept");
        }
        Duration::ZERO
    });
    println!("{measured}");
    assert!(fleet.is_at_one_seq());
    assert_eq!(fleet.routers[2].api().state()["seq"], before);
    assert!(fleet.routers.iter().all(|router| router.visitor().release() == "v2"));
    fleet.command(0, "POST", "rollback", &json!({}), "20s").expect(200);
}
