//! Looking the names of endpoints up, for as long as the router runs, and keeping what they stand for on disk: a router that
//! starts while no name server answers serves what it served.

use std::sync::Arc;

use parking_lot::Mutex;
use tokio::time::{MissedTickBehavior, interval};

use crate::control::{
    limits::LOOK_UP_EVERY,
    shared::{core::Core, names::board::SavedNames, state_dir::StateDir},
};

/// The file with the last addresses of names.
pub const NAMES: &str = "names";

/// Takes the addresses that another process kept.
pub fn take_saved(core: &Core, dir: &StateDir) {
    let Some(json) = dir.read(NAMES) else { return };
    match serde_json::from_slice(&json) {
        Ok(saved) => core.names.take_saved(saved),
        Err(error) => {
            tracing::warn!(%error, "the addresses of names in the state directory cannot be read and are ignored");
        }
    }
}

/// Looks names up until the task is dropped: all of them every few seconds, and new ones at once.
pub async fn run(core: Core, dir: Option<Arc<StateDir>>) {
    let kept = KeptNames { dir, names: Mutex::default() };
    tokio::join!(look_up_again(&core, &kept), look_up_new(&core, &kept));
}

async fn look_up_again(core: &Core, kept: &KeptNames) {
    let mut ticks = interval(LOOK_UP_EVERY);
    ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    loop {
        ticks.tick().await;
        core.names.look_up(core.names.wanted_hosts()).await;
        core.names.forget_unwanted();
        kept.keep(core.names.to_saved());
    }
}

async fn look_up_new(core: &Core, kept: &KeptNames) {
    loop {
        core.names.asked.notified().await;
        core.names.look_up(core.names.unknown_hosts()).await;
        kept.keep(core.names.to_saved());
    }
}

/// The addresses that the file holds.
struct KeptNames {
    dir: Option<Arc<StateDir>>,
    names: Mutex<SavedNames>,
}

impl KeptNames {
    /// Writes the file if these are others.
    fn keep(&self, names: SavedNames) {
        let mut kept = self.names.lock();
        let Some(dir) = self.dir.as_ref().filter(|_| *kept != names) else { return };
        let written = serde_json::to_vec(&names).map_err(std::io::Error::other);
        if let Err(error) = written.and_then(|json| dir.write(NAMES, &json)) {
            tracing::error!(%error, "the addresses of names cannot be kept in the state directory");
        }
        *kept = names;
    }
}
