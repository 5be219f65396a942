//! One change at a time per app, or per release, and router, so that this router's own changes never conflict.

use std::hash::{BuildHasher as _, BuildHasherDefault, DefaultHasher, Hash};

use tokio::sync::{Mutex, MutexGuard};

/// How many locks there are. Those who are locked share them by hash: two busy apps on one lock wait for each other, which
/// costs a few milliseconds and breaks nothing.
const LOCKS: usize = 64;

/// The locks of all apps, or of all releases.
#[derive(Debug)]
pub struct ChangeLocks(Vec<Mutex<()>>);

impl ChangeLocks {
    /// Waits until no other change of it is under way here.
    pub async fn lock(&self, of: &impl Hash) -> MutexGuard<'_, ()> {
        let hash = BuildHasherDefault::<DefaultHasher>::default().hash_one(of);
        let index = usize::try_from(hash % LOCKS as u64).unwrap_or(0);
        self.0[index].lock().await
    }
}

impl Default for ChangeLocks {
    fn default() -> Self {
        Self((0..LOCKS).map(|_| Mutex::new(())).collect())
    }
}
