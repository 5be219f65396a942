//! Deadlines: when a drain is over, when a release retires, when what it left open ends (DESIGN.md section 7).
//!
//! All of them run on the monotonic clock. Wall time counts once, after a restart, to tell how much of a stored
//! deadline has passed while nobody watched.

use std::{collections::HashMap, sync::Arc, time::Duration};

use crate::{
    live::{releases::ReleaseState, table::Published},
    rollout::{
        app::AppName,
        drain::deadline,
        record::{LeftReason, Tenure},
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
        let mut drains = HashMap::new();
        for (app, release) in routed(after) {
            let state = after.release(release.slot);
            if matches!(release.standing, Standing::Draining { .. }) {
                let key = (app.name.clone(), release.tenure);
                let fresh = Seen { at: moment.now, wall_ms: moment.wall_ms, restored };
                drains.insert(key.clone(), *self.drains.get(&key).unwrap_or(&fresh));
            } else {
                state.set_drain_over(false);
            }
            state.set_ended(false);
        }
        self.drains = drains;
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
        let stays: std::collections::HashSet<_> = after.table.release_slots.iter().flatten().collect();
        for state in before.releases.iter().flatten() {
            let key = state.key();
            if key.tenure == 0 || stays.contains(key) {
                continue;
            }
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
        LeftReason::Drained => Duration::ZERO,
        LeftReason::Abort | LeftReason::Rollback | LeftReason::Replaced => {
            Duration::from_secs(app.settings.abortseconds.into())
        }
    }
}

fn routed(published: &Published) -> impl Iterator<Item = (&AppRoutes, &ReleaseRoutes)> {
    let apps = published.table.apps.values();
    apps.flat_map(|app| {
        let routed = app.releases.iter().filter(|release| release.standing != Standing::Previous);
        routed.map(move |release| (&**app, release))
    })
}
