//! The history that a store keeps: an etcd that nobody compacts grows until its disk, or its quota, is full.

use std::sync::atomic::Ordering;

use tokio::time::sleep;

use crate::control::{
    limits::{HISTORY_CHECK_EVERY, HISTORY_REVISIONS_MAX, REPORT_RETRY},
    shared::core::Core,
};

/// Looks at how much there is, and leaves it where the alarms find it, until the task is dropped.
pub async fn run(core: Core) {
    loop {
        if !core.replica.status.is_followed() {
            sleep(REPORT_RETRY).await;
            continue;
        }
        // A store that does not answer says so elsewhere.
        if let Ok(grows) = core.store.has_history(HISTORY_REVISIONS_MAX).await
            && core.replica.history_grows.swap(grows, Ordering::Relaxed) != grows
            && grows
        {
            tracing::warn!("{}", message());
        }
        sleep(HISTORY_CHECK_EVERY).await;
    }
}

/// What to do about it.
pub fn message() -> String {
    format!(
        "the store keeps more than {HISTORY_REVISIONS_MAX} old revisions of its keys, and grows: give etcd automatic compaction \
         (`--auto-compaction-retention=1h`), then compact and defragment it once with etcdctl"
    )
}
