//! The cohort of a candidate: what became of the clients that were drawn since its tenure began (docs/verdict.md).
//!
//! Workers count, each in a cell of its own; which sessions have failed already stands in sets that all of them share. The
//! control plane looks at both. Nothing is made before the first request of a cohort.

mod endpoints;
mod failed;
mod samples;
mod waits;

use std::sync::atomic::{AtomicU64, Ordering};

pub use self::{
    endpoints::FailedAt,
    failed::FailedSet,
    samples::{FailureSample, Samples},
    waits::{Wait, WaitCounts, Waits},
};
use super::sketch::{Sketch, SketchTotal};
use crate::{
    cell::{Counter, Histogram, HistogramTotal},
    rollout::{
        address::Address,
        pin::Pin,
        verdict::{Arm, Tally, latency::THRESHOLDS},
    },
};

/// How many draw epochs are told apart. One that is so many later counts with an earlier one, whose clients are few by then.
pub const EPOCHS: usize = 8;

/// What one worker has counted of the clients of one draw epoch, by [`Arm`]. Within an epoch both arms are of the same age, so
/// only they are compared.
#[derive(Debug, Default)]
struct EpochCell {
    /// Requests of sessions that had not failed before.
    requests: [Counter; 2],
    /// Sessions that met a failure and count for "worse".
    counted: [Counter; 2],
    /// Requests that were compared with each threshold.
    judged: [[Counter; 2]; THRESHOLDS],
    /// Those among them that took longer.
    slow: [[Counter; 2]; THRESHOLDS],
}

/// What one worker has counted. Only that worker writes to it. By [`Arm`], but for `failed_answers`.
#[derive(Debug, Default)]
#[repr(align(128))]
pub struct CohortCell {
    epochs: [EpochCell; EPOCHS],
    /// Sessions that met a failure.
    failing: [Counter; 2],
    /// Requests of anybody that the candidate failed, and stable.
    failed_answers: [Counter; 2],
    /// Requests that the candidate failed, and stable was asked.
    shielded: Counter,
    /// Those that stable answered well.
    answered: Counter,
    /// The sessions of each arm.
    sessions: [Sketch; 2],
    /// How long stable's answers took to their first byte, assets not among them.
    stable_waits: Histogram,
}

/// The cohort of one tenure.
#[derive(Debug)]
pub struct Cohort {
    cells: Box<[CohortCell]>,
    /// Client numbers of sessions that failed.
    failed: FailedSet,
    /// Networks from which a session failed, by a keyed hash of network, draw epoch and arm.
    networks: FailedSet,
    /// Endpoints of the candidate that failed sessions.
    failed_at: FailedAt,
    samples: Samples,
    waits: Waits,
    /// When a session of the candidate failed first, Unix ms; 0: none has.
    first_failure_ms: AtomicU64,
}

/// One request of a cohort's client.
#[derive(Debug, Clone, Copy)]
pub struct CohortRequest<'a> {
    /// What its pin says, or will say.
    pub pin: &'a Pin,
    /// To which release the client was drawn.
    pub arm: Arm,
}

impl CohortRequest<'_> {
    /// Where the client's draw epoch is counted.
    fn epoch(&self) -> usize {
        usize::from(self.pin.drawn_for) % EPOCHS
    }
}

/// The sum over all workers at one moment.
#[derive(Debug, Clone, Default)]
pub struct CohortTotal {
    /// The counts, sessions not among them.
    pub tally: Tally,
    /// By draw epoch and arm: requests of sessions that had not failed before, and first failures that count.
    pub epochs: [[[u64; 2]; 2]; EPOCHS],
    /// What was compared with the thresholds, by draw epoch.
    pub waits: [EpochWaits; EPOCHS],
    /// How long stable's answers took to their first byte.
    pub stable_waits: HistogramTotal,
    /// Requests that the candidate failed, and stable.
    pub failed_answers: [u64; 2],
    /// The sessions.
    pub sessions: [SketchTotal; 2],
}

/// What was compared with each threshold, of the clients of one draw epoch, by [`Arm`].
#[derive(Debug, Clone, Copy, Default)]
pub struct EpochWaits {
    /// Answers that were the first to their network in a window.
    pub judged: [[u64; 2]; THRESHOLDS],
    /// Those among them that took longer.
    pub slow: [[u64; 2]; THRESHOLDS],
}

impl EpochWaits {
    fn add(&mut self, cell: &EpochCell) {
        for (sums, counters) in [(&mut self.slow, &cell.slow), (&mut self.judged, &cell.judged)] {
            let sums = sums.as_flattened_mut().iter_mut();
            sums.zip(counters.as_flattened()).for_each(|(sum, counter)| *sum += counter.get());
        }
    }
}

