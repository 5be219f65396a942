//! Hooks: addresses that are told of releases and alarms, by a signed POST (the Standard Webhooks specification).
//!
//! A hook is stored beside the router's other own keys, and so is how far each app's history was told to it: the history
//! itself is the queue. What is told therefore survives every restart, comes in the order of the seqs, and is told at least
//! once. Of a fleet one member tells, the one that holds the claim; another takes over when its lease ends. Alarms have no
//! place in any history: who raises one tells it, and who starts anew tells those that stand.
//!
//! Nothing here is waited for by a command, a publish or a request. Without a hook nothing runs but a look at an empty
//! list every second.

pub mod claim;
pub mod client;
pub mod courier;
pub mod delivery;
pub mod notice;

use std::collections::HashMap;

use tokio::task::{AbortHandle, JoinSet};

use self::courier::Courier;
use crate::control::shared::{core::Core, hooks::hook::HookName};

/// Tells hooks what happens, until the task is dropped.
pub async fn run(core: Core) {
    if !core.store.capabilities().atomic_commit {
        // Nobody can have stored a hook there.
        return;
    }
    tokio::join!(claim::keep(core.clone()), notice::run(core.clone()), couriers(core));
}

/// One courier for each hook, while it is stored.
async fn couriers(core: Core) {
    let mut changes = core.hooks.changes();
    let mut tasks = JoinSet::new();
    let mut running: HashMap<HookName, AbortHandle> = HashMap::new();
    loop {
        running.retain(|_, courier| !courier.is_finished());
        for name in core.hooks.names() {
            running
                .entry(name.clone())
                .or_insert_with(|| tasks.spawn(Courier::new(core.clone(), name).run()));
        }
        tokio::select! {
            // The sender lives as long as `core`.
            _ = changes.changed() => {}
            Some(_) = tasks.join_next() => {}
        }
    }
}
