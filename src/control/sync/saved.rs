//! What a process goes on with that was replaced in an upgrade, while it finishes what is open: the table that the new process
//! keeps in the state directory.

use std::{sync::Arc, time::SystemTime};

use tokio::time::sleep;

use super::{
    image::StoreImage,
    last_good::TABLE,
    names::{self, NAMES},
};
use crate::control::{
    limits::SAVED_LOOK,
    shared::{core::Core, state_dir::StateDir},
};

/// Publishes each table that another process keeps, for ever.
pub async fn follow_saved(core: Core, dir: Arc<StateDir>) {
    let mut image = StoreImage::new(core.clone(), Some(Arc::clone(&dir)));
    let mut seen: [Option<SystemTime>; 2] = [None; 2];
    loop {
        let changed = [TABLE, NAMES].map(|file| dir.changed_at(file));
        if changed != seen
            && let Some(revision) = image.take_saved_table()
        {
            seen = changed;
            names::take_saved(&core, &dir);
            if let Some(keyspace) = &mut image.keyspace {
                keyspace.set_names(&core.names.resolved());
                core.live.publish(keyspace.build(revision), core.clock.monotonic());
            }
        }
        sleep(SAVED_LOOK).await;
    }
}
