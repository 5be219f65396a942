//! The live state of releases: drain and abort deadlines, and what is still open.

use std::sync::{
    OnceLock,
    atomic::{AtomicBool, Ordering},
};

use super::{
    activity::{ReleaseCell, ReleaseTotal},
    cohort::Cohort,
    sketch::{RecentClients, SketchTotal, Window},
};
use crate::{
    cell::{Counter, HistogramTotal},
    rollout::{pin::Pin, table::ReleaseKey},
};

/// The live state of one stay of a release. The control plane ends its deadlines; every worker and the API read it.
#[derive(Debug)]
pub struct ReleaseState {
    key: ReleaseKey,
    drain_over: AtomicBool,
    ended: AtomicBool,
    not_drawn: AtomicBool,
    cells: Box<[ReleaseCell]>,
    window: Window,
    clients: Box<[RecentClients]>,
    /// The cohort of a candidate. Made with its first request.
    cohort: OnceLock<Box<Cohort>>,
}

impl ReleaseState {
    /// The state of a stay that begins, with a cell for each worker.
    pub fn new(key: ReleaseKey, workers: usize) -> Self {
        Self {
            key,
            drain_over: AtomicBool::new(false),
            ended: AtomicBool::new(false),
            not_drawn: AtomicBool::new(false),
            cells: (0..workers).map(|_| ReleaseCell::default()).collect(),
            window: Window::default(),
            clients: (0..workers).map(|_| RecentClients::default()).collect(),
            cohort: OnceLock::new(),
        }
    }

    /// What became of the clients that were drawn while this release was the candidate.
    pub fn cohort(&self) -> &Cohort {
        self.cohort.get_or_init(|| Box::new(Cohort::new(self.cells.len())))
    }

    /// The same, if there was any of them.
    pub fn cohort_if_any(&self) -> Option<&Cohort> {
        self.cohort.get().map(Box::as_ref)
    }

    /// Which stay this is.
    pub fn key(&self) -> &ReleaseKey {
        &self.key
    }

    /// Whether `drainseconds` have passed: its clients move at their next navigation.
    pub fn drain_over(&self) -> bool {
        self.drain_over.load(Ordering::Relaxed)
    }

    /// Sets or clears [`ReleaseState::drain_over`].
    pub fn set_drain_over(&self, over: bool) {
        self.drain_over.store(over, Ordering::Relaxed);
    }

    /// Whether open exchanges are to end: retired, or `abortseconds` after an abort or rollback.
    pub fn ended(&self) -> bool {
        self.ended.load(Ordering::Relaxed)
    }

    /// Sets or clears [`ReleaseState::ended`].
    pub fn set_ended(&self, ended: bool) {
        self.ended.store(ended, Ordering::Relaxed);
    }

    /// Whether clients are drawn to it. They are not while it is to be aborted and the store does not take that.
    pub fn is_drawn(&self) -> bool {
        !self.not_drawn.load(Ordering::Relaxed)
    }

    /// Sets or clears [`ReleaseState::is_drawn`]; whether that is another value than before.
    pub fn set_drawn(&self, drawn: bool) -> bool {
        self.not_drawn.swap(!drawn, Ordering::Relaxed) == drawn
    }

    /// The cell that this worker alone writes.
    pub fn cell(&self, worker: usize) -> &ReleaseCell {
        &self.cells[worker]
    }

    /// The sum over all workers.
    pub fn total(&self) -> ReleaseTotal {
        let mut total = ReleaseTotal::default();
        self.cells.iter().for_each(|cell| total.add(cell));
        total
    }

    /// How long requests took while the release had one of the standings: in all, and to the head of the response. `None`
    /// without any.
    pub fn durations(&self, standing: usize) -> Option<(HistogramTotal, HistogramTotal)> {
        let mut found = None;
        for (place, durations) in self.cells.iter().flat_map(ReleaseCell::all_durations) {
            if place == standing {
                let (whole, first_byte) = found.get_or_insert_with(Default::default);
                durations.whole.add_to(whole);
                durations.first_byte.add_to(first_byte);
            }
        }
        found
    }

    /// How many requests were answered while the release had one of the standings.
    pub fn answers(&self, standing: usize) -> u64 {
        let classes = self.cells.iter().flat_map(|cell| &cell.statuses[standing]);
        classes.map(Counter::get).sum()
    }

    /// Notes on one worker a client whose pin to this release came back.
    pub fn note_client(&self, worker: usize, pin: &Pin) {
        self.clients[worker].add(self.window.now(), pin);
    }

    /// How many distinct clients' pins came back lately, within one to two turns of [`ReleaseState::turn_window`].
    pub fn pinned_clients(&self) -> u64 {
        self.seen_lately().estimate()
    }

    /// The sketch of those clients, over all workers.
    pub fn seen_lately(&self) -> SketchTotal {
        let mut total = SketchTotal::default();
        self.clients.iter().for_each(|clients| clients.merge_into(self.window.now(), &mut total));
        total
    }

    /// Begins a new window of "lately". The control plane does so every few minutes.
    pub fn turn_window(&self) {
        self.window.turn(|next| self.clients.iter().for_each(|clients| clients.clear(next)));
    }
}
