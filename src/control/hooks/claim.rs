//! Holding the claim: of all routers that share a store, one sends to hooks. It holds a key that ends with its lease, and
//! stops sending before another router can have the claim.

use std::time::Duration;

use keyvalues::{Check, Lease, Outcome, StoreError, Write};
use tokio::time::{sleep, timeout};

use crate::control::{
    limits::{HOOK_CLAIM_EVERY, HOOK_CLAIM_SPARE, HOOK_CLAIM_TTL, LEAVE_MAX},
    shared::{core::Core, entries::own_key, hooks::claim::CLAIM_KEY},
};

/// Takes the claim when it is free, and keeps it while there are hooks, until the task is dropped.
pub async fn keep(core: Core) {
    let mut changes = core.hooks.changes();
    let mut held: Option<HeldClaim> = None;
    loop {
        let wanted = !core.hooks.is_empty() && core.replica.status.is_followed();
        held = match (wanted, held.take()) {
            (true, Some(held)) => held.keep_alive(&core).await,
            (true, None) => HeldClaim::take(&core).await,
            (false, held) => {
                if let Some(held) = held {
                    held.release(&core).await;
                }
                None
            }
        };
        let until = held.as_ref().map(|held| held.until);
        core.hooks.set_claim(until, core.clock.monotonic());
        tokio::select! {
            // The sender lives as long as `core`. While this router holds the claim, a change is no reason to look: each
            // delivery is one.
            _ = changes.changed(), if held.is_none() => {}
            () = sleep(HOOK_CLAIM_EVERY) => {}
        }
    }
}

/// Gives the claim back before the process ends, so that no other router waits for the lease to end.
pub async fn leave(core: &Core) {
    let own = core.hooks.claim().filter(|claim| claim.node == core.node);
    let Some(claim) = own.filter(|_| core.replica.status.is_followed()) else { return };
    core.hooks.set_claim(None, core.clock.monotonic());
    let check = Check::Unchanged(own_key(CLAIM_KEY), claim.revision);
    // If this fails, the claim is free when the lease ends.
    let _ = timeout(LEAVE_MAX, core.store.commit(vec![check], vec![Write::delete(own_key(CLAIM_KEY))])).await;
}

struct HeldClaim {
    lease: Box<dyn Lease>,
    /// Until when this router may rely on it (monotonic).
    until: Duration,
}

impl HeldClaim {
    /// Takes the claim if nobody has it. A claim that this router left behind when it was killed is its own.
    async fn take(core: &Core) -> Option<Self> {
        let known = core.hooks.claim();
        if known.as_ref().is_some_and(|claim| claim.is_taken(&core.node)) {
            return None;
        }
        let until = until(core);
        let lease = core.store.lease(HOOK_CLAIM_TTL).await.ok()?;
        let check = match known {
            Some(claim) => Check::Unchanged(own_key(CLAIM_KEY), claim.revision),
            None => Check::Absent(own_key(CLAIM_KEY)),
        };
        let write =
            Write::Put { key: own_key(CLAIM_KEY), value: core.node.clone().into(), lease: Some(lease.id()) };
        match core.store.commit(vec![check], vec![write]).await {
            Ok(Outcome::Done(_)) => Some(Self { lease, until }),
            // Another router was faster, or the answer was lost: the watch will tell.
            _ => None,
        }
    }

    async fn keep_alive(self, core: &Core) -> Option<Self> {
        let next = until(core);
        match core.store.keep_alive(&*self.lease).await {
            Ok(()) => Some(Self { until: next, ..self }),
            Err(StoreError::LeaseEnded) => None,
            // The lease may still hold; this router stops relying on it in time.
            Err(_) if core.clock.monotonic() < self.until => Some(self),
            Err(_) => None,
        }
    }

    async fn release(self, core: &Core) {
        let _ = core.store.revoke(self.lease).await;
    }
}

fn until(core: &Core) -> Duration {
    core.clock.monotonic() + HOOK_CLAIM_TTL.saturating_sub(HOOK_CLAIM_SPARE)
}
