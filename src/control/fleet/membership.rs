//! This router as a member of its fleet: its entry, what it reports, and how it leaves.

use keyvalues::Write;
use tokio::time::{MissedTickBehavior, interval, timeout};

use super::{
    release_loads,
    report::{Heartbeat, Reporter},
};
use crate::control::{
    limits::{ACTIVITY_TICK, LEAVE_MAX},
    shared::{core::Core, entries::own_key, fleet::member::Kind},
};

/// Takes part in the fleet until the task is dropped.
pub async fn run(core: Core) {
    if !core.store.capabilities().atomic_commit {
        // The store can only be read, so no other router can learn of this one: it is a fleet of one.
        return;
    }
    tokio::join!(
        Reporter::new(core.clone()).run(),
        Heartbeat::new(core.clone()).run(),
        release_loads::run(core.clone()),
        compare(core)
    );
}

/// Ends the membership, so that nobody waits for this router any more. Call it when everything else has ended.
pub async fn leave(core: &Core) {
    if !core.store.capabilities().atomic_commit || !core.replica.status.is_followed() {
        return;
    }
    let writes = Kind::ALL.map(|kind| Write::delete(own_key(&kind.key(&core.node)))).into();
    match timeout(LEAVE_MAX, core.store.commit(Vec::new(), writes)).await {
        Ok(Ok(keyvalues::Outcome::Done(_))) => {}
        _ => tracing::warn!(
            "this router left its fleet, but its entry could not be deleted from the store: `fleet remove` does that"
        ),
    }
}

async fn compare(core: Core) {
    let mut ticks = interval(ACTIVITY_TICK);
    ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    loop {
        ticks.tick().await;
        core.roster.compare();
    }
}
