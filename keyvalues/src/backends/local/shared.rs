//! The contents that a store, its watches and its leases share.

use std::sync::Arc;

use parking_lot::{Mutex, MutexGuard};
use tokio::sync::watch as signal;

use super::state::State;

/// The state and the signal that it moved. Held by the store, its watches and (weakly) its leases.
#[derive(Debug)]
pub(crate) struct SharedState {
    state: Mutex<State>,
    pub(super) moved: signal::Sender<()>,
}

impl SharedState {
    pub(crate) fn new(state: State) -> Arc<Self> {
        Arc::new(Self { state: Mutex::new(state), moved: signal::Sender::new(()) })
    }

    /// Locks the state. Nothing waits while it is held, and nothing inside can leave it half changed.
    pub(crate) fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock()
    }

    /// Wakes every watch.
    pub(crate) fn wake(&self) {
        self.moved.send_replace(());
    }
}
