//! How current this router's reading of the store is, and what is wrong with the store.

use std::time::Duration;

use keyvalues::Revision;
use parking_lot::Mutex;
use tokio::{sync::watch, time::timeout};

pub use crate::schema::router::StoreState;
use crate::{clock::Clock, control::limits::STALE_AFTER};

/// Written by `sync`, read by everybody.
#[derive(Debug)]
pub struct StoreStatus {
    clock: Clock,
    store: watch::Sender<StoreFinding>,
    /// The server that the store is a copy of, if it is one.
    source: Mutex<Option<SourceFinding>>,
}

/// What the last attempt to read the store found.
#[derive(Debug, Default)]
struct StoreFinding {
    /// When a read was last confirmed (monotonic).
    confirmed: Option<Duration>,
    revision: Revision,
    down: Option<String>,
    diverged: Option<String>,
}

/// The same of the followed server.
#[derive(Debug, Default)]
struct SourceFinding {
    confirmed: Option<Duration>,
    down: Option<String>,
    diverged: Option<String>,
}

impl StoreStatus {
    pub fn new(clock: Clock) -> Self {
        Self { clock, store: watch::Sender::default(), source: Mutex::default() }
    }

    /// The store was read up to this revision just now.
    pub fn confirm(&self, revision: Revision) {
        let confirmed = Some(self.clock.monotonic());
        self.store.send_replace(StoreFinding { confirmed, revision, down: None, diverged: None });
    }

    /// It cannot be read.
    pub fn set_down(&self, why: String) {
        self.store.send_modify(|found| found.down = Some(why));
    }

    /// It can be read, and is not the store the table came from.
    pub fn set_diverged(&self, why: String) {
        self.store.send_modify(|found| (found.down, found.diverged) = (None, Some(why)));
    }

    /// The followed server was read just now.
    pub fn source_confirmed(&self) {
        let confirmed = Some(self.clock.monotonic());
        *self.source.lock() = Some(SourceFinding { confirmed, ..SourceFinding::default() });
    }

    /// The followed server cannot be read.
    pub fn source_down(&self, why: String) {
        let mut source = self.source.lock();
        let source = source.get_or_insert_default();
        (source.down, source.diverged) = (Some(why), None);
    }

    /// The followed server can be read, and what it holds does not count.
    pub fn source_diverged(&self, why: String) {
        let mut source = self.source.lock();
        let source = source.get_or_insert_default();
        (source.down, source.diverged) = (None, Some(why));
    }

    /// Why commands are refused, if they are.
    pub fn diverged(&self) -> Option<String> {
        let source = || self.source.lock().as_ref().and_then(|source| source.diverged.clone());
        let own = self.store.borrow().diverged.clone();
        own.or_else(source)
    }

    /// Why the store cannot be read, if it cannot.
    pub fn down(&self) -> Option<String> {
        let source = || self.source.lock().as_ref().and_then(|source| source.down.clone());
        let own = self.store.borrow().down.clone();
        own.or_else(source)
    }

    /// What is wrong with the store, if anything is.
    pub fn detail(&self) -> Option<String> {
        self.diverged().or_else(|| self.down())
    }

    /// Whether the store can be read and is the right one, as far as is known.
    pub fn is_followed(&self) -> bool {
        let found = self.store.borrow();
        found.confirmed.is_some() && found.down.is_none() && found.diverged.is_none()
    }

    /// Waits at most this long for the next attempt to read the store to end. Make it before the attempt begins.
    pub fn next_attempt(&self, wait: Duration) -> impl Future<Output = ()> + use<> {
        let mut findings = self.store.subscribe();
        async move {
            // The sender lives as long as the router does, and an attempt that takes too long counts as failed.
            let _ = timeout(wait, findings.changed()).await;
        }
    }

    pub fn revision(&self) -> Revision {
        self.store.borrow().revision
    }

    /// Time since the last confirmed read; `None` before the first.
    pub fn staleness(&self) -> Option<Duration> {
        let own = self.store.borrow().confirmed?;
        // The copy is as stale as what it was taken from.
        let confirmed = match self.source.lock().as_ref() {
            Some(source) => source.confirmed?.min(own),
            None => own,
        };
        Some(self.clock.monotonic().saturating_sub(confirmed))
    }

    pub fn state(&self) -> StoreState {
        let stale = self.staleness().is_none_or(|staleness| staleness > STALE_AFTER);
        match (self.diverged(), self.down()) {
            (Some(_), _) => StoreState::Diverged,
            (None, Some(_)) => StoreState::Down,
            (None, None) if stale => StoreState::Stale,
            (None, None) => StoreState::Current,
        }
    }
}
