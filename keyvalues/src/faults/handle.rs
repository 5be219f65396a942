//! The handle that switches faults on and off.

use std::{collections::BTreeMap, sync::Arc, time::Duration};

use bytes::Bytes;
use parking_lot::{Mutex, MutexGuard};
use tokio::sync::watch as signal;

use crate::{
    contract::{Entry, Event, Listing, Store, StoreError, WatchItem},
    key::Key,
};

/// Steers a [`FaultyStore`] store. Cheap to clone.
#[derive(Debug, Clone)]
pub struct Faults {
    state: Arc<Mutex<State>>,
    pub(super) cut: Arc<signal::Sender<u64>>,
}

/// When a commit's answer gets lost.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum AnswerLoss {
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
pub(super) struct State {
    pub(super) inner: Arc<dyn Store>,
    pub(super) delay: Duration,
    pub(super) refusing: bool,
    pub(super) silent: bool,
    pub(super) commit_error: Option<StoreError>,
    pub(super) lost: Option<(AnswerLoss, usize)>,
    pub(super) old_view: Option<Listing>,
    pub(super) garbage: BTreeMap<Key, Bytes>,
    pub(super) disorder: Option<Disorder>,
}

impl Faults {
    /// Faults around a store, none of them on.
    pub(super) fn around(inner: Arc<dyn Store>) -> Self {
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
        Self { state: Arc::new(Mutex::new(state)), cut: Arc::new(signal::Sender::new(0)) }
    }

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

    /// The next commits end as [`Outcome::Unknown`](crate::Outcome::Unknown).
    pub fn lose_answers(&self, when: AnswerLoss, commits: usize) {
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

    pub(super) fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock()
    }

    pub(super) fn inner(&self) -> Arc<dyn Store> {
        Arc::clone(&self.lock().inner)
    }

    /// The store inside, once the delay is over, unless the store is unreachable.
    pub(super) async fn reach(&self) -> Result<Arc<dyn Store>, StoreError> {
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

    pub(super) fn take_lost(&self) -> Option<AnswerLoss> {
        let mut state = self.lock();
        let (when, left) = state.lost?;
        state.lost = (left > 1).then_some((when, left - 1));
        Some(when)
    }

    /// An entry as the faults let it be seen.
    pub(super) fn shown(&self, mut entry: Entry) -> Entry {
        if let Some(garbage) = self.lock().garbage.get(&entry.key) {
            entry.value = garbage.clone();
        }
        entry
    }

    pub(super) fn shown_item(&self, item: WatchItem) -> WatchItem {
        let WatchItem::Batch(mut batch) = item else { return item };
        for event in &mut batch.events {
            if let Event::Put(entry) = event {
                *entry = self.shown(entry.clone());
            }
        }
        WatchItem::Batch(batch)
    }
}
