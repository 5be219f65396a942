//! The live state of endpoints: health and load, in slots that survive publishes.

use std::sync::{
    Arc,
    atomic::{AtomicBool, AtomicU8, AtomicU32, AtomicU64, Ordering},
};

use arc_swap::ArcSwapOption;

use super::first_bytes::FirstBytes;
use crate::{
    limits::{FAILURE_SAID_MS, SLOW_START_PERCENT},
    rollout::{last_failure::LastFailure, table::EndpointKey},
};

/// The bit of an endpoint that is out because checks fail.
const UNHEALTHY: u8 = 1;
/// The bit of an endpoint that is out because it fails requests while its peers do not.
const EJECTED: u8 = 2;

/// One endpoint's state, shared by health checks, every worker and the API. It lives as long as any table or
/// exchange that names it.
#[derive(Debug)]
pub struct EndpointState {
    key: EndpointKey,
    /// Why it does not serve. No bit is set while it serves.
    out: AtomicU8,
    weight: AtomicU32,
    checked: AtomicBool,
    checking: AtomicBool,
    failed_checks: AtomicU32,
    passed_checks: AtomicU32,
    in_flight: AtomicU32,
    open_sockets: AtomicU32,
    ended: AtomicBool,
    drain_over: AtomicBool,
    used: AtomicBool,
    requests: AtomicU64,
    failures: AtomicU64,
    /// How long it took to the heads of its responses.
    pub first_bytes: FirstBytes,
    /// When the log was last told of each cause of a failure, Unix ms, by a hash of its words.
    told: [AtomicU64; CAUSES],
    last_failure: ArcSwapOption<LastFailure>,
    /// Why the last check failed. None: it passed.
    check_failure: ArcSwapOption<String>,
    /// How many of the failures were refused connections.
    refusals: AtomicU64,
    /// It was ejected because it refused connections.
    ejected_for_refusals: AtomicBool,
    fails_often: AtomicBool,
}

/// Places for causes of failures: there are about thirty of them.
const CAUSES: usize = 64;

impl EndpointState {
    /// A new endpoint: not yet checked, so it serves.
    pub fn new(key: EndpointKey) -> Self {
        Self {
            key,
            out: AtomicU8::new(0),
            weight: AtomicU32::new(SLOW_START_PERCENT),
            checked: AtomicBool::new(false),
            checking: AtomicBool::new(false),
            failed_checks: AtomicU32::new(0),
            passed_checks: AtomicU32::new(0),
            in_flight: AtomicU32::new(0),
            open_sockets: AtomicU32::new(0),
            ended: AtomicBool::new(false),
            drain_over: AtomicBool::new(false),
            used: AtomicBool::new(false),
            requests: AtomicU64::new(0),
            failures: AtomicU64::new(0),
            first_bytes: FirstBytes::default(),
            told: [const { AtomicU64::new(0) }; CAUSES],
            last_failure: ArcSwapOption::empty(),
            check_failure: ArcSwapOption::empty(),
            refusals: AtomicU64::new(0),
            ejected_for_refusals: AtomicBool::new(false),
            fails_often: AtomicBool::new(false),
        }
    }

    /// Which endpoint this is.
    pub fn key(&self) -> &EndpointKey {
        &self.key
    }

    /// Whether it serves: not yet checked counts as serving.
    pub fn serves(&self) -> bool {
        self.out.load(Ordering::Relaxed) == 0
    }

    /// Whether it gets no new requests because it fails requests while its peers do not.
    pub fn ejected(&self) -> bool {
        self.out.load(Ordering::Relaxed) & EJECTED != 0
    }

    /// Whether it is only suspected: it is ejected, and no check says that it is down. It is tried before a request fails.
    pub fn suspected(&self) -> bool {
        self.out.load(Ordering::Relaxed) == EJECTED
    }

    /// Leaves it out. If that is because it refused connections (`for_refusals`), the next check that it passes readmits it.
    pub fn eject(&self, for_refusals: bool) {
        self.ejected_for_refusals.store(for_refusals, Ordering::Relaxed);
        self.set_out(EJECTED, true);
    }

    /// Ends [`EndpointState::eject`].
    pub fn readmit(&self) {
        self.set_out(EJECTED, false);
    }

    /// Whether it failed many of its recent requests, so that repeats of requests should not all go to it.
    pub fn fails_often(&self) -> bool {
        self.fails_often.load(Ordering::Relaxed)
    }

    /// Sets or clears [`EndpointState::fails_often`].
    pub fn set_fails_often(&self, fails: bool) {
        self.fails_often.store(fails, Ordering::Relaxed);
    }

    /// Its share of new clients against its peers', in percent: less while it starts slowly.
    pub fn weight(&self) -> u32 {
        self.weight.load(Ordering::Relaxed)
    }

    /// Sets [`EndpointState::weight`], 1 to 100.
    pub fn set_weight(&self, percent: u32) {
        self.weight.store(percent.clamp(1, 100), Ordering::Relaxed);
    }

    /// Sets or clears a reason to be out; whether it was set before.
    fn set_out(&self, reason: u8, out: bool) -> bool {
        let before = if out {
            self.out.fetch_or(reason, Ordering::Relaxed)
        } else {
            self.out.fetch_and(!reason, Ordering::Relaxed)
        };
        before & reason != 0
    }

    /// Whether a check has ever finished.
    pub fn checked(&self) -> bool {
        self.checked.load(Ordering::Relaxed)
    }

    /// Claims the endpoint for one check; `false` while another one is under way.
    pub fn begin_check(&self) -> bool {
        !self.checking.swap(true, Ordering::Relaxed)
    }

