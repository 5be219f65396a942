//! This router as a member of its fleet: its entry, what it reports, and how it leaves.

use keyvalues::{Check, Outcome, Revision, StoreError, Write};
use tokio::time::{MissedTickBehavior, interval, timeout};

use super::{history, past, release_loads, report::Reporter, sign_of_life::Heartbeat};
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
        past::run(core.clone()),
        take_name_over(core.clone()),
        history::run(core.clone()),
        compare(core)
    );
}

/// Ends the membership, so that nobody waits for this router any more. Call it when everything else has ended.
pub async fn leave(core: &Core) {
    if !core.store.capabilities().atomic_commit || !core.replica.status.is_followed() {
        return;
    }
    match timeout(LEAVE_MAX, core.store.commit(Vec::new(), deletion(&core.node))).await {
        Ok(Ok(Outcome::Done(_))) => {}
        _ => tracing::warn!(
            "this router left its fleet, but its entry could not be deleted from the store: `fleet remove` does that"
        ),
    }
}

/// The writes that end a membership. What the member has counted of candidates stays: it is counted.
pub fn deletion(node: &str) -> Vec<Write> {
    let kinds = Kind::ALL.into_iter().filter(|kind| *kind != Kind::Evidence);
    kinds.map(|kind| Write::delete(own_key(&kind.key(node)))).collect()
}

/// Ends the membership of one that gives no sign of life; `None` if it has given one by now.
pub async fn forget_silent(core: &Core, node: &str) -> Result<Option<Revision>, StoreError> {
    let silent = Check::Absent(own_key(&Kind::SignOfLife.key(node)));
    match core.store.commit(vec![silent], deletion(node)).await? {
        Outcome::Done(revision) => Ok(Some(revision)),
        Outcome::Conflict(_) => Ok(None),
        Outcome::Unknown(why) => Err(StoreError::Unreachable(why)),
    }
}

/// Takes this router's name over from members that are presumed gone: a container that was started anew has another node id
/// and its predecessor's name. If the predecessor comes back, it enters itself again, and an alarm names both.
async fn take_name_over(core: Core) {
    let mut ticks = interval(ACTIVITY_TICK);
    ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    loop {
        ticks.tick().await;
        if !core.replica.status.is_followed() {
            continue;
        }
        for (node, member) in core.presumed_gone() {
            if member.name(&node) != core.name() {
                continue;
            }
            // What fails is tried again at the next tick.
            if let Ok(Some(_)) = forget_silent(&core, &node).await {
                tracing::info!(
                    node,
                    name = core.name(),
                    "this router took its name over from a member that is presumed gone"
                );
            }
        }
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
