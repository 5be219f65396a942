//! Whole rollouts through the code that counts, looks, adds up and judges; only requests and time are made up.

use std::{sync::Arc, time::Duration};

use super::count::{CandidateCount, FleetCount};
use crate::{
    live::{
        cohort::{Cohort, CohortRequest},
        releases::ReleaseState,
    },
    rollout::{
        pin::Pin,
        table::ReleaseKey,
        verdict::{Arm, Facts, Finding, Rules, judge},
    },
};

const RULES: Rules = Rules { alpha: 0.01, tolerate: 1.0, at_least: 0.005 };
/// Routers of the fleet, and workers of each.
const ROUTERS: usize = 2;
const WORKERS: usize = 2;
/// Requests between two looks at one router.
const REQUESTS_A_LOOK: u64 = 60;

/// A random number (splitmix64), the same in each run.
struct Random(u64);

impl Random {
    fn number(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mixed = (self.0 ^ (self.0 >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ (mixed >> 31)
    }

    fn share(&mut self) -> f64 {
        (self.number() >> 11) as f64 / (1_u64 << 53) as f64
    }
}

/// One client that comes again: most ask a few times, some very often.
struct Session {
    pin: Pin,
    arm: Arm,
    network: u64,
    left: u64,
}

/// A rollout: its sessions, and the routers that count them.
struct Rollout {
    random: Random,
    counts: Vec<CandidateCount>,
    sessions: Vec<Session>,
    epoch: u8,
    blend: f64,
    now: Duration,
}

fn key() -> ReleaseKey {
    let release = "apps/shop-2-80/containers".parse().unwrap();
    ReleaseKey { app: "shop".parse().unwrap(), release, tenure: 2 }
}

impl Rollout {
    fn new(seed: u64) -> Self {
        let count = || CandidateCount::new(Arc::new(ReleaseState::new(key(), WORKERS)), RULES.tolerate, None);
        let counts = (0..ROUTERS).map(|_| count()).collect();
        Self {
            random: Random(seed),
            counts,
            sessions: Vec::new(),
            epoch: 1,
            blend: 0.05,
            now: Duration::ZERO,
        }
    }

    /// One request of somebody at some router and worker. A failing one is repeated, and what the candidate failed is shielded half
    /// of the time: neither makes it another session's failure.
    fn request(&mut self, failing: [f64; 2]) {
        if self.random.share() < 0.3 || self.sessions.is_empty() {
            let arm = if self.random.share() < self.blend { Arm::Candidate } else { Arm::Control };
            let pin = Pin { client: self.random.number(), drawn_for: self.epoch, ..Pin::default() };
            let left = (1.5 / self.random.share().max(0.002)) as u64 + 1;
            let network = self.random.number() % 4_000 * 16 + u64::from(self.epoch) * 2 + arm as u64;
            self.sessions.push(Session { pin, arm, network, left });
        }
        let at = self.random.number() as usize % self.sessions.len();
        let (router, worker) =
            (self.random.number() as usize % ROUTERS, self.random.number() as usize % WORKERS);
        let failed = self.random.share() < failing[self.sessions[at].arm as usize];
        let session = &mut self.sessions[at];
        let request = CohortRequest { pin: &session.pin, arm: session.arm };
        let cohort: &Cohort = self.counts[router].state.cohort();
        let network = session.network.wrapping_mul(0x9e37_79b9_7f4a_7c15);
        if failed {
            cohort.count_failure(worker, request, network, 1);
            cohort.count_failure(worker, request, network, 1);
            cohort.count_shielded(worker, true);
        } else {
            cohort.count(worker, request, || network);
        }
        session.left -= 1;
        if session.left == 0 {
            self.sessions.swap_remove(at);
        }
    }

    /// A look at every router: what each has counted, told to the others.
    fn look(&mut self) -> Finding {
        self.now += Duration::from_secs(1);
        let stored: Vec<_> = self
            .counts
            .iter_mut()
            .map(|count| {
                assert!(count.look(None, self.now));
                count.to_stored()
            })
            .collect();
        let mut fleet = FleetCount::new(RULES.tolerate);
        for counted in &stored {
            self.counts.iter().for_each(|count| count.take_failed(counted));
            fleet.add(counted);
        }
        judge(&Facts {
            rules: RULES,
            evidence: &fleet.evidence,
            tally: fleet.tally,
            outright: false,
            stable_jumps: false,
            blind: None,
        })
        .finding
    }

    /// Whether the candidate is ever called worse in so many looks.
    fn is_called_worse(&mut self, looks: u64, failing: [f64; 2]) -> bool {
        (0..looks).any(|look| {
            if look % 40 == 39 {
                // The blend is raised, which begins another epoch; now and then both fail more often.
                self.blend = [0.1, 0.25, 0.5, 0.02][(look / 40 % 4) as usize];
                self.epoch = self.epoch % 200 + 1;
            }
            let often = if look / 25 % 3 == 1 { 4.0 } else { 1.0 };
            (0..REQUESTS_A_LOOK).for_each(|_| self.request(failing.map(|share| share * often)));
            self.look() == Finding::Worse
        })
    }
}

fn count(reduced: u64, full: u64) -> u64 {
    let long = std::env::var_os("ROLLING_ROUTER_LONG").is_some_and(|value| value == "1");
    if long { full } else { reduced }
}

#[test]
fn equal_candidates_are_called_worse_in_one_of_a_hundred_rollouts_at_most() {
    let runs = count(12, 10_000);
    let worse =
        (0..runs).filter(|run| Rollout::new(7_000 + run).is_called_worse(160, [0.01, 0.01])).count() as u64;
    // Of a few runs one may be; of 10,000 the promise itself is held to.
    assert!(worse <= (runs / 100).max(1), "{worse} of {runs}");
}

#[test]
fn a_candidate_that_fails_ten_times_as_often_is_called_worse() {
    for run in 0..3 {
        assert!(Rollout::new(run).is_called_worse(400, [0.1, 0.01]), "run {run}");
    }
}
