//! What holds `ci` back beside the lock of the record.

use std::sync::Arc;

use crate::rollout::{
    freeze::{Freeze, FreezeWindow, freeze_at},
    pipeline_lock::PipelineLock,
    record::Lock,
};

/// What holds `ci` back beside the lock of the record.
#[derive(Debug, Clone, Default)]
pub struct Holds {
    /// The lock of the app's pipelines.
    pub pipeline_lock: PipelineLock,
    /// The app's freeze windows.
    pub freeze_windows: Vec<FreezeWindow>,
    /// The freeze windows of all apps.
    pub freeze_windows_of_all: Arc<Vec<FreezeWindow>>,
}

impl Holds {
    /// The pipeline's lock, if it stands at `now` (Unix ms).
    pub fn pipeline_lock_at(&self, now: u64) -> Option<&Lock> {
        self.pipeline_lock.held_at(now)
    }

    /// The freeze that stands at `now` (Unix ms).
    pub fn freeze_at(&self, now: u64) -> Option<Freeze> {
        freeze_at(self.freeze_windows.iter().chain(self.freeze_windows_of_all.iter()), now)
    }
}