impl Cohort {
    /// An empty one, with a cell for each worker.
    pub fn new(workers: usize) -> Self {
        Self {
            cells: (0..workers).map(|_| CohortCell::default()).collect(),
            failed: FailedSet::default(),
            networks: FailedSet::default(),
            failed_at: FailedAt::default(),
            samples: Samples::default(),
            waits: Waits::default(),
            first_failure_ms: AtomicU64::new(0),
        }
    }

    /// Counts a request that did not fail. `network` is a keyed hash of the client's network, the draw epoch and the arm: a network
    /// from which a session failed counts no more, or networks with many clients would seem to fail less than others.
    #[inline]
    pub fn count(&self, worker: usize, request: CohortRequest<'_>, network: impl FnOnce() -> u64) {
        if self.failed.is_used()
            && (self.failed.has(request.pin.client) || self.networks.has(network()) || self.is_full())
        {
            return;
        }
        let cell = &self.cells[worker];
        cell.epochs[request.epoch()].requests[request.arm as usize].add(1);
        cell.sessions[request.arm as usize].add(request.pin);
    }

    /// Counts a request that failed: if it is the first of its session, and the first session of its network. `at` is the endpoint
    /// of the candidate that failed it, if one did.
    #[cold]
    pub fn count_failure(
        &self,
        worker: usize,
        request: CohortRequest<'_>,
        network: u64,
        at: Option<Address>,
        now_ms: u64,
    ) {
        let cell = &self.cells[worker];
        if self.is_full() || !self.failed.insert(request.pin.client) {
            return;
        }
        let arm = request.arm as usize;
        cell.sessions[arm].add(request.pin);
        if request.arm == Arm::Candidate {
            let _ = self.first_failure_ms.compare_exchange(0, now_ms, Ordering::Relaxed, Ordering::Relaxed);
            at.into_iter().for_each(|endpoint| self.failed_at.count(endpoint));
        }
        if self.networks.insert(network) {
            // Whoever reads them the other way round never sees more failures than requests.
            let epoch = &cell.epochs[request.epoch()];
            epoch.requests[arm].add(1);
            epoch.counted[arm].add(1);
        }
        cell.failing[arm].add(1);
    }

    /// Counts how long a client waited, if there are thresholds. `network` is a keyed hash of the client's network alone.
    #[inline]
    pub fn count_wait(
        &self,
        worker: usize,
        request: CohortRequest<'_>,
        wait: Wait,
        network: impl FnOnce() -> u64,
    ) {
        if !self.waits.are_judged() {
            return;
        }
        let (cell, arm) = (&self.cells[worker].epochs[request.epoch()], request.arm as usize);
        let counts = self.waits.judge(network(), wait);
        for (at, is_slow) in counts.into_iter().enumerate() {
            let Some(is_slow) = is_slow else { continue };
            cell.judged[at][arm].add(1);
            cell.slow[at][arm].add(u64::from(is_slow));
        }
    }

    /// Counts how long an answer of stable took to its first byte.
    #[inline]
    pub fn count_stable_wait(&self, worker: usize, us: u64) {
        self.cells[worker].stable_waits.record(us);
    }

    /// The thresholds that waits are compared with.
    pub fn waits(&self) -> &Waits {
        &self.waits
    }

    /// Endpoints of the candidate that failed sessions.
    pub fn failed_at(&self) -> &FailedAt {
        &self.failed_at
    }

    /// Counts a failing answer of a release to anybody: the candidate's (0) or stable's (1).
    #[cold]
    pub fn count_failed_answer(&self, worker: usize, release: Arm) {
        self.cells[worker].failed_answers[release as usize].add(1);
    }

    /// Counts a request that the candidate failed and stable was asked, which answered well or did not.
    #[cold]
    pub fn count_shielded(&self, worker: usize, answered: bool) {
        self.cells[worker].shielded.add(1);
        self.cells[worker].answered.add(u64::from(answered));
    }

    /// Samples of what the candidate failed.
    pub fn samples(&self) -> &Samples {
        &self.samples
    }

    /// When a session of the candidate failed first, Unix ms.
    pub fn first_failure_ms(&self) -> Option<u64> {
        Some(self.first_failure_ms.load(Ordering::Relaxed)).filter(|at| *at > 0)
    }

    /// The sessions that failed, and their networks: what other routers have to know as well.
    pub fn failed_lately(&self) -> [Vec<u64>; 2] {
        [self.failed.newest(), self.networks.newest()]
    }

    /// Takes over sessions and networks that failed at another router, or before this one started.
    pub fn take_failed(&self, sessions: &[u64], networks: &[u64]) {
        sessions.iter().for_each(|client| self.failed.take(*client));
        networks.iter().for_each(|network| self.networks.take(*network));
    }