    /// Ends a check. The endpoint is out after `fall` failures in a row, and in again after `rise` successes in a row. One that
    /// was ejected because it refused connections is readmitted by a success, which disproves that. Returns whether it is in
    /// now, if this check changed that.
    pub fn end_check(&self, answered: bool, fall: u32, rise: u32) -> Option<bool> {
        let row = |count: &AtomicU32, goes_on: bool| {
            let row = if goes_on { count.load(Ordering::Relaxed).saturating_add(1) } else { 0 };
            count.store(row, Ordering::Relaxed);
            row
        };
        let failed = row(&self.failed_checks, !answered);
        let passed = row(&self.passed_checks, answered);
        self.checked.store(true, Ordering::Relaxed);
        self.checking.store(false, Ordering::Relaxed);
        let was = self.out.load(Ordering::Relaxed) & UNHEALTHY != 0;
        let unhealthy = if answered { was && passed < rise } else { was || failed >= fall };
        let changed = self.set_out(UNHEALTHY, unhealthy) != unhealthy;
        let disproved = answered && self.ejected_for_refusals.swap(false, Ordering::Relaxed);
        let readmitted = disproved && self.set_out(EJECTED, false);
        (changed || readmitted).then_some(!unhealthy)
    }

    /// Ends a check that could not be made, so that nothing is known from it.
    pub fn abandon_check(&self) {
        self.checking.store(false, Ordering::Relaxed);
    }

    /// Notes why a check failed; none: it passed.
    ///
    /// The same words stay where they are: thousands of endpoints that fail for one reason would each get a new place at
    /// every check, and such small pieces, scattered over the heap, keep what is free around them from going back.
    pub fn note_check(&self, failure: Option<String>) {
        let noted = self.check_failure.load();
        if noted.as_deref().map(String::as_str) != failure.as_deref() {
            self.check_failure.store(failure.map(Arc::new));
        }
    }

    /// Why the last check failed; none: it passed, or none was made.
    pub fn check_failure(&self) -> Option<Arc<String>> {
        self.check_failure.load_full()
    }

    /// Requests in flight on all workers.
    pub fn in_flight(&self) -> u32 {
        self.in_flight.load(Ordering::Relaxed)
    }

    /// Counts a request that begins. [`EndpointState::leave`] counts its end.
    pub fn enter(&self) {
        self.in_flight.fetch_add(1, Ordering::Relaxed);
        self.requests.fetch_add(1, Ordering::Relaxed);
    }

    /// Counts a request that ends.
    pub fn leave(&self) {
        self.in_flight.fetch_sub(1, Ordering::Relaxed);
    }

    /// WebSockets among the requests in flight, on all workers.
    pub fn open_sockets(&self) -> u32 {
        self.open_sockets.load(Ordering::Relaxed)
    }

    /// Counts a request that becomes a WebSocket. [`EndpointState::close_socket`] counts its end.
    pub fn open_socket(&self) {
        self.open_sockets.fetch_add(1, Ordering::Relaxed);
    }

    /// Counts a WebSocket that ends.
    pub fn close_socket(&self) {
        self.open_sockets.fetch_sub(1, Ordering::Relaxed);
    }

    /// Whether its open exchanges are to end: it drains, or was taken out of its release, and its time is over.
    pub fn ended(&self) -> bool {
        self.ended.load(Ordering::Relaxed)
    }

    /// Sets or clears [`EndpointState::ended`].
    pub fn set_ended(&self, ended: bool) {
        self.ended.store(ended, Ordering::Relaxed);
    }

    /// Whether the time is over for which it keeps its clients, if it drains softly.
    pub fn drain_over(&self) -> bool {
        self.drain_over.load(Ordering::Relaxed)
    }

    /// Sets or clears [`EndpointState::drain_over`].
    pub fn set_drain_over(&self, over: bool) {
        self.drain_over.store(over, Ordering::Relaxed);
    }

    /// Whether it drains softly, and somebody was there lately who may come back.
    pub fn is_used(&self) -> bool {
        self.used.load(Ordering::Relaxed)
    }

    /// Sets or clears [`EndpointState::is_used`].
    pub fn set_used(&self, used: bool) {
        self.used.store(used, Ordering::Relaxed);
    }

    /// Counts a failure that was the endpoint's; `refused`: it refused the connection.
    pub fn fail(&self, refused: bool) {
        self.failures.fetch_add(1, Ordering::Relaxed);
        if refused {
            self.refusals.fetch_add(1, Ordering::Relaxed);
        }
    }

    /// How many of its failures were refused connections.
    pub fn refusals(&self) -> u64 {
        self.refusals.load(Ordering::Relaxed)
    }

    /// Notes with what it failed a request. `true` if the log should be told, which it is not again for a while.
    pub fn note_failure(&self, cause: &str, at_ms: u64) -> bool {
        self.last_failure.store(Some(Arc::new(LastFailure { cause: cause.to_owned(), at: at_ms })));
        self.is_told(cause, at_ms)
    }

    /// Whether the log should be told of something, which it is not again for a while.
    pub fn is_told(&self, cause: &str, at_ms: u64) -> bool {
        let hash = cause.bytes().fold(0, |hash: usize, byte| hash.wrapping_mul(31).wrapping_add(byte.into()));
        let told = &self.told[hash % CAUSES];
        let before = told.load(Ordering::Relaxed);
        let due = at_ms.saturating_sub(before) >= FAILURE_SAID_MS || before > at_ms;
        due && told.compare_exchange(before, at_ms, Ordering::Relaxed, Ordering::Relaxed).is_ok()
    }

    /// With what it last failed a request.
    pub fn last_failure(&self) -> Option<Arc<LastFailure>> {
        self.last_failure.load_full()
    }

    /// Requests and failures so far.
    pub fn counts(&self) -> (u64, u64) {
        (self.requests.load(Ordering::Relaxed), self.failures.load(Ordering::Relaxed))
    }
}
