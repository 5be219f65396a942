//! Copies a followed server into this router's own store: a server that has keys and values and no commits
//! (docs/design.md section 9).
//!
//! Changes are copied in the order in which they were written. From there on nothing is special: record, tenures,
//! history and pin keys are kept in the router's own store, and what a script wrote at the server is adopted like any
//! raw write. Each copied value is remembered, so that only what changes at the server is copied again: a restart
//! does not bring back what the record has left behind since.

use std::{collections::BTreeMap, convert::Infallible, sync::Arc};

use bytes::Bytes;
use keyvalues::{Batch, Event, Key, Listing, Outcome, Store, StoreError, WatchItem, Write};
use tokio::time::{sleep, timeout};

use super::{interruption::Interruption, watch_reader::silent_watch};
use crate::{
    control::{
        commands::recovery::order,
        limits::WATCH_SILENCE_MAX,
        shared::{
            backoff::Backoff,
            core::Core,
            error::{ApiError, Kind},
            secrets::board::SecretsBoard,
            settlement::{Decision, SettlementCounts},
            store::StoreHandle,
        },
    },
    rollout::keys::{self, Meaning},
};

/// Where copied values are remembered: each copied key below this prefix, with its value at the server.
const COPIES: &str = "rolling/router/followed/";

/// Copied keys of one commit: each is two writes, and a third if its deletion is an order.
const COPIES_PER_COMMIT: usize = 33;

/// A key and its value at the server; `None`: it was deleted there.
type Change = (String, Option<Bytes>);

/// The task that copies.
pub struct SourceCopier {
    core: Core,
    /// The followed server.
    source: StoreHandle,
    /// Every copied key with its value; none before that was read from the own store.
    copied: Option<BTreeMap<String, Bytes>>,
    /// The server has lost all its keys, and nobody has accepted that.
    has_alarm: bool,
    /// An operator accepted what the server lost, so deletions are orders.
    is_accepted: bool,
    /// The server was read since the last attempt.
    progressed: bool,
}

impl SourceCopier {
    pub fn new(core: Core, source: Arc<dyn Store>) -> Self {
        Self {
            core,
            source: StoreHandle::new(source, SecretsBoard::none()),
            copied: None,
            has_alarm: false,
            is_accepted: false,
            progressed: false,
        }
    }

    /// Copies what there is, so that the first table is built from it. If the server does not answer now,
    /// [`SourceCopier::run`] waits for it.
    pub async fn begin(&mut self) {
        if let Err(interruption) = self.copy_all().await {
            self.report(&interruption);
        }
    }

    /// Copies every change from now on.
    pub async fn run(mut self) {
        let mut backoff = Backoff::default();
        loop {
            let interruption = match self.follow().await {
                Ok(never) => match never {},
                Err(interruption) => interruption,
            };
            if std::mem::take(&mut self.progressed) {
                backoff.reset();
            }
            self.report(&interruption);
            sleep(backoff.next_pause()).await;
        }
    }

    fn report(&self, interruption: &Interruption) {
        let status = &self.core.replica.status;
        match interruption {
            Interruption::Resync => {}
            Interruption::Store(error) => {
                if status.down().is_none() {
                    tracing::warn!(%error, "the followed server cannot be read; its last copy is served on");
                }
                status.source_down(error.to_string());
            }
            Interruption::Diverged(why) => {
                if status.diverged().is_none() {
                    tracing::error!("{why}; the last copy is served on");
                }
                status.source_diverged(why.clone());
            }
        }
    }

    async fn follow(&mut self) -> Result<Infallible, Interruption> {
        let revision = self.copy_all().await?;
        let mut watch = self.source.watch(&[keys::APPS, keys::ROLLING], revision).await?;
        loop {
            match timeout(WATCH_SILENCE_MAX, watch.next()).await.map_err(|_| silent_watch())?? {
                WatchItem::Resync => return Err(Interruption::Resync),
                WatchItem::Progress(_) => {}
                WatchItem::Batch(batch) => self.copy(changes(batch)).await?,
            }
            self.confirm();
        }
    }

    fn confirm(&mut self) {
        self.progressed = true;
        self.core.replica.status.source_confirmed();
    }

    /// Copies whatever differs from what was copied last.
    async fn copy_all(&mut self) -> Result<u64, Interruption> {
        let listing = self.source.list(&[keys::APPS, keys::ROLLING]).await?;
        self.load_copied().await?;
        let copied = self.copied.iter().flatten();
        let mut changes: Vec<Change> = copied.map(|(key, _)| (key.clone(), None)).collect();
        let followed = followed_entries(&listing);
        changes.retain(|(key, _)| followed.binary_search_by(|(known, _)| known.cmp(key)).is_err());
        let known = self.copied.clone().unwrap_or_default();
        changes.extend(followed.into_iter().filter(|(key, value)| known.get(key) != value.as_ref()));
        self.copy(changes).await?;
        self.confirm();
        Ok(listing.revision)
    }

    /// Reads what this or an earlier process copied, once.
    async fn load_copied(&mut self) -> Result<(), StoreError> {
        if self.copied.is_none() {
            let listing = self.core.store.list(&[COPIES]).await?;
            let short = |key: &str| key.strip_prefix(COPIES).map(str::to_owned);
            let entries = listing.entries.iter();
            let copies = entries.filter_map(|entry| Some((short(entry.key.as_str())?, entry.value.clone())));
            self.copied = Some(copies.collect());
        }
        Ok(())
    }

