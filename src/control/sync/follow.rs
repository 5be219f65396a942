//! Following the store for as long as the router runs: one attempt after the other, with a pause between them.

use tokio::sync::watch;

use super::{
    follower::{Follower, SyncOptions},
    interruption::Interruption,
};
use crate::control::shared::{backoff::Backoff, core::Core};

/// Follows the store until `stop` says so.
pub async fn run(core: Core, options: SyncOptions, mut stop: watch::Receiver<bool>) {
    let mut follower = Follower::new(core.clone(), options);
    let mut backoff = Backoff::default();
    loop {
        let interruption = tokio::select! {
            interruption = follower.follow() => interruption,
            _ = stop.wait_for(|stop| *stop) => break,
        };
        if follower.take_progress() {
            backoff.reset();
        }
        follower.report(&interruption);
        if !matches!(interruption, Interruption::Resync) {
            tokio::select! {
                () = follower.rest(backoff.next_pause()) => {}
                _ = stop.wait_for(|stop| *stop) => break,
            }
        }
    }
    follower.finish().await;
}
