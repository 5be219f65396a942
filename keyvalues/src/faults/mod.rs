//! A store that misbehaves on command, around any other store.
//!
//! Every fault is switched by a [`Faults`] handle and acts on the next operation, so a test says exactly what
//! breaks and when; nothing is random. Healthy, the wrapper passes everything through and conforms like the store
//! inside. Delays are tokio's time, so a paused clock makes them free.

#[cfg(test)]
mod tests;
mod watch;

use std::{
    collections::BTreeMap,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use async_trait::async_trait;
use bytes::Bytes;
use tokio::sync::watch as signal;

use self::watch::FaultyWatch;
use crate::{
    Capabilities, Check, Entry, Epoch, Event, Key, Lease, LeaseId, Listing, Outcome, Revision, Store,
    StoreError, Watch, WatchItem, Write,
};

/// The wrapper.
#[derive(Debug)]
pub struct Faulty {
    faults: Faults,
}

/// Steers a [`Faulty`] store. Cheap to clone.
#[derive(Debug, Clone)]
pub struct Faults {
    state: Arc<Mutex<State>>,
    cut: Arc<signal::Sender<u64>>,
}

/// When a commit's answer gets lost.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Lost {
    /// The request never arrived: nothing is written.
    BeforeWriting,
    /// The answer never arrived: everything is written.
    AfterWriting,
}

/// What the next batch of every watch suffers.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Disorder {
    /// It comes after the one that follows it.
    Swapped,
    /// It never comes.
    Dropped,
    /// It comes twice.
    Doubled,
}

#[derive(Debug)]
struct State {
    inner: Arc<dyn Store>,
    delay: Duration,
    refusing: bool,
    silent: bool,
    commit_error: Option<StoreError>,
    lost: Option<(Lost, usize)>,
    old_view: Option<Listing>,
    garbage: BTreeMap<Key, Bytes>,
    disorder: Option<Disorder>,
}

impl Faulty {
    /// Wraps a store; no fault is on.
    pub fn new(inner: Arc<dyn Store>) -> (Arc<Self>, Faults) {
        let state = State {
            inner,
            delay: Duration::ZERO,
            refusing: false,
            silent: false,
            commit_error: None,
            lost: None,
            old_view: None,
            garbage: BTreeMap::new(),
            disorder: None,
        };
        let faults = Faults { state: Arc::new(Mutex::new(state)), cut: Arc::new(signal::Sender::new(0)) };
        (Arc::new(Self { faults: faults.clone() }), faults)
    }
}

impl Faults {
    /// Every answer and every watch item comes this much later.
    pub fn delay(&self, by: Duration) {
        self.lock().delay = by;
    }

    /// The store is unreachable until told otherwise; running watches and leases feel it too.
    pub fn refuse(&self, refusing: bool) {
        self.lock().refusing = refusing;
        if refusing {
            self.cut_watches();
        }
    }

    /// Watches yield nothing, not even progress, as behind a network that swallows packets.
    pub fn silence_watches(&self, silent: bool) {
        self.lock().silent = silent;
        self.cut.send_modify(|_| {});
    }

    /// Every running watch ends with an error; new ones work.
    pub fn cut_watches(&self) {
        self.cut.send_modify(|generation| *generation += 1);
    }

    /// Commits fail with this error and write nothing; reads work.
    pub fn fail_commits(&self, error: Option<StoreError>) {
        self.lock().commit_error = error;
    }

    /// The next commits end as [`Outcome::Unknown`].
    pub fn lose_answers(&self, when: Lost, commits: usize) {
        self.lock().lost = (commits > 0).then_some((when, commits));
    }

    /// From now on reads show what the store holds at this moment, as a lagging replica would.
    pub async fn hold_view(&self) -> Result<(), StoreError> {
        let inner = self.inner();
        let listing = inner.list(&[""]).await?;
        self.lock().old_view = Some(listing);
        Ok(())
    }

    /// Reads and watches show these bytes under a key, if it exists.
    pub fn garble(&self, key: Key, value: impl Into<Bytes>) {
        self.lock().garbage.insert(key, value.into());
    }

    /// What the next batch of any watch suffers, once.
    pub fn disorder(&self, disorder: Disorder) {
        self.lock().disorder = Some(disorder);
    }

    /// Another store takes the place of the one inside: a restored backup, or an empty one. Watches are cut.
    pub fn replace(&self, inner: Arc<dyn Store>) {
        self.lock().inner = inner;
        self.cut_watches();
    }

