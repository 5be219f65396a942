//! The counters that new clients' buckets come from.

use std::{
    collections::HashMap,
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicU64, Ordering},
    },
};

use crate::rollout::bucket;

/// One counter per app, shared by all workers, kept over publishes. The control plane only looks.
#[derive(Debug, Default)]
pub struct Buckets {
    by_app: Mutex<HashMap<usize, Arc<AtomicU64>>>,
}

impl Buckets {
    /// An app's counter, by [`crate::rollout::table::AppRoutes::slot`]; it starts at `start`. Locked only when a worker
    /// makes a view, or somebody looks.
    pub fn counter(&self, app: usize, start: u64) -> Arc<AtomicU64> {
        let mut by_app = self.by_app.lock().unwrap_or_else(PoisonError::into_inner);
        Arc::clone(by_app.entry(app).or_insert_with(|| Arc::new(AtomicU64::new(start))))
    }

    /// The bucket that the next new client would draw, without drawing it; `start` as above.
    pub fn next(&self, app: usize, start: u64) -> u16 {
        bucket::nth(self.counter(app, start).load(Ordering::Relaxed))
    }
}
