//! The tasks that send to hooks: one keeps the claim, one raises notices, and each hook has a courier.

use std::collections::HashMap;

use tokio::task::{AbortHandle, JoinSet};

use super::{claim, courier::Courier, notice};
use crate::control::shared::{core::Core, hooks::hook::HookName};

/// Sends to hooks until the task is dropped.
pub async fn run(core: Core) {
    if !core.store.capabilities().atomic_commit {
        // Such a store holds no hooks.
        return;
    }
    tokio::join!(claim::keep(core.clone()), notice::run(core.clone()), couriers(core));
}

/// Runs one courier for each hook while that is stored.
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
