//! The claim: of all routers that share a store, one tells hooks. It holds a key that ends with its lease, and lets go of
//! telling before anybody else can have it.

use std::time::Duration;

use keyvalues::{Check, Lease, Outcome, StoreError, Write};
use tokio::time::{sleep, timeout};

use crate::control::{
    limits::{HOOK_CLAIM_EVERY, HOOK_CLAIM_SPARE, HOOK_CLAIM_TTL, LEAVE_MAX},
    shared::{core::Core, entries::own_key, hooks::claim::CLAIM},
};

/// Takes the claim when it is free, and keeps it while there are hooks, until the task is dropped.
pub async fn keep(core: Core) {
    let mut changes = core.hooks.changes();
    let mut held: Option<Held> = None;
    loop {
        let wanted = !core.hooks.is_empty() && core.replica.status.is_followed();
        held = match (wanted, held.take()) {
            (true, Some(held)) => held.kept(&core).await,
            (true, None) => Held::take(&core).await,
            (false, held) => {
                if let Some(held) = held {
                    held.let_go(&core).await;
                }
                None
            }
        };
        let until = held.as_ref().map(|held| held.until);
        core.hooks.hold(until, core.clock.monotonic());
        tokio::select! {
            // The sender lives as long as `core`. What is told changes the board too, and is no reason to look.
            _ = changes.changed(), if held.is_none() => {}
            () = sleep(HOOK_CLAIM_EVERY) => {}
        }
    }
}

/// Lets go of the claim at the end, so that nobody waits for the lease.
pub async fn leave(core: &Core) {
    let own = core.hooks.claim().filter(|claim| claim.node == core.node);
    let Some(claim) = own.filter(|_| core.replica.status.is_followed()) else { return };
    core.hooks.hold(None, core.clock.monotonic());
    let check = Check::Unchanged(own_key(CLAIM), claim.revision);
    // Whoever waits for it has it when the lease ends, at the latest.
    let _ = timeout(LEAVE_MAX, core.store.commit(vec![check], vec![Write::delete(own_key(CLAIM))])).await;
}

struct Held {
    lease: Box<dyn Lease>,
    /// Until when it surely holds (monotonic).
    until: Duration,
}

impl Held {
    /// Takes the claim if nobody has it. One that this router left behind when it was killed is its own.
    async fn take(core: &Core) -> Option<Self> {
        let known = core.hooks.claim();
        if known.as_ref().is_some_and(|claim| claim.is_taken(&core.node)) {
            return None;
        }
        let until = until(core);
        let lease = core.store.lease(HOOK_CLAIM_TTL).await.ok()?;
        let check = match known {
            Some(claim) => Check::Unchanged(own_key(CLAIM), claim.revision),
            None => Check::Absent(own_key(CLAIM)),
        };
        let write =
            Write::Put { key: own_key(CLAIM), value: core.node.clone().into(), lease: Some(lease.id()) };
        match core.store.commit(vec![check], vec![write]).await {
            Ok(Outcome::Done(_)) => Some(Self { lease, until }),
            // Somebody was faster, or nobody knows: what the watch brings next tells.
            _ => None,
        }
    }

    async fn kept(self, core: &Core) -> Option<Self> {
        let next = until(core);
        match core.store.in_time(self.lease.keep_alive()).await {
            Ok(()) => Some(Self { until: next, ..self }),
            Err(StoreError::LeaseEnded) => None,
            // It may hold still; telling ends in time by itself.
            Err(_) if core.clock.monotonic() < self.until => Some(self),
            Err(_) => None,
        }
    }

    async fn let_go(self, core: &Core) {
        let _ = core.store.in_time(self.lease.revoke()).await;
    }
}

fn until(core: &Core) -> Duration {
    core.clock.monotonic() + HOOK_CLAIM_TTL.saturating_sub(HOOK_CLAIM_SPARE)
}
