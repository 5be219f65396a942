//! A store of the size that a large fleet has: a change costs what it changes, not what there is.

use std::{
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering::Relaxed},
    },
    time::Duration,
};

use async_trait::async_trait;
use keyvalues::{
    Capabilities, Check, Entry, Epoch, Key, Lease, Listing, Memory, Outcome, Revision, Store, StoreError,
    Watch, Write,
};
use reqwest::Method;
use serde_json::Value;

use super::{Bench, eventually};
use crate::clock::Clock;

const RELEASES: usize = 100;
const ENDPOINTS: usize = 100;
const CHANGES: usize = 300;

/// A store that counts how often it is read.
#[derive(Debug, Default)]
struct Counting {
    inner: Memory,
    reads: AtomicUsize,
}

#[async_trait]
impl Store for Counting {
    fn capabilities(&self) -> Capabilities {
        self.inner.capabilities()
    }

    async fn epoch(&self) -> Result<Epoch, StoreError> {
        self.inner.epoch().await
    }

    async fn get(&self, key: &Key) -> Result<Option<Entry>, StoreError> {
        self.reads.fetch_add(1, Relaxed);
        self.inner.get(key).await
    }

    async fn list(&self, prefixes: &[&str]) -> Result<Listing, StoreError> {
        self.reads.fetch_add(1, Relaxed);
        self.inner.list(prefixes).await
    }

    async fn commit(&self, checks: Vec<Check>, writes: Vec<Write>) -> Result<Outcome, StoreError> {
        self.inner.commit(checks, writes).await
    }

    async fn watch(&self, prefixes: &[&str], after: Revision) -> Result<Box<dyn Watch>, StoreError> {
        self.inner.watch(prefixes, after).await
    }

    async fn lease(&self, ttl: Duration) -> Result<Box<dyn Lease>, StoreError> {
        self.inner.lease(ttl).await
    }
}

async fn fill(store: &Counting) {
    for release in 0..RELEASES {
        let endpoint = |number| {
            let key = format!("apps/app-r{release}-80/containers/c{number}");
            Write::put(key.parse().unwrap(), format!("10.0.{release}.{number}:80"))
        };
        store.commit(Vec::new(), (0..ENDPOINTS).map(endpoint).collect()).await.unwrap();
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_change_among_ten_thousand_keys_rereads_nothing() {
    let store = Arc::new(Counting::default());
    fill(&store).await;
    let bench = Bench::on(Arc::<Counting>::clone(&store), None, Clock::system()).await.with_stable().await;
    let before = store.reads.load(Relaxed);
    for number in 0..CHANGES {
        let (release, endpoint) = (number % RELEASES, number % ENDPOINTS);
        bench
            .past(
                &format!("apps/app-r{release}-80/containers/c{endpoint}"),
                &format!("10.1.{release}.{endpoint}:81"),
            )
            .await;
    }
    let last = store.list(&[]).await.unwrap().revision;
    eventually("every change is taken", async || {
        let router = bench.ok(Method::GET, "/api/v1/router", Value::Null).await;
        router["store"]["revision"].as_u64() >= Some(last)
    })
    .await;
    assert_eq!(store.reads.load(Relaxed), before + 1, "the one read is this test's own");
}
