//! How this router stands to its store: when it was last surely current, and what is wrong.

use std::time::Duration;

use keyvalues::Revision;
use parking_lot::Mutex;

pub use crate::schema::router::StoreState;
use crate::{clock::Clock, control::limits::STALE_AFTER};

/// Written by `sync`, read by everybody.
#[derive(Debug)]
pub struct StoreStatus {
    clock: Clock,
    now: Mutex<Now>,
    /// The server that the store is a copy of, if it is one.
    source: Mutex<Option<Source>>,
}

#[derive(Debug, Default)]
struct Now {
    confirmed: Option<Duration>,
    revision: Revision,
    down: Option<String>,
    diverged: Option<String>,
}

#[derive(Debug, Default)]
struct Source {
    confirmed: Option<Duration>,
    down: Option<String>,
    diverged: Option<String>,
}

impl StoreStatus {
    pub fn new(clock: Clock) -> Self {
        Self { clock, now: Mutex::default(), source: Mutex::default() }
    }

    /// The store was read up to this revision just now.
    pub fn confirm(&self, revision: Revision) {
        let confirmed = Some(self.clock.monotonic());
        *self.now.lock() = Now { confirmed, revision, down: None, diverged: None };
    }

    /// It cannot be read.
    pub fn set_down(&self, why: String) {
        self.now.lock().down = Some(why);
    }

    /// It can be read, and is not the store the table came from.
    pub fn set_diverged(&self, why: String) {
        let mut now = self.now.lock();
        now.down = None;
        now.diverged = Some(why);
    }

    /// The followed server was read just now.
    pub fn source_confirmed(&self) {
        let confirmed = Some(self.clock.monotonic());
        *self.source.lock() = Some(Source { confirmed, ..Source::default() });
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
        self.now.lock().diverged.clone().or_else(source)
    }

    /// Why the store cannot be read, if it cannot.
    pub fn down(&self) -> Option<String> {
        let source = || self.source.lock().as_ref().and_then(|source| source.down.clone());
        self.now.lock().down.clone().or_else(source)
    }

    /// Whether the store can be read and is the right one, as far as is known.
    pub fn is_followed(&self) -> bool {
        let now = self.now.lock();
        now.confirmed.is_some() && now.down.is_none() && now.diverged.is_none()
    }

    pub fn revision(&self) -> Revision {
        self.now.lock().revision
    }

    /// Time since the last confirmed read; `None` before the first.
    pub fn staleness(&self) -> Option<Duration> {
        let own = self.now.lock().confirmed?;
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
