//! One moment of everything that the states of apps are made from.

use std::{collections::BTreeSet, sync::Arc};

use crate::{
    blocks::BlockMap,
    control::{
        fleet::{elsewhere::Elsewhere, load::Loads},
        shared::{activity::Board, core::Core, gone::GoneEndpoints, view::View},
    },
    live::table::Published,
    rollout::app::AppName,
};

/// Everything a state is made from, of one moment.
pub struct Snapshot {
    pub view: Arc<View>,
    pub published: Arc<Published>,
    pub(super) board: Arc<Board>,
    pub(super) gone: Arc<GoneEndpoints>,
    pub(super) loads: Loads,
    pub(super) elsewhere: Elsewhere,
    pub(super) now_ms: u64,
    /// Leave out what changes with every request, to see whether anything else did.
    pub(super) still: bool,
}

impl Snapshot {
    /// Now, with everything.
    pub fn of(core: &Core) -> Self {
        Self {
            view: core.replica.view.load_full(),
            published: core.live.load_full(),
            board: core.board.load_full(),
            gone: core.replica.gone.load_full(),
            loads: Loads::of(core),
            elsewhere: Elsewhere::of(core),
            now_ms: core.clock.wall_ms(),
            still: false,
        }
    }

    /// The same moment without activity and load.
    pub fn still(&self) -> Self {
        Self {
            view: Arc::clone(&self.view),
            published: Arc::clone(&self.published),
            board: Arc::default(),
            gone: Arc::clone(&self.gone),
            loads: Loads::default(),
            elsewhere: self.elsewhere.clone(),
            now_ms: self.now_ms,
            still: true,
        }
    }

    /// The apps of which anything but activity may differ from what it was, ended ones included.
    pub fn changed_since(&self, view: &View, published: &Published) -> BTreeSet<AppName> {
        let concerns_all = !Arc::ptr_eq(&self.view.problems, &view.problems)
            || default_app(&self.published) != default_app(published);
        if concerns_all {
            return self.view.apps.keys().chain(view.apps.keys()).cloned().collect();
        }
        let read = changed(&self.view.apps, &view.apps);
        read.chain(changed(&self.published.table.apps, &published.table.apps)).cloned().collect()
    }

    /// The apps that exist, by name.
    pub fn apps(&self) -> Vec<AppName> {
        self.view.apps.keys().cloned().collect()
    }

    /// The app for unknown hosts.
    pub fn default_app(&self) -> Option<&AppName> {
        default_app(&self.published)
    }

    /// An app's seq; 0 before its first record.
    pub fn seq(&self, app: &AppName) -> Option<u64> {
        self.view.apps.get(app).map(|view| view.record.as_ref().map_or(0, |record| record.seq))
    }
}

/// The app for unknown hosts, by this table.
fn default_app(published: &Published) -> Option<&AppName> {
    published.table.default_app.as_ref().map(|app| &app.name)
}

/// The keys of values that are not the same ones.
fn changed<'a, T>(
    now: &'a BlockMap<AppName, Arc<T>>,
    then: &'a BlockMap<AppName, Arc<T>>,
) -> impl Iterator<Item = &'a AppName> {
    let differ = |then: Option<&Arc<T>>, now: Option<&Arc<T>>| match (then, now) {
        (Some(then), Some(now)) => !Arc::ptr_eq(then, now),
        _ => true,
    };
    now.differences(then).filter(move |(_, then, now)| differ(*then, *now)).map(|(name, ..)| name)
}
