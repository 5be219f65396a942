//! The words that cases are written in.

use std::{any::Any, collections::BTreeMap, future::Future, time::Duration};

use bytes::Bytes;

use crate::{
    contract::{Batch, Check, Entry, Event, Outcome, Revision, Store, Watch, WatchItem, Write},
    key::Key,
};

/// Longer than anything a case waits for, even on a busy machine.
pub(super) const PATIENCE: Duration = Duration::from_secs(180);

pub(super) fn key(text: &str) -> Key {
    Key::new(text).expect("cases use valid keys")
}

pub(super) fn put(name: &str, value: impl AsRef<[u8]>) -> Write {
    Write::put(key(name), Bytes::copy_from_slice(value.as_ref()))
}

pub(super) fn delete(name: &str) -> Write {
    Write::delete(key(name))
}

/// Commits and expects it done.
pub(super) async fn write(store: &dyn Store, writes: impl Into<Vec<Write>>) -> Revision {
    write_if(store, Vec::new(), writes).await
}

/// Commits under checks and expects it done.
pub(super) async fn write_if(
    store: &dyn Store,
    checks: Vec<Check>,
    writes: impl Into<Vec<Write>>,
) -> Revision {
    match store.commit(checks, writes.into()).await {
        Ok(Outcome::Done(revision)) => revision,
        other => panic!("expected a commit that is done, got {other:?}"),
    }
}

/// Commits and expects a conflict on this key.
pub(super) async fn refused(
    store: &dyn Store,
    checks: Vec<Check>,
    writes: impl Into<Vec<Write>>,
    name: &str,
) {
    let outcome = store.commit(checks, writes.into()).await.expect("a conflict is an answer");
    assert_eq!(outcome, Outcome::Conflict(key(name)));
}

pub(super) async fn read(store: &dyn Store, name: &str) -> Option<Entry> {
    store.get(&key(name)).await.expect("the store reads")
}

/// The value under a key that must exist.
pub(super) async fn value(store: &dyn Store, name: &str) -> Bytes {
    read(store, name).await.unwrap_or_else(|| panic!("{name} is missing")).value
}

/// The keys below some prefixes.
pub(super) async fn names(store: &dyn Store, prefixes: &[&str]) -> Vec<String> {
    let listing = store.list(prefixes).await.expect("the store lists");
    listing.entries.iter().map(|entry| entry.key.to_string()).collect()
}

pub(super) async fn head(store: &dyn Store) -> Revision {
    store.list(&[]).await.expect("the store lists").revision
}

pub(super) async fn watch(store: &dyn Store, prefixes: &[&str], after: Revision) -> Box<dyn Watch> {
    store.watch(prefixes, after).await.expect("the watch begins")
}

/// Waits, but not for ever.
pub(super) async fn soon<T>(what: &str, work: impl Future<Output = T>) -> T {
    tokio::time::timeout(PATIENCE, work).await.unwrap_or_else(|_| panic!("{what} did not come"))
}

pub(super) async fn next(watch: &mut dyn Watch) -> WatchItem {
    soon("a watch item", watch.next()).await.expect("the watch lives")
}

/// The next batch, past any progress.
pub(super) async fn batch(watch: &mut dyn Watch) -> Batch {
    loop {
        match next(watch).await {
            WatchItem::Batch(batch) => return batch,
            WatchItem::Progress(_) => {}
            WatchItem::Resync => panic!("expected a batch, got Resync"),
        }
    }
}

/// The next batch or, where history is gone, `None`.
pub(super) async fn batch_or_resync(watch: &mut dyn Watch) -> Option<Batch> {
    loop {
        match next(watch).await {
            WatchItem::Batch(batch) => return Some(batch),
            WatchItem::Progress(_) => {}
            WatchItem::Resync => return None,
        }
    }
}

/// Reads progress until it covers a revision, and fails on any change.
pub(super) async fn quiet_until(watch: &mut dyn Watch, revision: Revision) {
    loop {
        match next(watch).await {
            WatchItem::Progress(reached) if reached >= revision => return,
            WatchItem::Progress(_) => {}
            other => panic!("expected silence up to {revision}, got {other:?}"),
        }
    }
}

/// The one event of a batch.
pub(super) fn only_event(batch: Batch) -> Event {
    let [event] = <[Event; 1]>::try_from(batch.events).expect("one event");
    event
}

/// What a watch and a listing add up to: the contents as a follower knows them.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Follower {
    pub(super) entries: BTreeMap<Key, Entry>,
    pub(super) revision: Revision,
}

impl Follower {
    pub(super) async fn listed(store: &dyn Store, prefixes: &[&str]) -> Self {
        let listing = store.list(prefixes).await.expect("the store lists");
        let entries = listing.entries.into_iter().map(|entry| (entry.key.clone(), entry)).collect();
        Self { entries, revision: listing.revision }
    }

    /// Takes a batch, which must be later than everything before.
    pub(super) fn follow(&mut self, batch: Batch) {
        assert!(batch.revision > self.revision, "batch {} after {}", batch.revision, self.revision);
        assert!(!batch.events.is_empty(), "a batch without events");
        self.revision = batch.revision;
        for event in batch.events {
            match event {
                Event::Put(entry) => {
                    assert_eq!(entry.modified, batch.revision, "an event of another revision");
                    self.entries.insert(entry.key.clone(), entry);
                }
                Event::Deleted { key } => {
                    assert!(self.entries.remove(&key).is_some(), "{key} was deleted but never known");
                }
            }
        }
    }
}

/// Judges a promise of time on a machine that is busy with other tests: the best attempt keeps it with some room, since
/// a store that looks only every few seconds never does, and none is beyond all measure.
pub(super) fn usually_within(promise: Duration, mut took: Vec<Duration>) {
    took.sort_unstable();
    let (best, longest) = (took[0], took[took.len() - 1]);
    assert!(best <= 2 * promise && longest <= 20 * promise, "{promise:?} was promised, it took {took:?}");
}

/// What a panicked case said.
pub(super) fn panic_text(panic: Box<dyn Any + Send>) -> String {
    match panic.downcast::<String>() {
        Ok(text) => *text,
        Err(panic) => {
            panic.downcast::<&str>().map_or_else(|_| "a panic without words".into(), |text| (*text).into())
        }
    }
}
