//! A watch: a position in the change log and a signal to look again.

use std::sync::Arc;

use async_trait::async_trait;
use tokio::{sync::watch as signal, time::Instant};

use super::{shared::SharedState, state::Next};
use crate::{
    contract::{Revision, StoreError, Watch, WatchItem},
    limits::PROGRESS_EVERY,
};

/// Reads the log from a position on. It holds the contents but not the file, so a store closes under it.
#[derive(Debug)]
pub(crate) struct LogWatch {
    shared: Arc<SharedState>,
    moved: signal::Receiver<()>,
    prefixes: Vec<String>,
    after: Revision,
    progress_due: Instant,
}

impl LogWatch {
    pub(crate) fn new(shared: &Arc<SharedState>, prefixes: &[&str], after: Revision) -> Self {
        let (shared, moved) = (Arc::clone(shared), shared.moved.subscribe());
        let prefixes = prefixes.iter().map(|prefix| (*prefix).to_owned()).collect();
        Self { shared, moved, prefixes, after, progress_due: Instant::now() + PROGRESS_EVERY }
    }

    /// What there is to say now, if anything. Moves the position only with what it returns.
    fn look(&mut self) -> Result<Option<WatchItem>, StoreError> {
        let state = self.shared.lock();
        if let Some(error) = state.read_error() {
            return Err(error);
        }
        let item = match state.next(&self.prefixes, self.after) {
            Next::Gone => WatchItem::Resync,
            Next::Batch(batch) => {
                self.after = batch.revision;
                WatchItem::Batch(batch)
            }
            Next::Nothing { head } => {
                self.after = head;
                if Instant::now() < self.progress_due {
                    return Ok(None);
                }
                WatchItem::Progress(head)
            }
        };
        self.progress_due = Instant::now() + PROGRESS_EVERY;
        Ok(Some(item))
    }
}

#[async_trait]
impl Watch for LogWatch {
    async fn next(&mut self) -> Result<WatchItem, StoreError> {
        loop {
            self.moved.borrow_and_update();
            if let Some(item) = self.look()? {
                return Ok(item);
            }
            // The signal cannot close while `shared` holds its sender; were it to, the time-out still looks.
            let _ = tokio::time::timeout_at(self.progress_due, self.moved.changed()).await;
        }
    }
}
