//! An idle fleet: what it writes into a store that keeps each write, and what its members know of each other all the same.

use std::time::Duration;

use keyvalues::{Write, open};
use serde_json::{Value, json};

use crate::routers::{Fleet, alarms, fleet, member, seq};
use crate::server::{Kind, Server};
use support::clock::within;
use support::router::id;
use support::{Router, eventually, router};

/// How long an idle fleet is looked at.
const LOOKED_AT: Duration = Duration::from_secs(15);
/// For so long nobody writes when a fleet has come to rest.
const REST: Duration = Duration::from_secs(4);

/// A lease ends after 6 s; etcd looks every half second, and a machine may be busy.
const NOTICED: Duration = Duration::from_secs(12);

/// Waits until the fleet has come to rest: its routers have told each other all there is.
fn rest(server: &Server) {
    eventually("nobody writes any more", || {
        let before = server.revision();
        !within(REST, || server.revision() != before)
    });
}

fn others(router: &Router) -> Vec<Value> {
    let fleet = fleet(router);
    fleet["members"]
        .as_array()
        .into_iter()
        .flatten()
        .filter(|member| member["own"] == false)
        .cloned()
        .collect()
}

fn kinds(router: &Router) -> Vec<String> {
    let fleet = fleet(router);
    let alarms = fleet["alarms"].as_array().into_iter().flatten();
    alarms.filter_map(|alarm| alarm["kind"].as_str().map(str::to_owned)).collect()
}

/// It wrote 60 revisions a minute, for ever, on an etcd that nobody compacts.
#[test]
fn an_idle_fleet_of_two_writes_at_most_twice_a_minute_and_knows_all_the_same() {
    let fleet = Fleet::start(Kind::Etcd, 2);
    rest(&fleet.server);
    let before = fleet.server.revision();
    let wrote = within(LOOKED_AT, || {
        for router in &fleet.routers {
            assert_eq!(kinds(router), Vec::<String>::new());
            for other in others(router) {
                assert_eq!(other["heard"], true, "{other}");
                assert!(other["silent_seconds"].as_u64().is_some_and(|silent| silent <= 6), "{other}");
                assert!(other["skew_ms"].as_i64().is_some_and(|skew| skew.abs() < 5_000), "{other}");
            }
        }
        // Each may say once in 90 seconds that it is there.
        fleet.server.revision() > before + 2
    });
    assert!(!wrote, "{} revisions within {LOOKED_AT:?}", fleet.server.revision() - before);
}

/// The members of a fleet at rest say nothing, and hear by their leases alone that they are there.
#[test]
fn a_fleet_at_rest_tells_of_changes_a_crash_and_a_newcomer_at_once() {
    let mut fleet = Fleet::start(Kind::Etcd, 2);
    rest(&fleet.server);
    for (at, path, body) in [
        (0, "candidate", json!({ "id": id("v2"), "blend": 50 })),
        (1, "blend", json!({ "percent": 20 })),
        (0, "settings", json!({ "pinseconds": 600 })),
    ] {
        let answer = fleet.command(at, "PUT", path, &body, "3s").expect(200).json();
        let applied = &answer["applied"];
        assert_eq!((&applied["members"], &applied["applied"]), (&json!(2), &json!(2)), "{path}: {applied}");
    }
    rest(&fleet.server);
    fleet.routers[1].kill();
    assert!(
        within(NOTICED, || alarms(&fleet.routers[0], "r2") == ["silent"]),
        "{:?}",
        kinds(&fleet.routers[0])
    );
    let answer = fleet.command(0, "PUT", "blend", &json!({ "percent": 30 }), "1s").expect(202).json();
    assert_eq!(answer["applied"]["missing"][0]["name"], "r2", "{answer}");
    fleet.join();
    let (first, third) = (&fleet.routers[0], &fleet.routers[2]);
    assert!(within(NOTICED, || member(first, "r3")["heard"] == true), "{}", member(first, "r3"));
    let known = || member(third, "r1");
    assert!(within(NOTICED, || known()["heard"] == true && known()["skew_ms"].is_number()), "{}", known());
    assert_eq!(seq(third), seq(first), "it serves what the others do");
}

/// More old revisions than people should let an etcd keep.
#[test]
fn a_history_that_nobody_compacts_is_an_alarm() {
    let server = Server::start(Kind::Etcd);
    write(&server, 20_200);
    let url = server.url(server.address);
    let start = || router().store(&url).stable("v1").start();
    let first = start();
    eventually("the alarm stands", || kinds(&first).contains(&"history".to_owned()));
    let said = fleet(&first)["alarms"][0]["message"].as_str().unwrap_or_default().to_owned();
    assert!(said.contains("auto-compaction"), "{said}");
    assert!(first.log().contains("--auto-compaction-retention"), "the log says it too");
    server.compact();
    let second = start();
    assert!(!within(Duration::from_secs(3), || kinds(&second).contains(&"history".to_owned())));
}

/// Writes one key so many times.
fn write(server: &Server, revisions: usize) {
    const AT_ONCE: usize = 64;
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build();
    runtime.expect("a runtime").block_on(async {
        let store = open(&server.url(server.address)).await.expect("it can be opened");
        let writers = (0..AT_ONCE).map(|writer| {
            let store = std::sync::Arc::clone(&store);
            tokio::spawn(async move {
                for _ in 0..revisions.div_ceil(AT_ONCE) {
                    let key = format!("elsewhere/{writer}").parse().expect("a key");
                    store.commit(Vec::new(), vec![Write::put(key, "x")]).await.expect("it is written");
                }
            })
        });
        for writer in writers.collect::<Vec<_>>() {
            writer.await.expect("it writes");
        }
    });
}
