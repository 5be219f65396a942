//! Deadlines: when a drain is over, when a release retires, when what it left open ends (docs/design.md section 7).
//!
//! All of them run on the monotonic clock. Wall time counts once, after a restart, to tell how much of a stored
//! deadline has passed while nobody watched.

use std::{collections::HashMap, sync::Arc, time::Duration};

use crate::{
    blocks::SlotVec,
    live::{releases::ReleaseState, table::Published},
    rollout::{
        app::AppName,
        drain::deadline,
        record::{LeaveReason, Tenure},
        table::{AppRoutes, ReleaseRoutes, Standing},
    },
};

/// Deadlines of everything that left its track.
#[derive(Debug, Default)]
pub struct Deadlines {
    drains: HashMap<(AppName, Tenure), Seen>,
    ending: Vec<(Arc<ReleaseState>, Duration)>,
}

/// When this router first saw a release drain.
#[derive(Debug, Clone, Copy)]
pub(super) struct Seen {
    pub(super) at: Duration,
    pub(super) wall_ms: u64,
    /// The drain was under way when this router started.
    pub(super) restored: bool,
}

/// One moment on both clocks.
#[derive(Debug, Clone, Copy)]
pub struct Moment {
    /// Monotonic.
    pub now: Duration,
    /// Unix ms.
    pub wall_ms: u64,
}

impl Deadlines {
    /// Takes note of a publish. `restored` says that the table is the first of this process.
    pub fn published(&mut self, before: &Published, after: &Published, moment: Moment, restored: bool) {
        let fresh = Seen { at: moment.now, wall_ms: moment.wall_ms, restored };
        let mut seen = HashMap::new();
        for (_, then, now) in changed_apps(before, after) {
            for (app, release) in then.into_iter().flat_map(routed_of) {
                let key = (app.name.clone(), release.tenure);
                seen.extend(self.drains.remove(&key).map(|drain| (key, drain)));
            }
            for (app, release) in now.into_iter().flat_map(routed_of) {
                let state = after.release(release.slot);
                if matches!(release.standing, Standing::Draining { .. }) {
                    let key = (app.name.clone(), release.tenure);
                    let drain = seen.get(&key).copied().unwrap_or(fresh);
                    self.drains.insert(key, drain);
                } else {
                    state.set_drain_over(false);
                }
                state.set_ended(false);
            }
        }
        self.note_departures(before, after, moment.now);
    }

    /// Ends what is due, and says which releases are to be retired. A router whose wall clock is off (`trusted` is
    /// false) ends no drain.
    pub fn tick(&mut self, published: &Published, now: Duration, trusted: bool) -> Vec<(AppName, Tenure)> {
        self.ending.retain(|(state, at)| {
            let due = *at <= now;
            if due {
                state.set_ended(true);
            }
            !due
        });
        let mut retire = Vec::new();
        if !trusted {
            return retire;
        }
        for (app, release) in routed(published) {
            let Standing::Draining { since, until } = release.standing else { continue };
            let key = (app.name.clone(), release.tenure);
            let Some(seen) = self.drains.get(&key) else { continue };
            let drain = Duration::from_secs(app.settings.drainseconds.into());
            let most = Duration::from_millis(until.saturating_sub(since));
            published.release(release.slot).set_drain_over(seen.end(drain, since) <= now);
            if seen.end(most, since) <= now {
                retire.push(key);
            }
        }
        retire
    }

    fn note_departures(&mut self, before: &Published, after: &Published, now: Duration) {
        let departed = |state: &&Arc<ReleaseState>| state.key().tenure != 0;
        for state in left(&before.releases, &after.releases).filter(departed) {
            let key = state.key();
            let app = after.table.apps.get(&key.app);
            let grace = app.map_or(Duration::ZERO, |app| grace_of(app, key.tenure));
            self.ending.push((Arc::clone(state), now + grace));
        }
    }
}

impl Seen {
    pub(super) fn end(self, duration: Duration, since_ms: u64) -> Duration {
        deadline(self.at, duration, since_ms, self.wall_ms, self.restored)
    }
}

/// How long what a release left open may go on.
fn grace_of(app: &AppRoutes, tenure: Tenure) -> Duration {
    match app.left(tenure) {
        LeaveReason::Drained => Duration::ZERO,
        LeaveReason::Abort | LeaveReason::Rollback | LeaveReason::Replaced => {
            Duration::from_secs(app.settings.abortseconds.into())
        }
    }
}

fn routed(published: &Published) -> impl Iterator<Item = (&AppRoutes, &ReleaseRoutes)> {
    published.table.apps.values().flat_map(|app| routed_of(app))
}

fn routed_of(app: &AppRoutes) -> impl Iterator<Item = (&AppRoutes, &ReleaseRoutes)> {
    app.releases.iter().map(move |release| (app, release))
}

/// An app's name, its routes as they were, its routes as they are.
pub(super) type Changed<'a> = (&'a AppName, Option<&'a AppRoutes>, Option<&'a AppRoutes>);

/// The apps whose routes are other ones than before, or are gone: name, as they were, as they are.
pub(super) fn changed_apps<'a>(
    before: &'a Published,
    after: &'a Published,
) -> impl Iterator<Item = Changed<'a>> {
    let apps = after.table.apps.differences(&before.table.apps);
    let changed = apps.filter(|(_, then, now)| match (then, now) {
        (Some(then), Some(now)) => !Arc::ptr_eq(then, now),
        _ => true,
    });
    changed.map(|(name, then, now)| (name, then.map(|app| &**app), now.map(|app| &**app)))
}

/// The states that no slot holds any more. One state has one slot for as long as it is published.
pub(super) fn left<'a, S>(
    before: &'a SlotVec<Arc<S>>,
    after: &'a SlotVec<Arc<S>>,
) -> impl Iterator<Item = &'a Arc<S>> {
    let changed = after.differences(before);
    changed.filter_map(|(_, then, now)| then.filter(|then| now.is_none_or(|now| !Arc::ptr_eq(then, now))))
}
