//! Active health checks: every endpoint of the published table is checked all the time (docs/design.md section 6).
//!
//! One task looks at the published table a few times a second and starts the checks that are due, so a table of 10,000
//! endpoints costs no task per endpoint. Checks run beside the data plane, never on a worker. The same task runs ejection,
//! and lets endpoints that are new or came back start slowly.

use std::{
    collections::HashMap,
    sync::{Arc, Weak},
    time::Duration,
};

use tokio::sync::Semaphore;

use super::{eject::Ejector, shortage::is_shortage};
use crate::{
    clock::Clock,
    health_check::check_endpoint,
    limits::{SLOW_START_MS, SLOW_START_PERCENT},
    live::{
        endpoints::EndpointState,
        table::{LiveTable, PublishedTable},
    },
    rollout::{settings::Settings, target::EndpointSlot},
};

/// How often due checks are started. A new endpoint waits no longer than this for its first check.
const TICK: Duration = Duration::from_millis(100);
/// Checks under way at once; each holds a descriptor.
const CHECKS_MAX: usize = 256;
/// How often outliers are looked for.
const EJECT_INTERVAL: Duration = Duration::from_secs(1);

/// When an endpoint is checked next. Its state is held weakly, so that another endpoint in the same slot is a new one.
struct Due {
    state: Weak<EndpointState>,
    at: Duration,
    /// Since when it serves.
    serves_since: Option<Duration>,
}

/// Checks every endpoint of the published table (previous included) until it is dropped. `router` is what this router
/// calls itself in CDN-Loop.
pub async fn check_endpoints(live: Arc<LiveTable>, clock: Clock, router: &str) {
    let router: Arc<str> = router.into();
    let permits = Arc::new(Semaphore::new(CHECKS_MAX));
    let (mut due, mut ejector, mut ejected_at) = (HashMap::new(), Ejector::default(), Duration::ZERO);
    let mut ticks = tokio::time::interval(TICK);
    ticks.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
    loop {
        ticks.tick().await;
        let (published, now) = (live.load_full(), clock.monotonic());
        if now.saturating_sub(ejected_at) >= EJECT_INTERVAL {
            ejected_at = now;
            ejector.run(&published, now);
        }
        for (state, settings) in take_due(&published, &mut due, now) {
            let Ok(permit) = Arc::clone(&permits).acquire_owned().await else { return };
            if state.begin_check() {
                let router = Arc::clone(&router);
                tokio::spawn(async move {
                    check(&state, &settings, &router).await;
                    drop(permit);
                });
            }
        }
    }
}

/// The endpoints that are due, for each of which the next check is planned. New endpoints are due at once. After that the
/// slot decides the time within the interval, so that checks spread out.
fn take_due(
    published: &PublishedTable,
    due: &mut HashMap<EndpointSlot, Due>,
    now: Duration,
) -> Vec<(Arc<EndpointState>, Arc<Settings>)> {
    due.retain(|_, due| due.state.strong_count() > 0);
    let mut taken = Vec::new();
    let releases = published.table.apps.values().flat_map(|app| app.listed().map(move |r| (app, r)));
    for (app, route) in releases.flat_map(|(app, release)| release.endpoints.iter().map(move |e| (app, e))) {
        let (state, slot) = (published.endpoint(route.slot), route.slot);
        let interval = Duration::from_millis(app.settings.health.interval_ms);
        let known = due.get_mut(&slot).filter(|due| std::ptr::eq(due.state.as_ptr(), Arc::as_ptr(state)));
        match known {
            Some(known) => {
                known.start_slowly(state, now);
                // The interval may have become shorter.
                if known.at.min(now + interval) > now {
                    known.at = known.at.min(now + interval);
                    continue;
                }
                known.at = now + interval;
            }
            None => {
                let spread = u32::try_from(slot.0 % 20).unwrap_or(0);
                let at = now + interval / 2 + interval / 2 * spread / 20;
                due.insert(slot, Due { state: Arc::downgrade(state), at, serves_since: Some(now) });
            }
        }
        taken.push((Arc::clone(state), Arc::clone(&app.settings)));
    }
    taken
}

impl Due {
    /// Lets the weight of an endpoint grow evenly to that of its peers, from when it serves.
    fn start_slowly(&mut self, state: &EndpointState, now: Duration) {
        if !state.serves() {
            self.serves_since = None;
            state.set_weight(SLOW_START_PERCENT);
        } else if state.weight() < 100 {
            let since = *self.serves_since.get_or_insert(now);
            let served_ms = now.saturating_sub(since).as_millis().min(SLOW_START_MS.into());
            let served_ms = u64::try_from(served_ms).unwrap_or(SLOW_START_MS);
            let gained = u64::from(100 - SLOW_START_PERCENT) * served_ms / SLOW_START_MS;
            state.set_weight(SLOW_START_PERCENT + u32::try_from(gained).unwrap_or(0));
        }
    }
}

async fn check(state: &EndpointState, settings: &Settings, router: &str) {
    let key = state.key();
    let outcome = check_endpoint(key.address, settings, router).await;
    if outcome.as_ref().is_err_and(|failure| failure.system_error().is_some_and(is_shortage)) {
        return state.abandon_check();
    }
    state.note_check(outcome.as_ref().err().map(ToString::to_string));
    let (fall, rise) = (settings.health.fall, settings.health.rise);
    let (app, release, address) = (&key.app, &key.release, key.address);
    match (state.end_check(outcome.is_ok(), fall, rise), outcome) {
        (Some(false), Err(failure)) => {
            tracing::warn!(%app, %release, %address, error = %failure, "endpoint out: {fall} checks in a row failed");
        }
        (Some(true), _) => tracing::info!(%app, %release, %address, "endpoint in again: it passes checks"),
        _ => {}
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::rollout::{address::Address, table::EndpointKey};

    fn state(address: Address) -> EndpointState {
        let release = "apps/shop-1-80/containers".parse().unwrap();
        EndpointState::new(EndpointKey { app: "shop".parse().unwrap(), release, address })
    }

    #[test]
    fn what_is_new_or_came_back_starts_slowly() {
        let state = state(([127, 0, 0, 1], 80).into());
        let seconds = Duration::from_secs;
        let mut due = Due { state: Weak::new(), at: seconds(0), serves_since: Some(seconds(0)) };
        let mut weight_at = |at: u64| {
            due.start_slowly(&state, seconds(at));
            state.weight()
        };
        assert_eq!([0, 5, 10, 11].map(&mut weight_at), [20, 60, 100, 100]);
        state.eject(false);
        weight_at(20);
        state.readmit();
        assert_eq!([30, 35, 40].map(&mut weight_at), [20, 60, 100]);
    }

    #[tokio::test]
    async fn out_after_three_failures_and_in_after_one_success() {
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        drop(listener);
        let state = state(address.into());
        assert!(state.serves() && !state.checked(), "not yet checked counts as healthy");
        for serves in [true, true, false, false] {
            check(&state, &Settings::default(), "me").await;
            assert_eq!((state.serves(), state.checked()), (serves, true));
        }
        assert_eq!(state.check_failure().as_deref().map(String::as_str), Some("refused the connection"));
        let _listener = tokio::net::TcpListener::bind(address).await.unwrap();
        check(&state, &Settings::default(), "me").await;
        assert!(state.serves() && state.check_failure().is_none());
    }
}
