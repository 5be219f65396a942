//! Passive ejection: an endpoint that fails requests while its peers do not is left out for a while.
//!
//! It is decided once a second from what all workers have counted, so it costs a request nothing, and is the same for all
//! workers. An endpoint is compared only with the other endpoints of its release: when a whole release fails, none of them is
//! an outlier, and only active checks say that it is down. Deliberately absent: any memory of an endpoint that left the table.

use std::{
    collections::HashMap,
    sync::{Arc, Weak},
    time::Duration,
};

use crate::{
    limits::{EJECT_FAILURES_MIN, EJECT_MS},
    live::{endpoints::EndpointState, table::PublishedTable},
    rollout::{table::ReleaseRoutes, target::EndpointSlot},
};

/// Recent counts are kept in such fractions of one, so that they can fade.
const PARTS: u64 = 16;

/// What was counted at one endpoint lately, and how often it was ejected.
struct EndpointHistory {
    state: Weak<EndpointState>,
    /// Requests and failures at the last look.
    seen: (u64, u64),
    /// Requests and failures of the last seconds, in [`PARTS`]. A quarter of them fades every second.
    lately: (u64, u64),
    /// Refused connections at the last look, and how many the last seconds had.
    refusals: (u64, u64),
    /// It was ejected at the last look.
    ejected: bool,
    /// Until when it is ejected, or since when it is in again.
    turned: Duration,
    /// How often in a row it was ejected.
    times: u32,
}

/// Decides which endpoints are ejected, and for how long.
#[derive(Default)]
pub struct Ejector {
    histories: HashMap<EndpointSlot, EndpointHistory>,
}

/// One endpoint of a release, as it is compared with its peers.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Member {
    requests: u64,
    failures: u64,
    /// Active checks take it out, or it is ejected.
    out: bool,
}

impl Ejector {
    /// Goes through every release: takes endpoints in again whose time is over, and ejects outliers.
    pub fn run(&mut self, published: &PublishedTable, now: Duration) {
        self.histories.retain(|_, history| history.state.strong_count() > 0);
        for release in published.table.apps.values().flat_map(|app| app.listed()) {
            self.check_release(release, published, now);
        }
    }

    fn check_release(&mut self, release: &ReleaseRoutes, published: &PublishedTable, now: Duration) {
        let states: Vec<&Arc<EndpointState>> =
            release.endpoints.iter().map(|route| published.endpoint(route.slot)).collect();
        let mut members = Vec::with_capacity(states.len());
        for (route, state) in release.endpoints.iter().zip(&states) {
            let (requests, failures) = self.history(route.slot, state, now).update(state, now);
            state.set_fails_often(fails_often(requests, failures));
            members.push(Member { requests, failures, out: !state.serves() });
        }
        if members.iter().filter(|member| member.out).count() > members.len() / 2 {
            // Checks took out most of the release, so it needs every endpoint that may still work.
            states.iter().for_each(|state| state.readmit());
            return;
        }
        while let Some(at) = outlier(&members) {
            members[at].out = true;
            let history = self.history(release.endpoints[at].slot, states[at], now);
            let time = history.eject(states[at], now);
            let (key, seconds) = (states[at].key(), time.as_secs());
            tracing::warn!(
                app = %key.app, release = %key.release, address = %key.address,
                "endpoint ejected for {seconds} s: it fails requests, and its peers do not"
            );
        }
    }

    /// The history of an endpoint. Another endpoint that gets the same slot has a history of its own.
    fn history(
        &mut self,
        slot: EndpointSlot,
        state: &Arc<EndpointState>,
        now: Duration,
    ) -> &mut EndpointHistory {
        let fresh = || EndpointHistory {
            state: Arc::downgrade(state),
            seen: state.counts(),
            lately: (0, 0),
            refusals: (state.refusals(), 0),
            ejected: state.ejected(),
            turned: now,
            times: 0,
        };
        let history = self.histories.entry(slot).or_insert_with(fresh);
        if !std::ptr::eq(history.state.as_ptr(), Arc::as_ptr(state)) {
            *history = fresh();
        }
        history
    }
}

impl EndpointHistory {
    /// Adds what was counted since the last look, and returns the recent requests and failures.
    fn update(&mut self, state: &EndpointState, now: Duration) -> (u64, u64) {
        let (requests, failures) = state.counts();
        let add = |lately: u64, now: u64, before: u64| {
            lately - lately / 4 + now.saturating_sub(before).saturating_mul(PARTS)
        };
        self.lately = (add(self.lately.0, requests, self.seen.0), add(self.lately.1, failures, self.seen.1));
        self.seen = (requests, failures);
        let refusals = state.refusals();
        self.refusals = (refusals, add(self.refusals.1, refusals, self.refusals.0));
        if state.ejected() && self.turned <= now {
            state.readmit();
        }
        if std::mem::replace(&mut self.ejected, state.ejected()) && !self.ejected {
            // What it failed before is forgiven, or it would be ejected again at once.
            (self.lately, self.refusals.1, self.turned) = ((0, 0), 0, now);
        } else if !state.ejected() && now.saturating_sub(self.turned) >= Duration::from_millis(EJECT_MS.1) {
            self.times = 0;
        }
        self.lately
    }

