//! A store of the size that a large fleet has: a change costs what it changes, not what there is.

use std::{
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering::Relaxed},
    },
    time::Duration,
};

use async_trait::async_trait;
use futures_util::future::join_all;
use keyvalues::{
    Capabilities, Check, Entry, Epoch, Key, Lease, Listing, Memory, Outcome, Revision, Store, StoreError,
    Watch, Write,
};
use reqwest::{Method, StatusCode};
use serde_json::{Value, json};

use super::{Bench, eventually};
use crate::clock::Clock;

const RELEASES: usize = 100;
const ENDPOINTS: usize = 100;
const CHANGES: usize = 300;

/// A store that counts how often it is read, and how many keys that gave.
#[derive(Debug, Default)]
struct CountingStore {
    inner: Memory,
    reads: AtomicUsize,
    keys: AtomicUsize,
}

#[async_trait]
impl Store for CountingStore {
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
        let listing = self.inner.list(prefixes).await?;
        self.keys.fetch_add(listing.entries.len(), Relaxed);
        Ok(listing)
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

/// Apps by number, each with a stable release of one endpoint, as an old script leaves them.
async fn fill_with_apps(store: &CountingStore, apps: usize) {
    for app in 0..apps {
        let release = format!("apps/app{app}-1-80/containers");
        let writes = [
            (format!("rolling/app{app}/stable/id"), release.clone()),
            (format!("{release}/c1"), "10.0.0.1:80".to_owned()),
        ];
        let writes = writes.map(|(key, value)| Write::put(key.parse().unwrap(), value));
        store.commit(Vec::new(), writes.into()).await.unwrap();
    }
}

async fn fill(store: &CountingStore) {
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
    let store = Arc::new(CountingStore::default());
    fill(&store).await;
    let bench =
        Bench::on(Arc::<CountingStore>::clone(&store), None, Clock::system()).await.with_stable().await;
    let before = store.reads.load(Relaxed);
    for number in 0..CHANGES {
        let (release, endpoint) = (number % RELEASES, number % ENDPOINTS);
        bench
            .write_in_store(
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

/// One change made every app be looked at, and every key be copied.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn many_writers_among_hundreds_of_apps_change_only_what_they_write() {
    let store = Arc::new(CountingStore::default());
    fill_with_apps(&store, 300).await;
    let bench = Bench::on(Arc::<CountingStore>::clone(&store), None, Clock::system()).await;
    let (before, reads) = (bench.live.load_full(), store.keys.load(Relaxed));
    assert_eq!(before.table.apps.len(), 300);
    let name = |writer: usize, change: usize| format!("app{}", writer * 60 + change);
    let write = async |writer| {
        for change in 0..50 {
            let name = name(writer, change);
            let (status, text) = bench.kv(&format!("apps/{name}-1-80/containers/c2"), "10.0.0.2:80").await;
            assert_eq!(status, StatusCode::OK, "{text}");
            let published = bench.live.load_full();
            let endpoints = &published.table.apps[name.as_str()].releases[0].endpoints;
            assert_eq!(endpoints.len(), 2, "{name}: an answered write is served");
        }
    };
    join_all((0..4).map(write)).await;
    let read = (store.keys.load(Relaxed) - reads) / 200;
    assert!(
        read < 12,
        "{read} keys were read for one that was written: more than its release's and its app's"
    );
    let after = bench.live.load_full();
    let written: Vec<String> =
        (0..4).flat_map(|writer| (0..50).map(move |change| name(writer, change))).collect();
    for (app, routes) in after.table.apps.iter() {
        let shared = Arc::ptr_eq(routes, &before.table.apps[app]);
        assert_eq!(shared, !written.iter().any(|name| name == app.as_str()), "{app}");
    }
}

/// Whoever named a release by its short name had every endpoint of every app read from the store. That is still the way
/// of a router that is behind, so the best of several tries counts.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_short_name_is_found_without_reading_the_endpoints_of_all_releases() {
    let store = Arc::new(CountingStore::default());
    fill(&store).await;
    let bench =
        Bench::on(Arc::<CountingStore>::clone(&store), None, Clock::system()).await.with_stable().await;
    let set = async |id: String, body: Value| {
        let before = store.keys.load(Relaxed);
        let state = bench.ok(Method::PUT, "/api/v1/apps/shop/candidate", body).await;
        assert_eq!(state["candidate"]["id"], id);
        store.keys.load(Relaxed) - before
    };
    let (mut known, mut new) = (usize::MAX, usize::MAX);
    for number in 0..5 {
        let id = format!("apps/app-r{number}-80/containers");
        known = known.min(set(id, json!({ "release": format!("r{number}") })).await);
        let id = format!("apps/shop-new{number}-80/containers");
        let body = json!({ "release": format!("new{number}"), "endpoints": ["127.0.0.1:9002"] });
        new = new.min(set(id, body).await);
    }
    assert!(known < ENDPOINTS + 50, "{known} keys were read: more than the app's own and the release's");
    assert!(new < 50, "{new} keys were read: more than the app's own");
}