    async fn copy(&mut self, changes: Vec<Change>) -> Result<(), Interruption> {
        self.refuse_loss(&changes)?;
        // Whoever writes a candidate and a blend means the blend for that candidate, so the blend is copied after it,
        // also when both are read at once.
        let (blends, others): (Vec<Change>, Vec<Change>) = changes
            .into_iter()
            .partition(|(key, _)| matches!(keys::meaning(key), Some(Meaning::BlendPercent(_))));
        for changes in others.chunks(COPIES_PER_COMMIT).chain(blends.chunks(COPIES_PER_COMMIT)) {
            self.commit(changes).await?;
        }
        self.is_accepted = false;
        Ok(())
    }

    /// A server that has lost all its keys raises an alarm, and nothing is deleted here, until half of them are back or
    /// an operator accepts the loss.
    fn refuse_loss(&mut self, changes: &[Change]) -> Result<(), Interruption> {
        let Some(copied) = self.copied.as_ref().filter(|copied| !copied.is_empty()) else { return Ok(()) };
        let is_lost = |(key, value): &&Change| value.is_none() && copied.contains_key(key);
        let lost = changes.iter().filter(is_lost).count();
        let enough = if self.has_alarm { lost * 2 <= copied.len() } else { lost < copied.len() };
        if enough {
            self.has_alarm = false;
            return Ok(());
        }
        if let Some(pending) = self.core.replica.settlement.take() {
            if matches!(pending.decision, Decision::Restore { .. }) {
                let message = "a followed server is only read, so nothing is written back to it: write its keys again there, \
                               or take it as it is by `rolling-router store accept`";
                pending.answer(Err(ApiError::new(Kind::Unsupported, message)));
                return Err(Self::loss(lost, copied.len()));
            }
            pending.answer(Ok(SettlementCounts { deleted: lost, ..SettlementCounts::default() }));
            self.has_alarm = false;
            self.is_accepted = true;
            return Ok(());
        }
        let total = copied.len();
        self.has_alarm = true;
        Err(Self::loss(lost, total))
    }

    fn loss(lost: usize, total: usize) -> Interruption {
        Interruption::Diverged(format!(
            "the followed server has lost {lost} of its {total} keys, and this router serves its copy of all of them: write them \
             again there, or take the server as it is by `rolling-router store accept`"
        ))
    }

    /// Leaves the trace of an order with deletions that an operator accepted; without one they would be losses.
    fn add_orders(&self, changes: &[Change], writes: &mut Vec<Write>) {
        if !self.is_accepted {
            return;
        }
        let good = self.core.store.held();
        let deleted = changes.iter().filter(|(_, value)| value.is_none());
        let mut orders: Vec<Write> = deleted.filter_map(|(key, _)| order(key, &good)).collect();
        orders.sort_by(|one, other| one.key().cmp(other.key()));
        orders.dedup_by(|one, other| one.key() == other.key());
        writes.retain(|write| orders.iter().all(|order| order.key() != write.key()));
        writes.extend(orders);
    }

    async fn commit(&mut self, changes: &[Change]) -> Result<(), Interruption> {
        let mut writes = Vec::new();
        for (key, value) in changes {
            let (Ok(key), Ok(copy)) = (Key::new(key), Key::new(&format!("{COPIES}{key}"))) else { continue };
            writes.extend([key, copy].map(|key| match value {
                Some(value) => Write::put(key, value.clone()),
                None => Write::delete(key),
            }));
        }
        self.add_orders(changes, &mut writes);
        match self.core.store.commit(Vec::new(), writes).await? {
            Outcome::Done(_) => {}
            Outcome::Conflict(_) | Outcome::Unknown(_) => {
                let why = "the own store did not take the copy of the followed server";
                return Err(StoreError::Unreachable(why.into()).into());
            }
        }
        let copied = self.copied.get_or_insert_default();
        for (key, value) in changes {
            match value {
                Some(value) => drop(copied.insert(key.clone(), value.clone())),
                None => drop(copied.remove(key)),
            }
        }
        Ok(())
    }
}

/// Whether a key is copied: what an old script writes. Records, events and sets at the server are another router's.
fn is_followed(key: &str) -> bool {
    let own = |meaning: &Meaning| {
        matches!(
            meaning,
            Meaning::Record(_)
                | Meaning::PipelineLock(_)
                | Meaning::DefaultApp
                | Meaning::FreezeWindows
                | Meaning::Event(..)
                | Meaning::EndpointEvent(..)
                | Meaning::EndpointSet(_)
                | Meaning::Deployment(..)
                | Meaning::Router
        )
    };
    keys::meaning(key).is_some_and(|meaning| !own(&meaning))
}

/// The entries of a listing that are copied, ordered by key as the listing is.
fn followed_entries(listing: &Listing) -> Vec<Change> {
    let entries = listing.entries.iter().filter(|entry| is_followed(entry.key.as_str()));
    entries.map(|entry| (entry.key.to_string(), Some(entry.value.clone()))).collect()
}

fn changes(batch: Batch) -> Vec<Change> {
    let change = |event| match event {
        Event::Put(entry) => (entry.key.to_string(), Some(entry.value)),
        Event::Deleted { key } => (key.to_string(), None),
    };
    batch.events.into_iter().map(change).filter(|(key, _)| is_followed(key)).collect()
}
