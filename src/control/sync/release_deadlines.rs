//! Deadlines of releases: when a drain is over, when a release retires, when what it left open ends (docs/design.md section 7).
//!
//! All of them run on the monotonic clock. Wall time counts once, after a restart, to tell how much of a stored
//! deadline has passed while nobody watched.

use std::{collections::HashMap, sync::Arc, time::Duration};

use super::changes::{FirstSight, Moment, changed_apps, removed_states};
use crate::{
    live::{releases::ReleaseState, table::PublishedTable},
    rollout::{
        app::AppName,
        record::{LeaveReason, Tenure},
        table::{AppRoutes, ReleaseRoutes, Standing},
    },
};

/// The deadlines of every release that left its track.
#[derive(Debug, Default)]
pub struct ReleaseDeadlines {
    drains: HashMap<(AppName, Tenure), FirstSight>,
    ending: Vec<(Arc<ReleaseState>, Duration)>,
}

impl ReleaseDeadlines {
    /// Starts and ends deadlines after a publish. `restored` says that the table is the first of this process.
    pub fn note_publish(
        &mut self,
        before: &PublishedTable,
        after: &PublishedTable,
        moment: Moment,
        restored: bool,
    ) {
        let fresh = FirstSight { at: moment, restored };
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

    /// Ends what is due, and gives the releases that are to be retired. A router whose wall clock is off (`trusted` is
    /// false) ends no drain.
    pub fn tick(
        &mut self,
        published: &PublishedTable,
        now: Duration,
        trusted: bool,
    ) -> Vec<(AppName, Tenure)> {
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

    fn note_departures(&mut self, before: &PublishedTable, after: &PublishedTable, now: Duration) {
        let was_routed = |state: &&Arc<ReleaseState>| state.key().tenure != 0;
        for state in removed_states(&before.releases, &after.releases).filter(was_routed) {
            let key = state.key();
            let app = after.table.apps.get(&key.app);
            let grace = app.map_or(Duration::ZERO, |app| grace_of(app, key.tenure));
            self.ending.push((Arc::clone(state), now + grace));
        }
    }
}

/// How long open requests of a release may go on after it left.
fn grace_of(app: &AppRoutes, tenure: Tenure) -> Duration {
    match app.left(tenure) {
        LeaveReason::Drained => Duration::ZERO,
        LeaveReason::Abort | LeaveReason::Rollback | LeaveReason::Replaced => {
            Duration::from_secs(app.settings.abortseconds.into())
        }
    }
}

fn routed(published: &PublishedTable) -> impl Iterator<Item = (&AppRoutes, &ReleaseRoutes)> {
    published.table.apps.values().flat_map(|app| routed_of(app))
}

fn routed_of(app: &AppRoutes) -> impl Iterator<Item = (&AppRoutes, &ReleaseRoutes)> {
    app.releases.iter().map(move |release| (app, release))
}
