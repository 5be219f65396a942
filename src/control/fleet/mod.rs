//! The fleet: any number of routers that watch one store (docs/design.md section 10).
//!
//! A router enters as a durable entry in the store before it reads what it will serve, so whoever commits later knows of
//! it. It reports what it serves, coalesced, gives signs of life under a lease, and leaves with a graceful exit. Other
//! members learn all of that by the watch that they follow anyway. Alone, a router writes its entry and nothing else.
//!
//! Absent on purpose: any agreement among members. What is agreed on is in the store, guarded by its checks.

pub mod alarms;
pub mod elsewhere;
pub mod load;
pub mod member;
pub mod report;
pub mod roster;
pub mod rotation;
pub mod wait;

use std::sync::Arc;

use keyvalues::Write;
use tokio::time::{MissedTickBehavior, interval, timeout};

use self::{
    member::{Entry, Kind},
    report::{Beat, Reporter},
};
use super::{
    commands::stored::own_key,
    core::Core,
    limits::{ACTIVITY_TICK, LEAVE_MAX},
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
pub fn serving(core: &Core) -> Arc<member::Report> {
    Arc::clone(&core.roster.serving().borrow())
}