    /// Ejects the endpoint, for twice as long as the last time. Returns for how long.
    fn eject(&mut self, state: &EndpointState, now: Duration) -> Duration {
        let time = EJECT_MS.0.saturating_mul(1 << self.times.min(16)).min(EJECT_MS.1);
        let time = Duration::from_millis(time);
        self.times += 1;
        self.turned = now + time;
        self.ejected = true;
        let for_refusals = self.refusals.1.saturating_mul(2) >= self.lately.1;
        state.eject(for_refusals);
        time
    }
}

/// Whether an endpoint fails so much that repeats at it are limited: a quarter of its recent requests, and not just a few.
fn fails_often(requests: u64, failures: u64) -> bool {
    failures >= EJECT_FAILURES_MIN * PARTS && failures.saturating_mul(4) >= requests
}

/// The endpoint with the most failures among those that fail at least half of their requests, and more than twice as many as
/// their peers. `None` if more than half of the release would be out without it.
fn outlier(members: &[Member]) -> Option<usize> {
    let out = members.iter().filter(|member| member.out).count();
    if (out + 1) * 2 > members.len() {
        return None;
    }
    let sum = |of: fn(&Member) -> u64| members.iter().filter(|member| !member.out).map(of).sum::<u64>();
    let (requests, failures) = (sum(|member| member.requests), sum(|member| member.failures));
    let stands_out = |member: &Member| {
        let (peers_requests, peers_failures) = (requests - member.requests, failures - member.failures);
        member.failures >= EJECT_FAILURES_MIN * PARTS
            && member.failures.saturating_mul(2) >= member.requests
            && peers_failures.saturating_mul(member.requests).saturating_mul(2)
                <= member.failures.saturating_mul(peers_requests)
    };
    let found = members.iter().enumerate().filter(|(_, member)| !member.out && stands_out(member));
    found.max_by_key(|(_, member)| member.failures).map(|(at, _)| at)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::rollout::table::EndpointKey;

    fn member(requests: u64, failures: u64) -> Member {
        Member { requests: requests * PARTS, failures: failures * PARTS, out: false }
    }

    const GONE: Member = Member { requests: 0, failures: 0, out: true };

    #[test]
    fn only_who_fails_more_than_its_peers_is_an_outlier() {
        let good = member(100, 1);
        for (members, expected) in [
            (vec![good, member(40, 30), good], Some(1)),
            (vec![member(40, 30), member(90, 80), good, good], Some(1)),
            (vec![good, member(4, 4)], None),
            (vec![good, member(40, 10)], None),
            (vec![member(40, 40), member(40, 40)], None),
            (vec![member(40, 40), member(40, 25)], None),
            (vec![member(40, 40), member(0, 0)], Some(0)),
            (vec![member(40, 40)], None),
            (vec![member(40, 40), GONE], None),
            (vec![member(40, 40), good, GONE], None),
            (vec![member(40, 40), good, good, GONE], Some(0)),
            (vec![], None),
        ] {
            assert_eq!(outlier(&members), expected, "{members:?}");
        }
    }

    #[test]
    fn each_ejection_is_longer_and_a_calm_time_forgets_them() {
        let state = endpoint();
        let (mut ejector, mut now) = (Ejector::default(), Duration::ZERO);
        let history = ejector.history(EndpointSlot(0), &state, now);
        for seconds in [10, 20, 40, 80, 160, 300, 300] {
            let time = history.eject(&state, now);
            assert_eq!(time, Duration::from_secs(seconds));
            history.update(&state, now + time - Duration::from_millis(1));
            assert!(!state.serves() && state.ejected());
            now += time;
            history.update(&state, now);
            assert!(state.serves());
        }
        history.update(&state, now + Duration::from_secs(300));
        assert_eq!(history.eject(&state, now), Duration::from_secs(10));
    }

    fn endpoint() -> Arc<EndpointState> {
        let release = "apps/shop-1-80/containers".parse().unwrap();
        let address = ([127, 0, 0, 1], 80).into();
        Arc::new(EndpointState::new(EndpointKey { app: "shop".parse().unwrap(), release, address }))
    }

    /// An endpoint that restarted was left out for ten seconds, in which the other one restarted too: every request failed,
    /// while the first passed every check.
    #[test]
    fn a_passed_check_disproves_refused_connections_and_nothing_else() {
        for refused in [true, false] {
            let (state, mut ejector) = (endpoint(), Ejector::default());
            let history = ejector.history(EndpointSlot(0), &state, Duration::ZERO);
            (0..10).for_each(|_| state.fail(refused));
            let seconds = Duration::from_secs;
            history.update(&state, seconds(1));
            history.eject(&state, seconds(1));
            assert!(state.suspected());
            assert_eq!(state.end_check(false, 3, 1), None);
            assert!(state.ejected(), "a check that failed says nothing for it");
            assert_eq!(state.end_check(true, 3, 1), refused.then_some(true));
            assert_eq!(state.ejected(), !refused);
            let lately = history.update(&state, seconds(2));
            assert_eq!(lately == (0, 0), refused, "what it failed before is forgiven: {lately:?}");
        }
    }

    #[test]
    fn who_fails_a_quarter_fails_often() {
        let fails = |requests, failures| fails_often(requests * PARTS, failures * PARTS);
        assert!(fails(20, 5) && !fails(21, 5) && !fails(4, 4) && !fails(0, 0));
    }
}
