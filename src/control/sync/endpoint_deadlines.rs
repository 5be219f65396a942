//! Deadlines of endpoints: of those that drain, and of those that were removed from their release (docs/design.md
//! section 7).
//!
//! Neither gets a new request. What is open goes on until it ends by itself or by the deadline; until then the API shows
//! what is left. Deadlines run on monotonic time alone. One that drains softly keeps its clients until its deadline, and nothing
//! is cut there then.

use std::{
    collections::{HashMap, HashSet},
    sync::Arc,
    time::Duration,
};

use super::changes::{FirstSight, Moment, changed_apps, removed_states};
use crate::{
    control::shared::former_endpoints::{FormerEndpoint, FormerEndpoints},
    live::{endpoints::EndpointState, table::PublishedTable},
    rollout::{
        address::Address,
        app::AppName,
        release::ReleaseId,
        table::{AppRoutes, EndpointKey, EndpointRoute, ReleaseRoutes},
    },
};

/// Nobody is at an endpoint that drains softly if no request has come for such a part of its drain: who thinks that long in front
/// of a page loses little by being moved.
const QUIET_PART: u32 = 10;
/// The least of that, since pages ask in bursts.
const QUIET_LEAST: Duration = Duration::from_secs(1);
/// The most of it.
const QUIET_MOST: Duration = Duration::from_secs(30);

/// Deadlines of endpoints.
#[derive(Debug, Default)]
pub struct EndpointDeadlines {
    draining: HashMap<EndpointKey, Draining>,
    former: FormerEndpoints,
}

/// An endpoint that drains.
#[derive(Debug, Clone, Copy)]
struct Draining {
    seen: FirstSight,
    /// How many requests it had got when that changed last; none: not looked at yet.
    requests: Option<u64>,
    /// When that was (monotonic).
    used_at: Duration,
}

impl EndpointDeadlines {
    /// Starts and ends deadlines after a publish. `restored` says that the table is the first of this process.
    pub fn note_publish(
        &mut self,
        before: &PublishedTable,
        after: &PublishedTable,
        moment: Moment,
        restored: bool,
    ) {
        let fresh =
            Draining { seen: FirstSight { at: moment, restored }, requests: None, used_at: moment.now };
        for (_, then, now) in changed_apps(before, after) {
            let mut seen = HashMap::new();
            for (_, endpoint) in then.into_iter().flat_map(endpoints_of).filter(|(_, route)| route.draining) {
                let key = before.endpoint(endpoint.slot).key();
                seen.extend(self.draining.remove_entry(key));
            }
            for (_, endpoint) in now.into_iter().flat_map(endpoints_of) {
                let state = after.endpoint(endpoint.slot);
                if endpoint.draining {
                    let known = seen.get(state.key()).copied();
                    // Whoever is there has not been looked for yet.
                    if known.is_none() && endpoint.softly {
                        state.set_used(true);
                    }
                    self.draining.insert(state.key().clone(), known.unwrap_or(fresh));
                } else {
                    state.set_ended(false);
                    state.set_drain_over(false);
                    state.set_used(false);
                }
            }
            now.iter().for_each(|app| self.keep_returned(app));
        }
        self.note_removed(before, after, moment.now);
    }

    /// Ends what is due, and forgets what has nothing left, here or elsewhere.
    pub fn tick(
        &mut self,
        published: &PublishedTable,
        now: Duration,
        open_elsewhere: impl Fn(Address) -> bool,
    ) {
        let is_over =
            |former: &FormerEndpoint| former.is_settled(now) && !open_elsewhere(former.state.key().address);
        let apps = published.table.apps.values().filter(|app| !app.endpoint_drains.is_empty());
        for app in apps {
            for (release, endpoint) in endpoints_of(app).filter(|(_, endpoint)| endpoint.draining) {
                let state = published.endpoint(endpoint.slot);
                let drain =
                    app.endpoint_drains.iter().find(|drain| drain.is_of(&release.id, endpoint.address));
                if let (Some(known), Some(drain)) = (self.draining.get_mut(state.key()), drain) {
                    let length = Duration::from_millis(drain.length_ms());
                    let is_over = known.seen.end(length, drain.since) <= now;
                    state.set_ended(is_over && !drain.softly);
                    state.set_drain_over(is_over);
                    state.set_used(drain.softly && !is_over && known.is_used(state, length, now));
                }
            }
        }
        let mut settled = Vec::new();
        for (app, former) in self.former.iter() {
            for former in former.iter().filter(|former| former.ends_at.is_some_and(|at| at <= now)) {
                former.state.set_ended(true);
            }
            if former.iter().any(&is_over) {
                settled.push(app.clone());
            }
        }
        for app in settled {
            self.change(&app, |former| former.retain(|former| !is_over(former)));
        }
    }

    /// The endpoints that no table names, and where something may still be open.
    pub fn removed(&self) -> &FormerEndpoints {
        &self.former
    }

    /// An endpoint that came back has no deadline any more.
    fn keep_returned(&mut self, app: &AppRoutes) {
        let Some(former) = self.former.get(&app.name) else { return };
        let listed: HashSet<(&ReleaseId, Address)> =
            endpoints_of(app).map(|(release, endpoint)| (&release.id, endpoint.address)).collect();
        let is_back = |former: &FormerEndpoint| {
            let key = former.state.key();
            former.ends_at.is_some() && listed.contains(&(&key.release, key.address))
        };
        if former.iter().any(is_back) {
            let stay =
                |former: &mut FormerEndpoint| former.ends_at = former.ends_at.filter(|_| !is_back(former));
            self.change(&app.name, |former| former.iter_mut().for_each(stay));
        }
    }

    fn note_removed(&mut self, before: &PublishedTable, after: &PublishedTable, now: Duration) {
        for state in removed_states(&before.endpoints, &after.endpoints) {
            let name = &state.key().app;
            let app = after.table.apps.get(name);
            let most = app.map(|app| Duration::from_secs(app.settings.drainmaxseconds.into()));
            let ends_at = most.map(|most| now + most);
            state.set_used(false);
            let former = FormerEndpoint {
                state: Arc::clone(state),
                revision: after.table.revision,
                since: now,
                ends_at,
            };
            self.change(name, |all| all.push(former));
        }
    }

    /// Changes the former endpoints of one app.
    fn change(&mut self, app: &AppName, change: impl FnOnce(&mut Vec<FormerEndpoint>)) {
        let mut former = self.former.remove(app).unwrap_or_default();
        change(Arc::make_mut(&mut former));
        if !former.is_empty() {
            self.former.insert(app.clone(), former);
        }
    }
}

impl Draining {
    /// Whether somebody was there lately, of a drain of this length.
    fn is_used(&mut self, state: &EndpointState, length: Duration, now: Duration) -> bool {
        let (requests, _) = state.counts();
        if self.requests != Some(requests) {
            (self.requests, self.used_at) = (Some(requests), now);
        }
        now < self.used_at + (length / QUIET_PART).clamp(QUIET_LEAST, QUIET_MOST)
    }
}

fn endpoints_of(app: &AppRoutes) -> impl Iterator<Item = (&ReleaseRoutes, &EndpointRoute)> {
    app.listed().flat_map(|release| release.endpoints.iter().map(move |endpoint| (release, endpoint)))
}
