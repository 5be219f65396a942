//! Store to table: list -> watch -> adopt -> build -> publish.
//!
//! One task owns the keyspace. Whatever happens to the store, the task goes on serving the last good table: a lost
//! watch is listed again after a pause, another or an older store is refused and shown. Nothing here is ever waited
//! for by a request of an end user.

pub mod deadlines;
pub mod endpoint_ends;
pub mod followed;
pub mod follower;
pub mod identity;
pub mod last_good;
pub mod origin;
pub mod pinkeys;
pub mod restore;
pub mod upkeep;

use std::{sync::Arc, time::Duration};

use keyvalues::StoreError;
use tokio::sync::watch;

use self::follower::Follower;
use crate::control::{
    limits::{STORE_RETRY_MAX, STORE_RETRY_MIN},
    shared::{
        core::Core,
        error::{ApiError, Kind},
        state_dir::StateDir,
    },
};

/// Why following a store ended.
#[derive(Debug, thiserror::Error)]
pub enum Ended {
    /// The store failed.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// It is another store, or an older one.
    #[error("{0}")]
    Diverged(String),
    /// The watch lost its place: listing again is all it takes.
    #[error("the watch is to begin anew")]
    Resync,
}

impl Ended {
    /// Why a decision about the store could not be carried out.
    fn refusal(&self) -> ApiError {
        match self {
            Self::Store(error) => error.clone().into(),
            Self::Diverged(why) => ApiError::new(Kind::StoreDiverged, why.clone()),
            Self::Resync => ApiError::new(Kind::StoreUnavailable, self.to_string()),
        }
    }
}

/// What `sync` is started with besides the core.
#[derive(Debug, Default)]
pub struct SyncOptions {
    /// Where the last good table is kept.
    pub state_dir: Option<Arc<StateDir>>,
    /// Keyvalues for a store that is not set up yet (no `rolling/null`), in the order they are written.
    pub seed: Vec<(String, String)>,
}

/// Follows the store until `stop` says so.
pub async fn run(core: Core, options: SyncOptions, mut stop: watch::Receiver<bool>) {
    let mut follower = Follower::new(core.clone(), options);
    let mut pause = STORE_RETRY_MIN;
    loop {
        let ended = tokio::select! {
            ended = follower.follow() => ended,
            _ = stop.wait_for(|stop| *stop) => break,
        };
        if follower.take_progress() {
            pause = STORE_RETRY_MIN;
        }
        follower.note(&ended);
        if !matches!(ended, Ended::Resync) {
            tokio::select! {
                () = follower.rest(jittered(pause)) => pause = (pause * 2).min(STORE_RETRY_MAX),
                _ = stop.wait_for(|stop| *stop) => break,
            }
        }
    }
    follower.finish().await;
}

/// Between half and the whole of a pause, so that routers that lost one store do not return as one.
pub fn jittered(pause: Duration) -> Duration {
    let mut byte = [0];
    // Without randomness the pause is whole, which is still a pause.
    let _ = getrandom::fill(&mut byte);
    pause - pause / 2 * u32::from(byte[0]) / 256
}
