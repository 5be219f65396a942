//! The conformance suite against the store that a real router serves.

use crate::support::{Router, router, router::token};
use async_trait::async_trait;
use keyvalues::{
    Store, VALUE_BYTES_MAX, Write,
    conformance::{self, Backend, Report, Subject},
};
use std::sync::{
    Arc,
    atomic::{AtomicUsize, Ordering::Relaxed},
};

/// A router whose store is in a file, and clients of its admin port.
struct Serving {
    router: Router,
    subjects: AtomicUsize,
    prefixed: bool,
}

impl Serving {
    fn start(prefixed: bool) -> Self {
        Self { router: router().durable().start(), subjects: AtomicUsize::new(0), prefixed }
    }
}

/// One case's keys, told apart by what stands before them.
struct Prefixed {
    address: String,
    store: Arc<dyn Store>,
}

async fn open(address: &str) -> Arc<dyn Store> {
    keyvalues::open(address).await.expect("the router serves its store")
}

#[async_trait]
impl Backend for Serving {
    async fn subject(&self) -> Box<dyn Subject> {
        let number = self.subjects.fetch_add(1, Relaxed);
        let prefix = if self.prefixed { format!("case{number}:") } else { String::new() };
        let address = format!("http://:{}@{}?prefix={prefix}", token("admin"), self.router.admin);
        let store = open(&address).await;
        Box::new(Prefixed { address, store })
    }
}

#[async_trait]
impl Subject for Prefixed {
    fn store(&self) -> Arc<dyn Store> {
        Arc::clone(&self.store)
    }

    async fn second(&self) -> Arc<dyn Store> {
        open(&self.address).await
    }

    async fn reopen(&mut self) {
        self.store = open(&self.address).await;
    }

    async fn compact(&self) {
        let key: keyvalues::Key = "ballast".parse().expect("a valid key");
        for _ in 0..17 {
            let write = Write::put(key.clone(), vec![0; VALUE_BYTES_MAX]);
            self.store.commit(vec![], vec![write]).await.expect("it is written");
        }
    }
}

/// Cases that push everybody's changes out of the one log, and those that fill a limit and leave no room for a prefix.
const ALONE: [&str; 2] = ["a_watch_from_compacted_history_resyncs", "a_slow_watch_replays_or_resyncs"];
const FULL: [&str; 2] = ["the_longest_key_is_taken", "more_bytes_than_a_commit_carries_are_refused"];

fn judge(report: &Report, least: usize) {
    assert!(report.failed.is_empty(), "{:#?}", report.failed);
    assert!(report.passed.len() >= least, "only {} cases ran", report.passed.len());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_store_that_a_router_serves_conforms() {
    let serving = Serving::start(true);
    let together = |name: &str| !ALONE.contains(&name) && !FULL.contains(&name);
    judge(&conformance::run(&serving, together, 4).await, 95);
    judge(&conformance::run(&serving, |name| ALONE.contains(&name), 1).await, ALONE.len());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_limits_through_a_router_are_those_of_any_store() {
    judge(&conformance::run(&Serving::start(false), |name| FULL.contains(&name), 1).await, FULL.len());
}
