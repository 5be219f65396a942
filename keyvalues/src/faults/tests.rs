//! Each fault does what it says, and only while it is on.

use std::{sync::Arc, time::Duration};

use async_trait::async_trait;
use bytes::Bytes;

use super::{AnswerLoss, Disorder, FaultyStore};
use crate::{
    backends::memory::Memory,
    conformance::{self, Backend, Subject},
    contract::{Batch, Outcome, Revision, Store, StoreError, Watch, WatchItem, Write},
    key::Key,
};

fn key(text: &str) -> Key {
    Key::new(text).unwrap()
}

fn put(name: &str, value: &str) -> Vec<Write> {
    vec![Write::put(key(name), value.to_owned())]
}

async fn value(store: &dyn Store, name: &str) -> Option<Bytes> {
    store.get(&key(name)).await.unwrap().map(|entry| entry.value)
}

async fn revision_of(watch: &mut dyn Watch) -> Revision {
    loop {
        match watch.next().await.unwrap() {
            WatchItem::Batch(Batch { revision, .. }) => return revision,
            WatchItem::Progress(_) => {}
            WatchItem::Resync => panic!("resync"),
        }
    }
}

#[tokio::test]
async fn a_lost_answer_is_unknown_whether_it_was_written_or_not() {
    let (store, faults) = FaultyStore::new(Arc::new(Memory::new()));
    faults.lose_answers(AnswerLoss::AfterWriting, 1);
    assert!(matches!(store.commit(vec![], put("a", "1")).await, Ok(Outcome::Unknown(_))));
    assert_eq!(value(&*store, "a").await.as_deref(), Some(&b"1"[..]));
    faults.lose_answers(AnswerLoss::BeforeWriting, 2);
    for _ in 0..2 {
        assert!(matches!(store.commit(vec![], put("b", "1")).await, Ok(Outcome::Unknown(_))));
    }
    assert_eq!(value(&*store, "b").await, None);
    assert_eq!(store.commit(vec![], put("b", "1")).await.unwrap(), Outcome::Done(2));
}

#[tokio::test]
async fn a_refusing_store_is_unreachable_for_everything_and_heals() {
    let (store, faults) = FaultyStore::new(Arc::new(Memory::new()));
    let lease = store.lease(Duration::from_secs(9)).await.unwrap();
    let mut watch = store.watch(&[""], 0).await.unwrap();
    faults.refuse(true);
    assert!(matches!(watch.next().await, Err(StoreError::Unreachable(_))));
    assert!(matches!(store.get(&key("a")).await, Err(StoreError::Unreachable(_))));
    assert!(matches!(store.commit(vec![], put("a", "1")).await, Err(StoreError::Unreachable(_))));
    assert!(matches!(lease.keep_alive().await, Err(StoreError::Unreachable(_))));
    faults.heal();
    assert!(matches!(watch.next().await, Err(StoreError::Unreachable(_))), "a cut watch stays cut");
    assert_eq!(store.commit(vec![], put("a", "1")).await.unwrap(), Outcome::Done(1));
    lease.keep_alive().await.unwrap();
}

#[tokio::test(start_paused = true)]
async fn a_delay_holds_back_answers_and_watch_items() {
    let (store, faults) = FaultyStore::new(Arc::new(Memory::new()));
    let mut watch = store.watch(&[""], 0).await.unwrap();
    faults.delay(Duration::from_millis(500));
    let begun = tokio::time::Instant::now();
    store.commit(vec![], put("a", "1")).await.unwrap();
    assert_eq!(begun.elapsed(), Duration::from_millis(500));
    // A cancelled wait must not lose what is on its way.
    let early = tokio::time::timeout(Duration::from_millis(100), watch.next()).await;
    assert!(early.is_err());
    assert_eq!(revision_of(&mut *watch).await, 1);
    assert!(begun.elapsed() >= Duration::from_millis(1_000));
}

#[tokio::test]
async fn batches_are_swapped_dropped_and_doubled_once() {
    let (store, faults) = FaultyStore::new(Arc::new(Memory::new()));
    let mut watch = store.watch(&[""], 0).await.unwrap();
    let mut expect = async |disorder, revisions: &[Revision]| {
        faults.disorder(disorder);
        for _ in 0..2 {
            store.commit(vec![], put("a", "1")).await.unwrap();
        }
        for revision in revisions {
            assert_eq!(revision_of(&mut *watch).await, *revision);
        }
    };
    expect(Disorder::Swapped, &[2, 1]).await;
    expect(Disorder::Dropped, &[4]).await;
    expect(Disorder::Doubled, &[5, 5, 6]).await;
}

#[tokio::test]
async fn an_old_view_and_garbage_are_shown_until_healed() {
    let (store, faults) = FaultyStore::new(Arc::new(Memory::new()));
    store.commit(vec![], put("a", "old")).await.unwrap();
    faults.hold_view().await.unwrap();
    store.commit(vec![], put("a", "new")).await.unwrap();
    assert_eq!(value(&*store, "a").await.as_deref(), Some(&b"old"[..]));
    assert_eq!(store.list(&["a"]).await.unwrap().revision, 1);
    faults.garble(key("a"), vec![0xff]);
    assert_eq!(value(&*store, "a").await.as_deref(), Some(&[0xff][..]));
    faults.heal();
    assert_eq!(value(&*store, "a").await.as_deref(), Some(&b"new"[..]));
}

#[tokio::test(start_paused = true)]
async fn silenced_watches_say_nothing_and_go_on_where_they_were() {
    let (store, faults) = FaultyStore::new(Arc::new(Memory::new()));
    let mut watch = store.watch(&[""], 0).await.unwrap();
    faults.silence_watches(true);
    store.commit(vec![], put("a", "1")).await.unwrap();
    assert!(tokio::time::timeout(Duration::from_secs(10), watch.next()).await.is_err());
    faults.heal();
    assert_eq!(revision_of(&mut *watch).await, 1);
}

#[tokio::test]
async fn a_full_disk_refuses_commits_only_and_a_replaced_store_is_another_epoch() {
    let (store, faults) = FaultyStore::new(Arc::new(Memory::new()));
    faults.fail_commits(Some(StoreError::Disk("full".into())));
    assert!(matches!(store.commit(vec![], put("a", "1")).await, Err(StoreError::Disk(_))));
    assert_eq!(value(&*store, "a").await, None);
    let before = store.epoch().await.unwrap();
    faults.replace(Arc::new(Memory::new()));
    assert_ne!(store.epoch().await.unwrap(), before);
}

struct Healthy;
struct WrappedStore(Arc<FaultyStore>);

#[async_trait]
impl Backend for Healthy {
    async fn subject(&self) -> Box<dyn Subject> {
        Box::new(WrappedStore(FaultyStore::new(Arc::new(Memory::new())).0))
    }
}

#[async_trait]
impl Subject for WrappedStore {
    fn store(&self) -> Arc<dyn Store> {
        Arc::<FaultyStore>::clone(&self.0)
    }

    async fn compact(&self) {
        for _ in 0..17 {
            let ballast = Write::put(key("ballast"), vec![0; crate::VALUE_BYTES_MAX]);
            self.0.commit(vec![], vec![ballast]).await.unwrap();
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn without_a_fault_it_conforms() {
    let report = conformance::run(&Healthy, |_| true, 8).await;
    assert_eq!(report.failed, []);
}
