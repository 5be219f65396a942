//! What the stores inside our own process share: state, change log, watches and leases.
//!
//! `memory` is this and nothing else; `embedded` writes each batch to its file before it is applied here, so
//! both answer reads and watches with the same code, on the caller's thread and without waiting for a disk.

mod lease;
mod log;
mod state;
mod watch;

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use tokio::sync::watch as signal;

pub(crate) use lease::{LeaseHost, grant};
pub(crate) use log::{LOG_BATCHES_MAX, LOG_BYTES_MAX, Log};
pub(crate) use state::{Plan, State, filtered};
pub(crate) use watch::LogWatch;

use crate::{Batch, Revision, StoreError};

/// The state and the signal that it moved. Held by the store, its watches and (weakly) its leases.
#[derive(Debug)]
pub(crate) struct Shared {
    state: Mutex<State>,
    moved: signal::Sender<()>,
}

impl Shared {
    pub(crate) fn new(state: State) -> Arc<Self> {
        Arc::new(Self { state: Mutex::new(state), moved: signal::Sender::new(()) })
    }

    /// Locks the state. Nothing waits while it is held, and nothing inside can leave it half changed.
    pub(crate) fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Wakes every watch.
    pub(crate) fn wake(&self) {
        self.moved.send_replace(());
    }

    pub(crate) fn watch(self: &Arc<Self>, prefixes: &[&str], after: Revision) -> LogWatch {
        LogWatch::new(Arc::clone(self), self.moved.subscribe(), prefixes, after)
    }
}

/// Keys match plain string prefixes; the empty one is everything.
fn matches(prefixes: &[String], key: &str) -> bool {
    prefixes.iter().any(|prefix| key.starts_with(prefix.as_str()))
}

/// A random id of 128 bits, in hex.
pub(crate) fn random_id() -> Result<String, StoreError> {
    let mut bytes = [0_u8; 16];
    getrandom::fill(&mut bytes)
        .map_err(|error| StoreError::Unreachable(format!("the system gives no random bytes: {error}")))?;
    Ok(bytes.iter().map(|byte| format!("{byte:02x}")).collect())
}

/// The bytes that a batch costs the log.
pub(crate) fn batch_bytes(batch: &Batch) -> usize {
    batch.events.iter().map(event_bytes).sum()
}

fn event_bytes(event: &crate::Event) -> usize {
    let value_bytes = match event {
        crate::Event::Put(entry) => entry.value.len(),
        crate::Event::Deleted { .. } => 0,
    };
    event.key().as_str().len() + value_bytes
}
