//! Hooks of a fleet: one router tells, another takes over, and a store that is down is told by whoever misses it.

use std::collections::BTreeSet;

use serde_json::{Value, json};

use crate::routers::Fleet;
use crate::server::Kind;
use support::Router;
use support::receiver::{Receiver, call, hook, in_the_end, shown};

/// The name of the router that tells, once there is one.
fn sender(router: &Router) -> String {
    let mut sender = Value::Null;
    in_the_end("somebody tells", || {
        sender = call(router, "GET", "", None).expect(200).json()["sender"].clone();
        sender.is_string()
    });
    sender.as_str().expect("a name").to_owned()
}

/// Turns sticky on or off at a router; the seq.
fn turn(router: &Router, sticky: bool) -> u64 {
    router.api().put("sticky", &json!({ "sticky": sticky })).expect(200).seq()
}

#[test]
fn each_change_is_told_once_while_all_live() {
    let fleet = Fleet::start(Kind::Redis, 2);
    let mut receiver = Receiver::start();
    hook(&fleet.routers[0], &receiver, json!({ "events": ["set-sticky"] }));
    let seqs: Vec<u64> = (0..8).map(|n| turn(&fleet.routers[n % 2], n % 2 == 1)).collect();
    receiver.wait_for("all changes", |told| told.iter().any(|told| told.what().1 == seqs[7]));
    in_the_end("both routers know", || {
        fleet.routers.iter().all(|router| shown(router)["waiting"] == json!({}))
    });
    assert_eq!(receiver.events().iter().map(|(_, seq)| *seq).collect::<Vec<_>>(), seqs, "in order");
    let deliveries = shown(&fleet.routers[1])["deliveries"].clone();
    let tellers: BTreeSet<String> =
        deliveries.as_array().expect("deliveries").iter().map(|each| each["router"].to_string()).collect();
    // A router that was held up for longer than its claim holds may tell what another told: at least once.
    assert!(receiver.told().len() == 8 || tellers.len() > 1, "{deliveries}");
}

#[test]
fn another_router_goes_on_when_the_one_that_tells_dies_or_ends() {
    let mut fleet = Fleet::start(Kind::Redis, 3);
    let mut receiver = Receiver::start();
    hook(&fleet.routers[0], &receiver, json!({ "events": ["set-sticky"] }));
    let mut seqs = Vec::new();
    for kill in [true, false] {
        let name = sender(&fleet.routers[0]);
        let index = fleet.routers.iter().position(|router| {
            let shown = crate::routers::fleet(router);
            let members = shown["members"].as_array().cloned().unwrap_or_default();
            members.iter().any(|member| member["own"] == true && member["name"] == name.as_str())
        });
        let mut gone = fleet.routers.remove(index.expect("it is one of the fleet"));
        if kill {
            gone.kill();
        } else {
            gone.terminate();
            assert_eq!(gone.exit_code(), Some(0));
        }
        seqs.push(turn(&fleet.routers[0], !kill));
        let wanted = seqs[seqs.len() - 1];
        receiver.wait_for("the change", |told| told.iter().any(|told| told.what().1 == wanted));
        in_the_end("another tells", || sender(&fleet.routers[0]) != name);
    }
    assert_eq!(receiver.events().iter().map(|(_, seq)| *seq).collect::<Vec<_>>(), seqs);
}

#[test]
fn a_store_that_is_down_is_told_by_each_router_and_so_is_its_return() {
    let mut fleet = Fleet::start(Kind::Redis, 2);
    let mut receiver = Receiver::start();
    hook(&fleet.routers[0], &receiver, json!({ "events": ["store-stale"] }));
    in_the_end("both know the hook", || {
        fleet.routers.iter().all(|router| call(router, "GET", "/chat", None).status() == 200)
    });
    fleet.server.kill();
    let about = |told: &[support::receiver::HookCall], standing: bool, name: &str| {
        told.iter().any(|told| {
            told.body["standing"] == standing
                && told.body["text"].as_str().unwrap_or_default().starts_with(name)
        })
    };
    receiver.wait_for("both miss it", |told| about(told, true, "r1 ") && about(told, true, "r2 "));
    fleet.server.restart();
    receiver.wait_for("both have it again", |told| about(told, false, "r1 ") && about(told, false, "r2 "));
}

#[test]
fn a_member_that_died_is_told() {
    let mut fleet = Fleet::start(Kind::Redis, 2);
    let mut receiver = Receiver::start();
    hook(&fleet.routers[0], &receiver, json!({ "events": ["member-silent"] }));
    fleet.routers[1].kill();
    let told = receiver.wait_for("it is silent", |told| !told.is_empty());
    let text = told[0].body["text"].as_str().unwrap_or_default();
    assert!(text.starts_with("r2 is not heard from"), "{text}");
}
