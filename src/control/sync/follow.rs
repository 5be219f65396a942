//! Following the store for as long as the router runs: one attempt after the other, with a pause between them.

use tokio::sync::watch;

use super::{
    follower::{Follower, SyncOptions},
    interruption::Interruption,
};
use crate::control::{
    limits::{STORE_RETRY_MAX, STORE_RETRY_MIN},
    shared::{backoff::jittered, core::Core},
};

/// Follows the store until `stop` says so.
pub async fn run(core: Core, options: SyncOptions, mut stop: watch::Receiver<bool>) {
    let mut follower = Follower::new(core.clone(), options);
    let mut pause = STORE_RETRY_MIN;
    loop {
        let interruption = tokio::select! {
            interruption = follower.follow() => interruption,
            _ = stop.wait_for(|stop| *stop) => break,
        };
        if follower.take_progress() {
            pause = STORE_RETRY_MIN;
        }
        follower.note(&interruption);
        if !matches!(interruption, Interruption::Resync) {
            tokio::select! {
                () = follower.rest(jittered(pause)) => pause = (pause * 2).min(STORE_RETRY_MAX),
                _ = stop.wait_for(|stop| *stop) => break,
            }
        }
    }
    follower.finish().await;
}
