//! Leases that end by themselves: one task each, which sleeps until the deadline.
//!
//! Time is tokio's, so that a test can pause it. A lease is over at its deadline even if the store cannot delete
//! its keys at that moment; the task tries again until it can.

use std::{
    fmt,
    sync::{Arc, Weak},
    time::Duration,
};

use async_trait::async_trait;
use parking_lot::Mutex;
use tokio::time::Instant;

use crate::contract::{Lease, LeaseId, StoreError};

/// How long to wait before the keys of an ended lease are deleted again, when the disk refused.
const RETRY_AFTER: Duration = Duration::from_secs(1);

/// A store that can delete the keys of a lease.
#[async_trait]
pub(crate) trait LeaseHost: Send + Sync + 'static {
    /// Ends the lease and deletes its keys as one batch; repeating it is harmless.
    async fn end(&self, lease: LeaseId) -> Result<(), StoreError>;
}

/// Starts the life of a lease that the host has named.
pub(crate) fn grant<H: LeaseHost>(host: &Arc<H>, id: LeaseId, ttl: Duration) -> Box<dyn Lease> {
    let life = Arc::new(Life { ttl, ends: Mutex::new(Some(Instant::now() + ttl)) });
    tokio::spawn(expire(Arc::downgrade(host), id, Arc::clone(&life)));
    Box::new(LocalLease { host: Arc::downgrade(host), id, life })
}

/// When a lease ends; `None` once it has. Held by the handle and the task.
#[derive(Debug)]
struct Life {
    ttl: Duration,
    ends: Mutex<Option<Instant>>,
}

impl Life {
    /// The deadline, or `None` (now and for ever) when it has passed.
    fn deadline(&self) -> Option<Instant> {
        let mut ends = self.ends.lock();
        *ends = ends.filter(|deadline| Instant::now() < *deadline);
        *ends
    }

    fn extend(&self) -> Result<(), StoreError> {
        let mut ends = self.ends.lock();
        let now = Instant::now();
        *ends = ends.filter(|deadline| now < *deadline).map(|_| now + self.ttl);
        ends.map(drop).ok_or(StoreError::LeaseEnded)
    }

    fn end(&self) {
        *self.ends.lock() = None;
    }
}

async fn expire<H: LeaseHost>(host: Weak<H>, id: LeaseId, life: Arc<Life>) {
    while let Some(deadline) = life.deadline() {
        tokio::time::sleep_until(deadline).await;
    }
    loop {
        let Some(host) = host.upgrade() else { return };
        match host.end(id).await {
            Ok(()) => return,
            Err(error) => {
                tracing::warn!(lease = id.0, %error, "the keys of an ended lease could not be deleted; this is tried again")
            }
        }
        drop(host);
        tokio::time::sleep(RETRY_AFTER).await;
    }
}

struct LocalLease<H> {
    host: Weak<H>,
    id: LeaseId,
    life: Arc<Life>,
}

#[async_trait]
impl<H: LeaseHost> Lease for LocalLease<H> {
    fn id(&self) -> LeaseId {
        self.id
    }

    async fn keep_alive(&self) -> Result<(), StoreError> {
        if self.host.strong_count() == 0 {
            return Err(StoreError::LeaseEnded);
        }
        self.life.extend()
    }

    async fn revoke(self: Box<Self>) -> Result<(), StoreError> {
        let host = self.host.upgrade().ok_or(StoreError::LeaseEnded)?;
        self.life.end();
        host.end(self.id).await
    }
}

impl<H> fmt::Debug for LocalLease<H> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Lease").field("id", &self.id).finish_non_exhaustive()
    }
}
