//! The ends of endpoints: of those that drain, and of those that were taken out of their release (DESIGN.md section 7).
//!
//! Neither gets a new request. What is open goes on until it ends, or until the deadline; who asks meanwhile is told
//! what is left. Monotonic time alone ends anything.

use std::{
    collections::{HashMap, HashSet},
    sync::Arc,
    time::Duration,
};

use super::deadlines::{Moment, Seen};
use crate::{
    live::{endpoints::EndpointState, table::Published},
    rollout::table::{AppRoutes, EndpointKey, EndpointRoute, ReleaseRoutes},
};

/// How long an endpoint that is gone is remembered although nothing is open there: a request that was routed before
/// may still be on its way to it.
const SETTLED: Duration = Duration::from_secs(60);

/// An endpoint that no table names any more.
#[derive(Debug, Clone)]
pub struct Gone {
    /// What is still open there.
    pub state: Arc<EndpointState>,
    /// When this router saw it go.
    since: Duration,
    /// When what is open ends; none where it came back, or where its app is gone.
    ends_at: Option<Duration>,
}

/// Deadlines of endpoints.
#[derive(Debug, Default)]
pub struct EndpointEnds {
    draining: HashMap<EndpointKey, Seen>,
    gone: Vec<Gone>,
}

impl EndpointEnds {
    /// Takes note of a publish. `restored` says that the table is the first of this process.
    pub fn published(&mut self, before: &Published, after: &Published, moment: Moment, restored: bool) {
        let fresh = Seen { at: moment.now, wall_ms: moment.wall_ms, restored };
        let mut draining = HashMap::new();
        for (_, _, endpoint) in endpoints(after) {
            let state = after.endpoint(endpoint.slot);
            if endpoint.draining {
                let seen = *self.draining.get(state.key()).unwrap_or(&fresh);
                draining.insert(state.key().clone(), seen);
            } else {
                state.set_ended(false);
            }
        }
        self.draining = draining;
        self.note_gone(before, after, moment.now);
    }

    /// Ends what is due, and forgets what has nothing left.
    pub fn tick(&mut self, published: &Published, now: Duration) {
        for (app, release, endpoint) in endpoints(published).filter(|(.., endpoint)| endpoint.draining) {
            let state = published.endpoint(endpoint.slot);
            let drain = app.endpoint_drains.iter().find(|drain| drain.is_of(&release.id, endpoint.address));
            if let (Some(seen), Some(drain)) = (self.draining.get(state.key()), drain) {
                let length = Duration::from_millis(drain.length_ms());
                state.set_ended(seen.end(length, drain.since) <= now);
            }
        }
        for gone in self.gone.iter().filter(|gone| gone.ends_at.is_some_and(|at| at <= now)) {
            gone.state.set_ended(true);
        }
        self.gone.retain(|gone| gone.state.in_flight() > 0 || now.saturating_sub(gone.since) < SETTLED);
    }

    /// The endpoints that no table names, and where something may still be open.
    pub fn gone(&self) -> &[Gone] {
        &self.gone
    }

    fn note_gone(&mut self, before: &Published, after: &Published, now: Duration) {
        let stays: HashSet<&EndpointKey> = after.table.endpoint_slots.iter().flatten().collect();
        for back in self.gone.iter_mut().filter(|gone| stays.contains(gone.state.key())) {
            back.ends_at = None;
        }
        for state in before.endpoints.iter().flatten().filter(|state| !stays.contains(state.key())) {
            let app = after.table.apps.get(&state.key().app);
            let most = app.map(|app| Duration::from_secs(app.settings.drainmaxseconds.into()));
            let ends_at = most.map(|most| now + most);
            self.gone.push(Gone { state: Arc::clone(state), since: now, ends_at });
        }
    }
}

fn endpoints(published: &Published) -> impl Iterator<Item = (&AppRoutes, &ReleaseRoutes, &EndpointRoute)> {
    published.table.apps.values().flat_map(|app| {
        let releases = app.releases.iter();
        releases.flat_map(move |release| {
            release.endpoints.iter().map(move |endpoint| (&**app, release, endpoint))
        })
    })
}
