//! This router's replica of the store: what the store holds as last read, how current that is, and up to which
//! revision it is served. Written by `sync` alone, unless a line says otherwise.

use std::{
    sync::atomic::{AtomicBool, AtomicU64, Ordering},
    time::Duration,
};

use arc_swap::ArcSwap;
use keyvalues::{Revision, WatchMode};
use parking_lot::Mutex;
use tokio::{
    sync::{Notify, watch},
    time::timeout,
};

use super::{
    error::{ApiError, Kind},
    former_endpoints::FormerEndpoints,
    local_abort::LocalAborts,
    lost_key::LostKey,
    reading::StoreReading,
    settlement::{Decision, Settlement, SettlementCounts},
    status::StoreStatus,
    store::StoreHandle,
    token_key::TokenKey,
    waiting::WaitingReleases,
};
use crate::{
    clock::Clock,
    control::limits::STORE_READ_MAX,
    rollout::pin::{PinFormat, PinKeys},
};

/// What this router holds of the store.
pub struct Replica {
    /// What the store holds, as last read; replaced whole.
    pub reading: ArcSwap<StoreReading>,
    /// When the store was last surely read, and what is wrong with it.
    pub status: StoreStatus,
    /// Endpoints that the table no longer names, and where something may still be open.
    pub former_endpoints: ArcSwap<FormerEndpoints>,
    /// Keys that vanished although nobody ordered it; what they held is served on.
    pub losses: ArcSwap<Vec<LostKey>>,
    /// Aborts that this router alone applies while the store does not answer.
    pub local_aborts: LocalAborts,
    /// Releases that a raw `stable/id` names and that may not become stable yet. Written by whoever adopts.
    pub waiting: WaitingReleases,
    /// What an operator decided about a store that is another one than the table came from. Written by the API.
    pub settlement: Settlement,
    /// Asks `sync` to list the store again. Anybody may ask.
    pub relist: Notify,
    /// Whether this router has set the store up from its keyvalues file. Written by `sync`.
    pub has_set_up: AtomicBool,
    /// The store cannot tell of changes: its watch polls.
    is_polled: bool,
    pin_keys: Mutex<Option<PinKeys>>,
    pin_format: Mutex<PinFormat>,
    token_key: Mutex<Option<TokenKey>>,
    reached: watch::Sender<Revision>,
    changed_at: AtomicU64,
    /// The store keeps so many old revisions that people should know of it. Written by `fleet`.
    pub history_grows: AtomicBool,
}

impl Replica {
    pub fn new(store: &StoreHandle, clock: Clock) -> Self {
        Self {
            reading: ArcSwap::default(),
            status: StoreStatus::new(clock),
            former_endpoints: ArcSwap::default(),
            losses: ArcSwap::default(),
            local_aborts: LocalAborts::default(),
            waiting: WaitingReleases::default(),
            settlement: Settlement::default(),
            relist: Notify::new(),
            has_set_up: AtomicBool::new(false),
            is_polled: matches!(store.capabilities().watch, WatchMode::Polled(_)),
            pin_keys: Mutex::new(None),
            pin_format: Mutex::default(),
            token_key: Mutex::new(None),
            reached: watch::Sender::new(0),
            changed_at: AtomicU64::new(0),
            history_grows: AtomicBool::new(false),
        }
    }

    /// Says that something changed at this revision which other members should know to be read here, other than what members
    /// write about themselves.
    pub fn set_changed_at(&self, revision: Revision) {
        self.changed_at.store(revision, Ordering::Relaxed);
    }

    /// The newest such revision.
    pub fn changed_at(&self) -> Revision {
        self.changed_at.load(Ordering::Relaxed)
    }

    /// Says that everything up to this store revision is served.
    pub fn set_reached(&self, revision: Revision) {
        self.reached.send_replace(revision);
    }

    /// The store revision up to which everything is served.
    pub fn reached(&self) -> Revision {
        *self.reached.borrow()
    }

    /// Waits until this router serves everything up to a revision; `false` when that takes too long.
    pub async fn wait_for(&self, revision: Revision, wait: Duration) -> bool {
        let mut reached = self.reached.subscribe();
        let behind = *reached.borrow() < revision;
        if behind && self.is_polled {
            // The watch would see the change only when it polls next; a listing sees it now.
            self.relist.notify_one();
        }
        let served = timeout(wait, reached.wait_for(|reached| *reached >= revision)).await;
        matches!(served, Ok(Ok(_)))
    }

    /// The pin keys in use; none before the first are known.
    pub fn pin_keys(&self) -> Option<PinKeys> {
        self.pin_keys.lock().clone()
    }

    pub fn set_pin_keys(&self, keys: PinKeys) {
        *self.pin_keys.lock() = Some(keys);
    }

    /// The key by which tokens are told apart; none before it is read.
    pub fn token_key(&self) -> Option<TokenKey> {
        self.token_key.lock().clone()
    }

    pub fn set_token_key(&self, key: TokenKey) {
        *self.token_key.lock() = Some(key);
    }

    /// The mark of a token with this digest; empty before the key is read.
    pub fn mark_of(&self, digest: &[u8]) -> String {
        self.token_key.lock().as_ref().map_or_else(String::new, |key| key.mark(digest))
    }

    /// The format in which pins are signed.
    pub fn pin_format(&self) -> PinFormat {
        *self.pin_format.lock()
    }

    /// Signs in this format from the next table on. It never becomes an earlier one, since clients hold what was signed.
    pub fn raise_pin_format(&self, format: PinFormat) -> PinFormat {
        let mut known = self.pin_format.lock();
        *known = format.max(*known);
        *known
    }

    /// Has `sync` carry out an operator's decision about the store.
    pub async fn settle(&self, decision: Decision, wait: Duration) -> Result<SettlementCounts, ApiError> {
        let answer = self.settlement.ask(decision);
        self.relist.notify_one();
        let answered = timeout(wait, answer).await;
        if let Ok(Ok(result)) = answered {
            return result;
        }
        self.settlement.take();
        let message = "the store could not be read or written; look at its state and try again";
        Err(ApiError::new(Kind::StoreUnavailable, message))
    }

    /// Lets a change begin only in the store that the table came from. A store that was not read yet, or could not be
    /// read lately, may be another one by now: so a change waits until `sync` has looked.
    pub async fn require_known_store(&self) -> Result<(), ApiError> {
        let attempt = self.status.next_attempt(STORE_READ_MAX);
        if !self.status.is_followed() && self.status.diverged().is_none() {
            // It may be pausing.
            self.relist.notify_one();
            attempt.await;
        }
        self.refuse_when_diverged()?;
        if self.status.is_followed() {
            return Ok(());
        }
        let why = self.status.down();
        Err(ApiError::new(
            Kind::StoreUnavailable,
            why.unwrap_or_else(|| "the store was not read yet; try again".to_owned()),
        ))
    }

    fn refuse_when_diverged(&self) -> Result<(), ApiError> {
        match self.status.diverged() {
            None => Ok(()),
            Some(why) => Err(ApiError::new(
                Kind::StoreDiverged,
                format!(
                    "{why}; this router serves its last good table and takes no command until that is settled"
                ),
            )),
        }
    }
}
