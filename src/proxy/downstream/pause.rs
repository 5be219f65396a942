//! The wait of one request whose app is paused, in whatever protocol it came.

use std::task::Waker;

use crate::{
    limits::PAUSE_LOOK_MS,
    proxy::worker::{Worker, coarse, paused::PausedPlace, phase::Phase},
};

/// The wait of one request.
pub struct Pause {
    /// Its place among those that wait.
    place: PausedPlace,
    /// When it has waited long enough, monotonic ms.
    until_ms: u64,
    /// When it is looked whether the client is still there, monotonic ms.
    look_at_ms: u64,
    /// The table by which it waits.
    generation: u64,
}

impl Pause {
    /// A wait that begins, or goes on by another table.
    pub fn new(worker: &Worker, before: Option<Self>, until_ms: u64) -> Option<Self> {
        let place = before.map(|pause| pause.place).or_else(|| worker.paused.enter())?;
        let generation = worker.shared.table.load().generation;
        Some(Self { place, until_ms, look_at_ms: coarse::now_ms() + PAUSE_LOOK_MS, generation })
    }

    /// Whether it is to be decided anew.
    pub fn is_over(&self, worker: &Worker) -> bool {
        self.generation != worker.shared.table.load().generation
            || self.until_ms <= coarse::now_ms()
            || worker.shared.phase() >= Phase::Ending
    }

    /// Whether it is time to look for the client.
    pub fn takes_a_look(&mut self) -> bool {
        let now = coarse::now_ms();
        let is_due = self.look_at_ms <= now;
        if is_due {
            self.look_at_ms = now + PAUSE_LOOK_MS;
        }
        is_due
    }

    /// Says whom to wake; when to look again, monotonic ms.
    pub fn wait(&self, waker: &Waker) -> u64 {
        self.place.wake(waker);
        self.until_ms.min(self.look_at_ms)
    }
}
