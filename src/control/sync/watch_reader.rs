//! The task that reads the store's watch ahead of the table that is being built.

use std::time::Duration;

use keyvalues::{Revision, StoreError, WatchItem};
use tokio::{sync::mpsc, task::JoinHandle, time::timeout};

use crate::{
    control::{
        limits::{WATCH_QUEUE, WATCH_SILENCE_MAX},
        shared::core::Core,
    },
    rollout::keys,
};

/// What the watch said, and when (monotonic).
pub type WatchNews = (Result<WatchItem, StoreError>, Duration);

/// The reading end of the task, which ends with this value.
pub struct WatchReader {
    items: mpsc::Receiver<WatchNews>,
    task: JoinHandle<()>,
}

impl WatchReader {
    /// Reads every change after a revision.
    pub async fn start(core: &Core, after: Revision) -> Result<Self, StoreError> {
        let mut watch = core.store.watch(&[keys::APPS, keys::ROLLING], after).await?;
        let (queue, items) = mpsc::channel(WATCH_QUEUE);
        let clock = core.clock.clone();
        let task = tokio::spawn(async move {
            loop {
                let item = match timeout(WATCH_SILENCE_MAX, watch.next()).await {
                    Ok(item) => item,
                    Err(_) => Err(silent_watch()),
                };
                let last = item.is_err();
                if queue.send((item, clock.monotonic())).await.is_err() || last {
                    return;
                }
            }
        });
        Ok(Self { items, task })
    }

    /// Waits for the next item; none when the task has ended.
    pub async fn next(&mut self) -> Option<WatchNews> {
        self.items.recv().await
    }

    /// The next item if it is there already.
    pub fn ready(&mut self) -> Option<WatchNews> {
        self.items.try_recv().ok()
    }
}

impl Drop for WatchReader {
    fn drop(&mut self) {
        self.task.abort();
    }
}

/// A watch that says nothing for so long is dead: the contract promises an item every second.
pub fn silent_watch() -> StoreError {
    StoreError::Unreachable(format!("the store's watch said nothing for {WATCH_SILENCE_MAX:?}"))
}
