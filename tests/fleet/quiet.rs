//! An idle fleet: what it writes into a store that keeps each write, and what its members know of each other all the same.

use std::time::Duration;

use keyvalues::{Write, open};
use serde_json::Value;

use crate::routers::{Fleet, fleet};
use crate::server::{Kind, Server};
use support::clock::within;
use support::{Router, eventually, router};

/// How long an idle fleet is looked at.
const LOOKED_AT: Duration = Duration::from_secs(15);
/// For so long nobody writes when a fleet has come to rest.
const REST: Duration = Duration::from_secs(4);

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
