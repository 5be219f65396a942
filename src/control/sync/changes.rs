//! What differs between two published tables: found by identity, so that what did not change is not looked at.

use std::{sync::Arc, time::Duration};

use imbl::ordmap::DiffItem;

use crate::{
    live::table::PublishedTable,
    rollout::{app::AppName, drain::deadline, table::AppRoutes},
    slots::SlotVec,
};

/// One moment on both clocks.
#[derive(Debug, Clone, Copy)]
pub struct Moment {
    /// Monotonic.
    pub now: Duration,
    /// Unix ms.
    pub wall_ms: u64,
}

/// When this router first saw something drain.
#[derive(Debug, Clone, Copy)]
pub struct FirstSight {
    pub at: Moment,
    /// The drain was under way when this router started.
    pub restored: bool,
}

impl FirstSight {
    /// When a drain ends that began at `since_ms` (Unix) and lasts so long: monotonic.
    pub fn end(self, duration: Duration, since_ms: u64) -> Duration {
        deadline(self.at.now, duration, since_ms, self.at.wall_ms, self.restored)
    }
}

/// An app's name, its routes before, its routes after.
pub type AppChange<'a> = (&'a AppName, Option<&'a AppRoutes>, Option<&'a AppRoutes>);

/// The apps whose routes were replaced, added or removed.
pub fn changed_apps<'a>(
    before: &'a PublishedTable,
    after: &'a PublishedTable,
) -> impl Iterator<Item = AppChange<'a>> {
    before.table.apps.diff(&after.table.apps).map(|item| match item {
        DiffItem::Add(name, now) => (name, None, Some(&***now)),
        DiffItem::Remove(name, then) => (name, Some(&***then), None),
        DiffItem::Update { old: (_, then), new: (name, now) } => (name, Some(&***then), Some(&***now)),
    })
}

/// The states that no slot holds any more. One state has one slot for as long as it is published.
pub fn removed_states<'a, S>(
    before: &'a SlotVec<Arc<S>>,
    after: &'a SlotVec<Arc<S>>,
) -> impl Iterator<Item = &'a Arc<S>> {
    let changed = after.differences(before);
    changed.filter_map(|(_, then, now)| then.filter(|then| now.is_none_or(|now| !Arc::ptr_eq(then, now))))
}
