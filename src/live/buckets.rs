//! The counters from which new clients get their buckets.

use std::{
    collections::HashMap,
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
};

use parking_lot::Mutex;

use crate::rollout::bucket;

/// One counter per app. All workers share it, and it outlives publishes. The control plane only reads it.
#[derive(Debug, Default)]
pub struct Buckets {
    by_app: Mutex<HashMap<usize, Arc<AtomicU64>>>,
}

impl Buckets {
    /// An app's counter, by [`crate::rollout::table::AppRoutes::slot`]. It starts at `start`. The lock is taken only when a
    /// worker meets new routes of the app, or somebody asks for the next bucket.
    pub fn counter(&self, app: usize, start: u64) -> Arc<AtomicU64> {
        let mut by_app = self.by_app.lock();
        Arc::clone(by_app.entry(app).or_insert_with(|| Arc::new(AtomicU64::new(start))))
    }

    /// The bucket that the next new client would get. Nothing is drawn. `start` as above.
    pub fn next(&self, app: usize, start: u64) -> u16 {
        bucket::nth(self.counter(app, start).load(Ordering::Relaxed))
    }
}