    /// So many sessions failed that no more are remembered, and so nothing more is counted.
    pub fn is_full(&self) -> bool {
        self.failed.is_full() || self.networks.is_full()
    }

    /// How many failures there were, of sessions and of anybody's requests: what a look tells cheaply from the last time.
    pub fn failures(&self) -> u64 {
        let cells = self.cells.iter().flat_map(|cell| cell.failing.iter().chain(&cell.failed_answers));
        cells.map(Counter::get).sum()
    }

    /// The sum over all workers.
    pub fn total(&self) -> CohortTotal {
        let mut total = CohortTotal::default();
        for cell in &self.cells {
            let tally = &mut total.tally;
            for arm in 0..2 {
                tally.failing[arm] += cell.failing[arm].get();
                for (sums, epoch) in total.epochs.iter_mut().zip(&cell.epochs) {
                    sums[1][arm] += epoch.counted[arm].get();
                    sums[0][arm] += epoch.requests[arm].get();
                }
                total.failed_answers[arm] += cell.failed_answers[arm].get();
                total.sessions[arm].merge(&cell.sessions[arm]);
            }
            total.waits.iter_mut().zip(&cell.epochs).for_each(|(sums, epoch)| sums.add(epoch));
            cell.stable_waits.add_to(&mut total.stable_waits);
            tally.answered += cell.answered.get();
            tally.shielded += cell.shielded.get();
        }
        for arm in 0..2 {
            total.tally.requests[arm] = total.epochs.iter().map(|epoch| epoch[0][arm]).sum();
            total.tally.counted[arm] = total.epochs.iter().map(|epoch| epoch[1][arm]).sum();
        }
        total
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn pin(client: u64) -> Pin {
        Pin { client: client.wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1, ..Pin::default() }
    }

    fn request(pin: &Pin, arm: Arm) -> CohortRequest<'_> {
        CohortRequest { pin, arm }
    }

    #[test]
    fn a_session_fails_once_and_counts_no_more_afterwards() {
        let cohort = Cohort::new(2);
        let (one, other) = (pin(1), pin(2));
        cohort.count(0, request(&one, Arm::Candidate), || 7);
        cohort.count(1, request(&one, Arm::Candidate), || 7);
        for worker in [0, 1, 0] {
            cohort.count_failure(worker, request(&one, Arm::Candidate), 7, None, 1_000);
            cohort.count(worker, request(&one, Arm::Candidate), || 7);
        }
        cohort.count(1, request(&other, Arm::Control), || 8);
        let CohortTotal { tally, sessions, .. } = cohort.total();
        assert_eq!((tally.requests, tally.failing, tally.counted), ([3, 1], [1, 0], [1, 0]));
        assert_eq!(sessions.map(|sessions| sessions.estimate()), [1, 1]);
        assert_eq!(cohort.first_failure_ms(), Some(1_000));
    }

    /// Somebody with a few cookies stopped a release: a network counts once in each arm and epoch.
    #[test]
    fn sessions_of_one_network_count_once() {
        let cohort = Cohort::new(1);
        for client in 1..=5 {
            cohort.count_failure(0, request(&pin(client), Arm::Candidate), 7, None, 1);
        }
        cohort.count_failure(0, request(&pin(6), Arm::Candidate), 8, None, 1);
        cohort.count(0, request(&pin(7), Arm::Candidate), || 7);
        let tally = cohort.total().tally;
        assert_eq!((tally.failing, tally.counted, tally.requests), ([6, 0], [2, 0], [2, 0]));
    }

    #[test]
    fn a_session_that_failed_elsewhere_does_not_fail_again() {
        let (here, there) = (Cohort::new(1), Cohort::new(1));
        here.count_failure(0, request(&pin(1), Arm::Candidate), 7, None, 1);
        let [sessions, networks] = here.failed_lately();
        there.take_failed(&sessions, &networks);
        there.count_failure(0, request(&pin(1), Arm::Candidate), 7, None, 1);
        there.count_failure(0, request(&pin(2), Arm::Candidate), 7, None, 1);
        let tally = there.total().tally;
        assert_eq!((tally.failing, tally.counted), ([1, 0], [0, 0]), "the network is known as well");
        assert_eq!(there.failed_lately()[0], [pin(2).client], "each tells what it saw itself");
    }

    #[test]
    fn beyond_its_memory_nothing_is_counted() {
        let cohort = Cohort::new(1);
        for client in 1..20_000 {
            cohort.count_failure(0, request(&pin(client), Arm::Control), client, None, 1);
        }
        assert!(cohort.is_full());
        let before = cohort.total().tally;
        cohort.count(0, request(&pin(50_000), Arm::Control), || 1 << 41);
        cohort.count_failure(0, request(&pin(50_001), Arm::Control), 1 << 40, None, 1);
        assert_eq!(cohort.total().tally, before);
    }
}
