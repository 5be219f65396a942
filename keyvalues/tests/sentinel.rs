//! The Redis backend behind real Sentinels: it follows the primary, whether that dies or hands over.

#![cfg(feature = "redis")]
#![allow(clippy::unwrap_used, reason = "the helpers of a test panic like the test itself")]

use std::sync::Arc;

use keyvalues::{OpenError, Outcome, Redis, Store, StoreError, Watch, WatchItem, Write, open};
use support::servers::{self, eventually, sentinel::WatchedRedis};

fn put(value: &str) -> Vec<Write> {
    vec![Write::put(servers::key("a"), value.to_owned())]
}

async fn started() -> WatchedRedis {
    tokio::task::spawn_blocking(WatchedRedis::start).await.unwrap()
}

/// Commits until it is done, as a router does; the revision.
async fn commit(store: &Arc<dyn Store>, value: &str) -> u64 {
    let mut done = 0;
    eventually("a commit", async || match store.commit(vec![], put(value)).await {
        Ok(Outcome::Done(revision)) => {
            done = revision;
            true
        }
        _ => false,
    })
    .await;
    done
}

/// Follows the store as a router does, from a revision up to a value.
async fn follow(store: &Arc<dyn Store>, after: u64, wanted: &str) {
    let mut watch: Option<Box<dyn Watch>> = None;
    let mut after = after;
    eventually("the watch tells", async || {
        if watch.is_none() {
            watch = store.watch(&[""], after).await.ok();
        }
        let Some(open) = &mut watch else { return false };
        match open.next().await {
            Ok(WatchItem::Batch(batch)) => {
                assert_eq!(batch.revision, after + 1, "none left out, none twice");
                after = batch.revision;
                let value = batch.events.iter().find_map(|event| match event {
                    keyvalues::Event::Put(entry) => Some(entry.value.to_vec()),
                    keyvalues::Event::Deleted { .. } => None,
                });
                value.as_deref() == Some(wanted.as_bytes())
            }
            Ok(WatchItem::Progress(_)) => false,
            Ok(WatchItem::Resync) => panic!("the replica had everything"),
            Err(_) => {
                watch = None;
                false
            }
        }
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_primary_that_dies_is_followed_to_the_replica_and_nothing_is_lost() {
    let mut redis = started().await;
    let store = open(&redis.url()).await.unwrap();
    let epoch = store.epoch().await.unwrap();
    let first = commit(&store, "1").await;
    let (old, replica) = (redis.servers[0].ports[0], redis.servers[1].ports[0]);
    assert_eq!(redis.primary(), Some(old));
    // What is written after it cannot be there before it.
    let raw = redis::Client::open(format!("redis://127.0.0.1:{old}/1")).unwrap();
    let mut connection = raw.get_multiplexed_async_connection().await.unwrap();
    redis::cmd("SET").arg("later").arg(1).query_async::<()>(&mut connection).await.unwrap();
    let there: u32 = redis::cmd("WAIT").arg(1).arg(4_000).query_async(&mut connection).await.unwrap();
    assert_eq!(there, 1, "the replica has it");
    redis.servers[0].kill();
    let second = commit(&store, "2").await;
    assert_eq!(redis.primary(), Some(replica));
    assert_eq!(store.epoch().await.unwrap(), epoch, "it is the same store");
    assert!(second > first);
    follow(&store, first, "2").await;

    // The old one comes back as a replica, and is led to by nobody.
    redis.servers[0].restart();
    let third = commit(&store, "3").await;
    assert!(third > second);
    assert_eq!(redis.primary(), Some(replica));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_primary_that_hands_over_is_left_though_it_lives() {
    let redis = started().await;
    let store = open(&redis.url()).await.unwrap();
    let first = commit(&store, "1").await;
    let replica = redis.servers[1].ports[0];
    let redis = tokio::task::spawn_blocking(move || {
        redis.hand_over();
        redis
    })
    .await
    .unwrap();
    eventually("the replica is the primary", async || redis.primary() == Some(replica)).await;
    commit(&store, "2").await;
    follow(&store, first, "2").await;
    assert_eq!(servers::sentinel::ask(replica, "GET a").lines().nth(1), Some("2"), "it stands there");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_unknown_name_and_lost_sentinels_are_said_so() {
    let mut redis = started().await;
    let url = redis.url();
    let unknown = open(&url.replace("/releases", "/elsewhere")).await.unwrap_err();
    assert!(format!("{unknown:?}").contains("no primary called `elsewhere`"), "{unknown:?}");
    // One of three is enough to be told.
    redis.sentinels.truncate(1);
    let store = open(&url).await.unwrap();
    commit(&store, "1").await;
    redis.sentinels.clear();
    // Whoever is connected goes on.
    commit(&store, "2").await;
    let lost = open(&url).await;
    assert!(matches!(lost, Err(OpenError::Store(StoreError::Unreachable(_)))), "{lost:?}");
}

#[tokio::test]
async fn an_address_that_is_not_understood_is_refused_before_anything_is_opened() {
    for address in ["//h", "//h/", "//h,i/name/x", "//h/name?prefx=a", "//h/name?replicas=many", "h"] {
        let refused = Redis::open_watched(address, false).await;
        assert!(matches!(refused, Err(OpenError::Address(_))), "{address}: {refused:?}");
    }
    let several = Redis::open("//h,i", false).await.unwrap_err().to_string();
    assert!(several.contains("redis+sentinel://"), "{several}");
}