    /// Ends every fault. A replaced store stays, and watches that were cut stay cut.
    pub fn heal(&self) {
        let mut state = self.lock();
        state.delay = Duration::ZERO;
        state.refusing = false;
        state.silent = false;
        state.commit_error = None;
        state.lost = None;
        state.old_view = None;
        state.garbage.clear();
        state.disorder = None;
        drop(state);
        self.cut.send_modify(|_| {});
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn inner(&self) -> Arc<dyn Store> {
        Arc::clone(&self.lock().inner)
    }

    /// The store inside, once the delay is over, unless the store is unreachable.
    async fn reach(&self) -> Result<Arc<dyn Store>, StoreError> {
        let delay = self.lock().delay;
        if !delay.is_zero() {
            tokio::time::sleep(delay).await;
        }
        self.connected()?;
        Ok(self.inner())
    }

    fn connected(&self) -> Result<(), StoreError> {
        if self.lock().refusing {
            return Err(StoreError::Unreachable("refused by a fault".into()));
        }
        Ok(())
    }

    fn take_lost(&self) -> Option<Lost> {
        let mut state = self.lock();
        let (when, left) = state.lost?;
        state.lost = (left > 1).then_some((when, left - 1));
        Some(when)
    }

    /// An entry as the faults let it be seen.
    fn shown(&self, mut entry: Entry) -> Entry {
        if let Some(garbage) = self.lock().garbage.get(&entry.key) {
            entry.value = garbage.clone();
        }
        entry
    }

    fn shown_item(&self, item: WatchItem) -> WatchItem {
        let WatchItem::Batch(mut batch) = item else { return item };
        for event in &mut batch.events {
            if let Event::Put(entry) = event {
                *entry = self.shown(entry.clone());
            }
        }
        WatchItem::Batch(batch)
    }
}

#[async_trait]
impl Store for Faulty {
    fn capabilities(&self) -> Capabilities {
        self.faults.inner().capabilities()
    }

    async fn epoch(&self) -> Result<Epoch, StoreError> {
        self.faults.reach().await?.epoch().await
    }

    async fn get(&self, key: &Key) -> Result<Option<Entry>, StoreError> {
        let inner = self.faults.reach().await?;
        let old = self.faults.lock().old_view.clone();
        let found = match old {
            Some(view) => view.entries.into_iter().find(|entry| entry.key == *key),
            None => inner.get(key).await?,
        };
        Ok(found.map(|entry| self.faults.shown(entry)))
    }

    async fn list(&self, prefixes: &[&str]) -> Result<Listing, StoreError> {
        let inner = self.faults.reach().await?;
        let old = self.faults.lock().old_view.clone();
        let mut listing = match old {
            Some(mut view) => {
                let wanted = |key: &Key| prefixes.iter().any(|prefix| key.as_str().starts_with(prefix));
                view.entries.retain(|entry| wanted(&entry.key));
                view
            }
            None => inner.list(prefixes).await?,
        };
        listing.entries = listing.entries.into_iter().map(|entry| self.faults.shown(entry)).collect();
        Ok(listing)
    }

    async fn commit(&self, checks: Vec<Check>, writes: Vec<Write>) -> Result<Outcome, StoreError> {
        let inner = self.faults.reach().await?;
        if let Some(error) = self.faults.lock().commit_error.clone() {
            return Err(error);
        }
        let lost = self.faults.take_lost();
        if lost == Some(Lost::BeforeWriting) {
            return Ok(Outcome::Unknown("the request was lost by a fault".into()));
        }
        let outcome = inner.commit(checks, writes).await?;
        Ok(match lost {
            Some(_) => Outcome::Unknown("the answer was lost by a fault".into()),
            None => outcome,
        })
    }

    async fn watch(&self, prefixes: &[&str], after: Revision) -> Result<Box<dyn Watch>, StoreError> {
        let inner = self.faults.reach().await?.watch(prefixes, after).await?;
        Ok(Box::new(FaultyWatch::new(self.faults.clone(), inner)))
    }

    async fn lease(&self, ttl: Duration) -> Result<Box<dyn Lease>, StoreError> {
        let inner = self.faults.reach().await?.lease(ttl).await?;
        Ok(Box::new(FaultyLease { faults: self.faults.clone(), inner }))
    }
}

/// A lease that cannot be reached while the store cannot.
struct FaultyLease {
    faults: Faults,
    inner: Box<dyn Lease>,
}

#[async_trait]
impl Lease for FaultyLease {
    fn id(&self) -> LeaseId {
        self.inner.id()
    }

    async fn keep_alive(&self) -> Result<(), StoreError> {
        self.faults.reach().await?;
        self.inner.keep_alive().await
    }

    async fn revoke(self: Box<Self>) -> Result<(), StoreError> {
        self.faults.reach().await?;
        self.inner.revoke().await
    }
}
