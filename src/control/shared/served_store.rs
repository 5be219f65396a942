//! The store as this router serves it to other routers: their watches and leases.

use std::{collections::HashMap, sync::Arc, time::Duration};

use keyvalues::{Lease, StoreError};
use parking_lot::{Mutex, MutexGuard};
use tokio::sync::Semaphore;

use super::error::ApiError;
use crate::control::limits::{STORE_LEASES_MAX, STORE_WATCHES_MAX};

/// The watches and leases of other routers.
#[derive(Debug)]
pub struct ServedStore {
    pub watches: Arc<Semaphore>,
    pub leases: Leases,
}

impl Default for ServedStore {
    fn default() -> Self {
        Self { watches: Arc::new(Semaphore::new(STORE_WATCHES_MAX)), leases: Leases::default() }
    }
}

/// A lease of the store, which one call at a time uses; empty once it is revoked.
pub type Handle = Arc<tokio::sync::Mutex<Option<Box<dyn Lease>>>>;

/// The leases that were granted and may still run.
#[derive(Default)]
pub struct Leases(Mutex<HashMap<u64, GrantedLease>>);

/// One lease that was granted.
pub struct GrantedLease {
    pub handle: Handle,
    pub ttl: Duration,
    /// When it has surely ended (monotonic), unless it is kept alive.
    pub ends: Duration,
}

impl Leases {
    pub fn lock(&self) -> MutexGuard<'_, HashMap<u64, GrantedLease>> {
        self.0.lock()
    }

    /// Whether there is room for one more. Leases that have ended are dropped first.
    pub fn has_room(&self, now: Duration) -> bool {
        let mut granted = self.lock();
        granted.retain(|_, lease| lease.ends > now);
        granted.len() < STORE_LEASES_MAX
    }

    pub fn find(&self, id: u64) -> Result<Handle, ApiError> {
        let found = self.lock().get(&id).map(|lease| Arc::clone(&lease.handle));
        found.ok_or_else(|| StoreError::LeaseEnded.into())
    }

    pub fn extend(&self, id: u64, now: Duration) {
        if let Some(lease) = self.lock().get_mut(&id) {
            lease.ends = lease_end(now, lease.ttl);
        }
    }
}

impl std::fmt::Debug for Leases {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Leases").field("count", &self.lock().len()).finish()
    }
}

/// When a lease has surely ended. A store may count whole seconds, and at least two, so that is later than was asked for.
pub fn lease_end(now: Duration, ttl: Duration) -> Duration {
    now + ttl * 2 + Duration::from_secs(2)
}
