//! This router as a member of its fleet: its entry, what it reports, and how it leaves.

use std::sync::Arc;

use keyvalues::Write;
use tokio::time::{MissedTickBehavior, interval, timeout};

use super::{
    load,
    report::{Beat, Reporter},
};
use crate::control::{
    commands::stored::own_key,
    limits::{ACTIVITY_TICK, LEAVE_MAX},
    shared::{
        core::Core,
        fleet::member::{Entry, Kind, Report},
    },
};

/// Takes part in the fleet until the task is dropped.
pub async fn run(core: Core) {
    if !core.store.capabilities().atomic_commit {
        // It can only be read, so nobody can know of this router: it is a fleet of one.
        return;
    }
    tokio::join!(
        Reporter::new(core.clone()).run(),
        Beat::new(core.clone()).run(),
        load::run(core.clone()),
        compare(core)
    );
}

/// Ends the membership, so that nobody waits for this router any more. Whatever it had under way has ended.
pub async fn leave(core: &Core) {
    if !core.store.capabilities().atomic_commit || !core.status.is_followed() {
        return;
    }
    let writes = Kind::ALL.map(|kind| Write::delete(own_key(&kind.key(&core.node)))).into();
    match timeout(LEAVE_MAX, core.store.commit(Vec::new(), writes)).await {
        Ok(Ok(keyvalues::Outcome::Done(_))) => {}
        _ => tracing::warn!(
            "the store did not take note that this router left its fleet; remove it there by hand"
        ),
    }
}

/// This router's entry.
pub fn own_entry(core: &Core) -> Entry {
    Entry { name: core.name().to_owned(), version: env!("CARGO_PKG_VERSION").to_owned() }
}

async fn compare(core: Core) {
    let mut ticks = interval(ACTIVITY_TICK);
    ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    loop {
        ticks.tick().await;
        core.roster.compare();
    }
}

/// What this router serves now, as others would read it.
pub fn serving(core: &Core) -> Arc<Report> {
    Arc::clone(&core.roster.serving().borrow())
}
