//! The claim to a task that one router of the fleet does. It holds a key that ends with its lease, and stops relying on it before
//! another router can have it. Should both be at it for a moment, what each step's commit checks keeps them apart.

use std::time::Duration;

use keyvalues::{Check, Lease, Outcome, StoreError, Write};

use super::{
    core::Core,
    entries::{as_read, own_key, text},
};
use crate::control::limits::{CLAIM_SPARE, CLAIM_TTL};

/// A claim that this router holds.
pub struct Claim {
    lease: Box<dyn Lease>,
    /// Until when this router may rely on it (monotonic).
    until: Duration,
}

impl Claim {
    /// Keeps a claim while it is wanted, takes it if it is not held yet, and gives it back when it is wanted no more.
    pub async fn hold(core: &Core, key: &str, held: Option<Self>, is_wanted: bool) -> Option<Self> {
        match (is_wanted, held) {
            (true, Some(held)) => held.keep(core).await,
            (true, None) => Self::take(core, key).await,
            (false, held) => {
                if let Some(held) = held {
                    held.release(core).await;
                }
                None
            }
        }
    }

    /// Takes it if nobody has it. One that this router left behind when it was killed is its own.
    async fn take(core: &Core, key: &str) -> Option<Self> {
        let key = own_key(key);
        let known = core.store.get(&key).await.ok()?;
        if known.as_ref().is_some_and(|entry| text(entry) != core.node) {
            return None;
        }
        let until = until(core);
        let lease = core.store.lease(CLAIM_TTL).await.ok()?;
        let checks: Vec<Check> = vec![as_read(known.as_ref(), key.as_str())];
        let write = Write::Put { key, value: core.node.clone().into(), lease: Some(lease.id()) };
        match core.store.commit(checks, vec![write]).await {
            Ok(Outcome::Done(_)) => Some(Self { lease, until }),
            // Another router was faster, or the answer was lost: the next look tells.
            _ => None,
        }
    }

    /// Keeps it, if it can be kept.
    async fn keep(self, core: &Core) -> Option<Self> {
        let next = until(core);
        match core.store.keep_alive(&*self.lease).await {
            Ok(()) => Some(Self { until: next, ..self }),
            Err(StoreError::LeaseEnded) => None,
            // The lease may still hold; this router stops relying on it in time.
            Err(_) if self.is_good(core) => Some(self),
            Err(_) => None,
        }
    }

    /// Whether this router may rely on it.
    pub fn is_good(&self, core: &Core) -> bool {
        core.clock.monotonic() < self.until
    }

    /// Gives it back, so that nobody waits for the lease to end.
    async fn release(self, core: &Core) {
        let _ = core.store.revoke(self.lease).await;
    }
}

fn until(core: &Core) -> Duration {
    core.clock.monotonic() + CLAIM_TTL.saturating_sub(CLAIM_SPARE)
}
