//! The conformance suite against the store that a real router serves.

use async_trait::async_trait;
use keyvalues::{
    Store,
    conformance::{self, Report},
};
use std::net::SocketAddr;
use std::sync::Arc;
use support::servers::shared::{OneServer, ServerAccess};
use support::{router, router::token};

/// The admin port of a router.
#[derive(Clone, Copy)]
struct Admin {
    address: SocketAddr,
    prefixed: bool,
}

#[async_trait]
impl ServerAccess for Admin {
    const FOREIGN: bool = false;

    async fn open(&self, prefix: &str) -> Arc<dyn Store> {
        let address = format!("http://:{}@{}?prefix={prefix}", token("admin"), self.address);
        keyvalues::open(&address).await.expect("the router serves its store")
    }

    fn prefix(&self, case: usize) -> String {
        if self.prefixed { format!("case{case}:") } else { String::new() }
    }
}

/// Cases that push everybody's changes out of the one log, and those that fill a limit and leave no room for a prefix.
const ALONE: [&str; 2] = ["a_watch_from_compacted_history_resyncs", "a_slow_watch_leaves_nothing_out"];
const FULL: [&str; 2] = ["the_longest_key_is_taken", "more_bytes_than_a_commit_carries_are_refused"];

fn assert_passed(report: &Report, least: usize) {
    assert!(report.failed.is_empty(), "{:#?}", report.failed);
    assert!(report.passed.len() >= least, "only {} cases ran", report.passed.len());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_store_that_a_router_serves_conforms() {
    let serving = router().durable().start();
    let backend = OneServer::new(Admin { address: serving.admin, prefixed: true });
    let together = |name: &str| !ALONE.contains(&name) && !FULL.contains(&name);
    assert_passed(&conformance::run(&backend, together, 4).await, 95);
    assert_passed(&conformance::run(&backend, |name| ALONE.contains(&name), 1).await, ALONE.len());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_limits_through_a_router_are_those_of_any_store() {
    let serving = router().durable().start();
    let backend = OneServer::new(Admin { address: serving.admin, prefixed: false });
    assert_passed(&conformance::run(&backend, |name| FULL.contains(&name), 1).await, FULL.len());
}
