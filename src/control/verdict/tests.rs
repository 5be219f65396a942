//! Whole rollouts through the code that counts, looks, adds up and judges; only requests and time are made up.

use std::{sync::Arc, time::Duration};

use super::count::{CandidateCount, FleetCount};
use crate::{
    live::{
        cohort::{Cohort, CohortRequest, Wait},
        releases::ReleaseState,
    },
    rollout::{
        pin::Pin,
        table::ReleaseKey,
        verdict::{Arm, Facts, Finding, Rules, Verdict, judge},
    },
};

const RULES: Rules = Rules { alpha: 0.01, tolerate: 1.0, at_least: 0.005, slower_holds: true };
/// Routers of the fleet, and workers of each.
const ROUTERS: usize = 2;
const WORKERS: usize = 2;
/// Requests between two looks at one router.
const REQUESTS_A_LOOK: u64 = 60;
/// The time between two looks: long enough that thresholds change within a rollout.
const LOOK_EVERY: Duration = Duration::from_secs(5);

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
    /// How much longer than others it waits: some ask for much, always.
    slow: f64,
}

/// How a release does.
#[derive(Clone, Copy)]
struct Quality {
    /// The share of requests that fail.
    failing: f64,
    /// How much longer its answers take.
    slow: f64,
}

/// Both releases alike.
const EQUAL: [Quality; 2] = [Quality { failing: 0.01, slow: 1.0 }; 2];

/// What a rollout's candidate was ever called.
#[derive(Default)]
struct Called {
    worse: bool,
    slower: bool,
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
    fn request(&mut self, quality: [Quality; 2], often: f64) {
        if self.random.share() < 0.3 || self.sessions.is_empty() {
            let arm = if self.random.share() < self.blend { Arm::Candidate } else { Arm::Control };
            let pin = Pin { client: self.random.number(), drawn_for: self.epoch, ..Pin::default() };
            let left = (1.5 / self.random.share().max(0.002)) as u64 + 1;
            let network = self.random.number() % 4_000;
            let slow = (self.random.share() * 2.0 - 1.0).exp();
            self.sessions.push(Session { pin, arm, network, left, slow });
        }
        let at = self.random.number() as usize % self.sessions.len();
        let (router, worker) =
            (self.random.number() as usize % ROUTERS, self.random.number() as usize % WORKERS);
        let quality = quality[self.sessions[at].arm as usize];
        let failed = self.random.share() < quality.failing * often;
        // About as waits are: most are short, some are many times as long.
        let spread = (0..4).map(|_| self.random.share()).sum::<f64>() * 1.7 - 3.4;
        let session = &mut self.sessions[at];
        let request = CohortRequest { pin: &session.pin, arm: session.arm };
        let cohort: &Cohort = self.counts[router].state.cohort();
        let keyed = |with: u64| (session.network * 1_024 + with + 1).wrapping_mul(0x9e37_79b9_7f4a_7c15);
        let network = keyed(u64::from(session.pin.drawn_for) * 2 + session.arm as u64 + 1);
        let us = (20_000.0 * quality.slow * session.slow * often.sqrt() * spread.exp()) as u64;
        cohort.count_wait(worker, request, Wait { us, is_over: true }, || keyed(0));
        if session.arm == Arm::Control {
            cohort.count_stable_wait(worker, us);
        }
        if failed {
            cohort.count_failure(worker, request, network, None, 1);
            cohort.count_failure(worker, request, network, None, 1);
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
    fn look(&mut self) -> Verdict {
        self.now += LOOK_EVERY;
        let stored: Vec<_> = self
            .counts
            .iter_mut()
            .map(|count| {
                assert!(count.look(None, self.now));
                count.to_stored()
            })
            .collect();
        let mut fleet = FleetCount::new(RULES.tolerate, 3);
        for counted in &stored {
            self.counts.iter().for_each(|count| count.take_failed(counted));
            fleet.add(counted);
        }
        judge(&Facts {
            rules: RULES,
            evidence: &fleet.evidence,
            tally: fleet.tally,
            latency: &fleet.latency,
            endpoints: &fleet.endpoints,
            outright: false,
            stable_jumps: false,
            blind: None,
        })
    }

    /// What the candidate is ever called in so many looks.
    fn roll(&mut self, looks: u64, quality: [Quality; 2]) -> Called {
        let mut called = Called::default();
        for look in 0..looks {
            if look % 40 == 39 {
                // The blend is raised, which begins another epoch; now and then both fail more often.
                self.blend = [0.1, 0.25, 0.5, 0.02][(look / 40 % 4) as usize];
                self.epoch = self.epoch % 200 + 1;
            }
            let often = if look / 25 % 3 == 1 { 4.0 } else { 1.0 };
            (0..REQUESTS_A_LOOK).for_each(|_| self.request(quality, often));
            let verdict = self.look();
            called.worse |= verdict.finding == Finding::Worse;
            called.slower |= verdict.is_slower();
        }
        called
    }
}

/// A sample; or, in an optimised build with `ROLLING_ROUTER_LONG=1`, as many as the promise is made of.
fn runs() -> u64 {
    let long = std::env::var_os("ROLLING_ROUTER_LONG").is_some_and(|value| value == "1");
    match (long, cfg!(debug_assertions)) {
        (true, false) => 10_000,
        (true, true) => 100,
        (false, _) => 12,
    }
}

/// How many of so many rollouts of equal candidates were called worse, and slower. All cores take part.
fn alarms(runs: u64) -> [u64; 2] {
    let threads = std::thread::available_parallelism().map_or(1, |cores| cores.get() as u64).min(runs);
    let of_thread = |thread: u64| {
        let mut alarms = [0; 2];
        for run in (thread..runs).step_by(threads as usize) {
            let called = Rollout::new(7_000 + run).roll(160, EQUAL);
            alarms[0] += u64::from(called.worse);
            alarms[1] += u64::from(called.slower);
        }
        alarms
    };
    std::thread::scope(|scope| {
        let started: Vec<_> = (0..threads).map(|thread| scope.spawn(move || of_thread(thread))).collect();
        let ended = started.into_iter().map(|thread| thread.join().unwrap());
        ended.fold([0; 2], |sum, alarms| [sum[0] + alarms[0], sum[1] + alarms[1]])
    })
}

#[test]
fn equal_candidates_are_called_worse_or_slower_in_one_of_a_hundred_rollouts_at_most() {
    let runs = runs();
    let [worse, slower] = alarms(runs);
    println!("of {runs} equal candidates {worse} were called worse and {slower} slower");
    // Of a few runs one may be; of 10,000 the promise itself is held to.
    let most = (runs / 100).max(1);
    assert!(worse <= most && slower <= most, "{worse} worse and {slower} slower of {runs}");
}

#[test]
fn a_candidate_that_fails_ten_times_as_often_is_called_worse() {
    let [candidate, stable] = EQUAL;
    for run in 0..3 {
        let bad = [Quality { failing: 0.1, ..candidate }, stable];
        assert!(Rollout::new(run).roll(400, bad).worse, "run {run}");
    }
}

#[test]
fn a_candidate_that_takes_twice_as_long_is_called_slower() {
    let [candidate, stable] = EQUAL;
    for run in 0..3 {
        let slow = [Quality { slow: 2.0, ..candidate }, stable];
        let called = Rollout::new(run).roll(400, slow);
        assert!(called.slower && !called.worse, "run {run}");
    }
}
