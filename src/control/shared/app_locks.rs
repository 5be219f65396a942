//! One change at a time per app and router, so that this router's own commands never conflict.

use std::hash::{BuildHasher as _, BuildHasherDefault, DefaultHasher};

use tokio::sync::{Mutex, MutexGuard};

use crate::rollout::app::AppName;

/// How many locks there are. Apps share them by hash: two busy apps on one lock wait for each other, which costs a
/// few milliseconds and breaks nothing.
const LOCKS: usize = 64;

/// The locks of all apps.
#[derive(Debug)]
pub struct AppLocks(Vec<Mutex<()>>);

impl AppLocks {
    /// Waits until no other change of this app is under way here.
    pub async fn lock(&self, app: &AppName) -> MutexGuard<'_, ()> {
        let hash = BuildHasherDefault::<DefaultHasher>::default().hash_one(app);
        let index = usize::try_from(hash % LOCKS as u64).unwrap_or(0);
        self.0[index].lock().await
    }
}

impl Default for AppLocks {
    fn default() -> Self {
        Self((0..LOCKS).map(|_| Mutex::new(())).collect())
    }
}
