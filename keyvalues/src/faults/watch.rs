//! A watch that is late, out of order, silent or cut.

use std::collections::VecDeque;

use async_trait::async_trait;
use tokio::{sync::watch as signal, time::Instant};

use super::handle::{Disorder, Faults};
use crate::contract::{StoreError, Watch, WatchItem};

/// The most items on their way; what comes after them waits in the store inside.
const DELAYED_MAX: usize = 256;

/// Items wait in `due`, not in a future, so that a cancelled `next` loses none.
pub(super) struct FaultyWatch {
    faults: Faults,
    inner: Box<dyn Watch>,
    cut: signal::Receiver<u64>,
    generation: u64,
    due: VecDeque<(Instant, WatchItem)>,
    /// A batch that comes after the one that follows it.
    swapped: Option<WatchItem>,
}

impl FaultyWatch {
    pub(super) fn new(faults: Faults, inner: Box<dyn Watch>) -> Self {
        let cut = faults.cut.subscribe();
        let generation = *cut.borrow();
        Self { faults, inner, cut, generation, due: VecDeque::new(), swapped: None }
    }

    fn take_in(&mut self, item: WatchItem) {
        let is_batch = matches!(item, WatchItem::Batch(_));
        let disorder = if is_batch { self.faults.lock().disorder.take() } else { None };
        match disorder {
            Some(Disorder::Dropped) => {}
            Some(Disorder::Swapped) => self.swapped = Some(item),
            Some(Disorder::Doubled) => {
                self.push(item.clone());
                self.push(item);
            }
            None => {
                self.push(item);
                if is_batch && let Some(earlier) = self.swapped.take() {
                    self.push(earlier);
                }
            }
        }
    }

    fn push(&mut self, item: WatchItem) {
        let delay = self.faults.lock().delay;
        self.due.push_back((Instant::now() + delay, item));
    }
}

#[async_trait]
impl Watch for FaultyWatch {
    async fn next(&mut self) -> Result<WatchItem, StoreError> {
        loop {
            let generation = *self.cut.borrow_and_update();
            let silent = self.faults.lock().silent;
            if !silent && generation != self.generation {
                return Err(StoreError::Unreachable("the watch was cut by a fault".into()));
            }
            let due = self.due.front().filter(|_| !silent).map(|(due, _)| *due);
            if due.is_some_and(|due| due <= Instant::now())
                && let Some((_, item)) = self.due.pop_front()
            {
                return Ok(self.faults.shown_item(item));
            }
            tokio::select! {
                () = sleep_until(due) => {}
                item = self.inner.next(), if !silent && self.due.len() < DELAYED_MAX => self.take_in(item?),
                // A fault was switched, so everything is looked at again. The sender lives in `faults`.
                _ = self.cut.changed() => {}
            }
        }
    }
}

/// Sleeps until a moment, or for ever without one.
async fn sleep_until(due: Option<Instant>) {
    match due {
        Some(due) => tokio::time::sleep_until(due).await,
        None => std::future::pending().await,
    }
}
