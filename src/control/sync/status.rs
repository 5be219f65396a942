//! How this router stands to its store: when it was last surely current, and what is wrong.

use std::{
    sync::{Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use keyvalues::Revision;

use super::super::limits::STALE_AFTER;
use crate::clock::Clock;

/// One word for all of it, as the API says it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum StoreState {
    /// The table is what the store holds.
    Current,
    /// No confirmed read for a while.
    Stale,
    /// The last attempt to read failed.
    Down,
    /// It is another store, or an older one, than the table came from.
    Diverged,
}

impl StoreState {
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Current => "current",
            Self::Stale => "stale",
            Self::Down => "down",
            Self::Diverged => "diverged",
        }
    }
}

/// Written by `sync`, read by everybody.
#[derive(Debug)]
pub struct StoreStatus {
    clock: Clock,
    now: Mutex<Now>,
}

#[derive(Debug, Default)]
struct Now {
    confirmed: Option<Duration>,
    revision: Revision,
    down: Option<String>,
    diverged: Option<String>,
}

impl StoreStatus {
    pub fn new(clock: Clock) -> Self {
        Self { clock, now: Mutex::default() }
    }

    /// The store was read up to this revision just now.
    pub fn confirm(&self, revision: Revision) {
        let confirmed = Some(self.clock.monotonic());
        *self.lock() = Now { confirmed, revision, down: None, diverged: None };
    }

    /// It cannot be read.
    pub fn set_down(&self, why: String) {
        self.lock().down = Some(why);
    }

    /// It can be read, and is not the store the table came from.
    pub fn set_diverged(&self, why: String) {
        let mut now = self.lock();
        now.down = None;
        now.diverged = Some(why);
    }

    /// Why commands are refused, if they are.
    pub fn diverged(&self) -> Option<String> {
        self.lock().diverged.clone()
    }

    /// Why the store cannot be read, if it cannot.
    pub fn down(&self) -> Option<String> {
        self.lock().down.clone()
    }

    /// Whether the store can be read and is the right one, as far as is known.
    pub fn is_followed(&self) -> bool {
        let now = self.lock();
        now.confirmed.is_some() && now.down.is_none() && now.diverged.is_none()
    }

    pub fn revision(&self) -> Revision {
        self.lock().revision
    }

    /// Time since the last confirmed read; `None` before the first.
    pub fn staleness(&self) -> Option<Duration> {
        let confirmed = self.lock().confirmed?;
        Some(self.clock.monotonic().saturating_sub(confirmed))
    }

    pub fn state(&self) -> StoreState {
        let stale = self.staleness().is_none_or(|staleness| staleness > STALE_AFTER);
        let now = self.lock();
        match (&now.diverged, &now.down) {
            (Some(_), _) => StoreState::Diverged,
            (None, Some(_)) => StoreState::Down,
            (None, None) if stale => StoreState::Stale,
            (None, None) => StoreState::Current,
        }
    }

    fn lock(&self) -> MutexGuard<'_, Now> {
        self.now.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
