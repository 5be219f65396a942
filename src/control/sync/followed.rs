//! A store that is followed, not commanded: a server that has keys and values and no commits (docs/design.md section 9).
//!
//! What it holds is copied into a store of this router's own, in the order in which it was written. From there on
//! everything is as ever: record, tenures, history and pin keys live in the router's own store, and what a script
//! wrote at the server is adopted by the raw rules. What was copied is remembered, so that only what changes at the
//! server is copied again: a restart does not bring back what the record has left behind since.

use std::{collections::BTreeMap, convert::Infallible, sync::Arc, time::Duration};

use bytes::Bytes;
use keyvalues::{Batch, Event, Key, Listing, Outcome, Store, StoreError, WatchItem, Write};
use tokio::time::timeout;

use super::interruption::Interruption;
use crate::{
    control::{
        limits::{STORE_READ_MAX, STORE_RETRY_MAX, STORE_RETRY_MIN, WATCH_SILENCE_MAX},
        shared::{backoff::jittered, core::Core, settlement::Settled},
    },
    rollout::keys::{self, Meaning},
};

/// Where what was copied is remembered: below it each copied key with its value at the server.
const COPIES: &str = "rolling/router/followed/";

/// Copied keys of one commit: each is two writes.
const COPIES_PER_COMMIT: usize = 50;

/// A key and its value at the server; `None`: it was deleted there.
type Change = (String, Option<Bytes>);

/// The task that copies.
pub struct Followed {
    core: Core,
    source: Arc<dyn Store>,
    /// What was copied, once that has been read.
    copied: Option<BTreeMap<String, Bytes>>,
    /// It had lost everything.
    alarmed: bool,
    progressed: bool,
}

impl Followed {
    pub fn new(core: Core, source: Arc<dyn Store>) -> Self {
        Self { core, source, copied: None, alarmed: false, progressed: false }
    }

    /// Copies what there is, so that the first table is built from it. A server that does not answer now is waited
    /// for by [`Followed::run`].
    pub async fn begin(&mut self) {
        if let Err(ended) = self.copy_all().await {
            self.note(&ended);
        }
    }

    /// Goes on copying.
    pub async fn run(mut self) {
        let mut pause = STORE_RETRY_MIN;
        loop {
            let ended = match self.follow().await {
                Ok(never) => match never {},
                Err(ended) => ended,
            };
            if std::mem::take(&mut self.progressed) {
                pause = STORE_RETRY_MIN;
            }
            self.note(&ended);
            tokio::time::sleep(jittered(pause)).await;
            pause = (pause * 2).min(STORE_RETRY_MAX);
        }
    }

    fn note(&self, ended: &Interruption) {
        match ended {
            Interruption::Resync => {}
            Interruption::Store(error) => {
                if self.core.replica.status.down().is_none() {
                    tracing::warn!(%error, "the followed server cannot be read; what was read last goes on");
                }
                self.core.replica.status.source_down(error.to_string());
            }
            Interruption::Diverged(why) => {
                if self.core.replica.status.diverged().is_none() {
                    tracing::error!("{why}; what was read last goes on");
                }
                self.core.replica.status.source_diverged(why.clone());
            }
        }
    }

    async fn follow(&mut self) -> Result<Infallible, Interruption> {
        let revision = self.copy_all().await?;
        let mut watch = in_time(self.source.watch(&[keys::APPS, keys::ROLLING], revision)).await?;
        loop {
            let silent = |_| StoreError::Unreachable("its watch fell silent".into());
            match timeout(WATCH_SILENCE_MAX, watch.next()).await.map_err(silent)?? {
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
        let listing = in_time(self.source.list(&[keys::APPS, keys::ROLLING])).await?;
        self.remember().await?;
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
    async fn remember(&mut self) -> Result<(), StoreError> {
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
        self.refuse_nothing(&changes)?;
        // Who writes a candidate and a blend means the blend for the candidate, also where both are read at once.
        let (blends, others): (Vec<Change>, Vec<Change>) = changes
            .into_iter()
            .partition(|(key, _)| matches!(keys::meaning(key), Some(Meaning::BlendPercent(_))));
        for changes in others.chunks(COPIES_PER_COMMIT).chain(blends.chunks(COPIES_PER_COMMIT)) {
            self.commit(changes).await?;
        }
        Ok(())
    }

    /// A server that has lost everything is an alarm and not an order, until half of it is back or an operator accepts
    /// what there is.
    fn refuse_nothing(&mut self, changes: &[Change]) -> Result<(), Interruption> {
        let Some(copied) = self.copied.as_ref().filter(|copied| !copied.is_empty()) else { return Ok(()) };
        let is_lost = |(key, value): &&Change| value.is_none() && copied.contains_key(key);
        let lost = changes.iter().filter(is_lost).count();
        let enough = if self.alarmed { lost * 2 <= copied.len() } else { lost < copied.len() };
        if enough {
            self.alarmed = false;
            return Ok(());
        }
        if let Some(asked) = self.core.replica.settlement.take() {
            asked.answer(Ok(Settled { deleted: lost, ..Settled::default() }));
            self.alarmed = false;
            return Ok(());
        }
        self.alarmed = true;
        Err(Interruption::Diverged(format!(
            "the followed server has lost {lost} of its {} keys",
            copied.len()
        )))
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
        match self.core.store.commit(Vec::new(), writes).await? {
            Outcome::Done(_) => {}
            Outcome::Conflict(_) | Outcome::Unknown(_) => {
                return Err(StoreError::Unreachable("what was read cannot be kept".into()).into());
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

/// What an old script writes. Records and events at the server are another router's.
fn is_followed(key: &str) -> bool {
    !matches!(keys::meaning(key), None | Some(Meaning::Record(_) | Meaning::Event(..) | Meaning::Router))
}

/// What is followed of a listing, ordered by key as that is.
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

async fn in_time<T>(call: impl Future<Output = Result<T, StoreError>>) -> Result<T, StoreError> {
    let late = |_: tokio::time::error::Elapsed| late(STORE_READ_MAX);
    timeout(STORE_READ_MAX, call).await.map_err(late)?
}

fn late(after: Duration) -> StoreError {
    StoreError::Unreachable(format!("no answer within {after:?}"))
}
