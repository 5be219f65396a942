//! How long clients of a cohort wait for the first byte of answers, beside thresholds that the control plane sets.
//!
//! Thresholds stand for some minutes, a *window*. In it the first answer to anybody of a network is compared, and no other: so what is
//! compared is as independent as the draws are, however often somebody asks and however much his answers resemble each other. Which networks
//! have had theirs stands in a table of fixed size that all workers write without a lock. For a network that finds no place in it
//! nothing is compared, in either arm.

use std::sync::{
    OnceLock,
    atomic::{AtomicU64, Ordering::Relaxed},
};

use crate::rollout::verdict::latency::THRESHOLDS;

/// Places: 256 KiB, for about 25,000 networks in each window.
const PLACES: usize = 32_768;
/// A search looks at so many places: one cache line or two.
const SEARCH_MAX: usize = 8;
/// The low bits of a place are those of the window.
const WINDOW_BITS: u32 = 16;
/// The highest number of a window.
const WINDOW_MAX: u64 = (1 << WINDOW_BITS) - 1;

/// How long a client waited for the first byte of the endpoint's answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Wait {
    /// In microseconds.
    pub us: u64,
    /// The answer came then; else nobody knows when it would have come.
    pub is_over: bool,
}

impl Wait {
    /// That of an endpoint that was silent until somebody else was asked: longer than any threshold.
    pub const SILENT: Self = Self { us: u64::MAX, is_over: false };

    /// Whether it was longer than a threshold; `None` if nobody knows.
    fn is_longer_than(self, threshold_us: u64) -> Option<bool> {
        if self.us >= threshold_us { Some(true) } else { self.is_over.then_some(false) }
    }
}

/// The thresholds that stand, and whose answers were compared with them.
#[derive(Debug, Default)]
pub struct Waits {
    /// In microseconds.
    thresholds: [AtomicU64; THRESHOLDS],
    /// The number of the window, from 1; 0: there are no thresholds yet.
    window: AtomicU64,
    networks: OnceLock<Box<[AtomicU64]>>,
}

/// What a request counts as beside each threshold: nothing, or that it was compared, and whether it was slow.
pub type WaitCounts = [Option<bool>; THRESHOLDS];

impl Waits {
    /// Begins a window with these thresholds.
    pub fn begin_window(&self, thresholds_us: [u64; THRESHOLDS]) {
        self.networks.get_or_init(|| (0..PLACES).map(|_| AtomicU64::new(0)).collect());
        self.thresholds.iter().zip(thresholds_us).for_each(|(threshold, us)| threshold.store(us, Relaxed));
        self.window.store(self.window.load(Relaxed) % WINDOW_MAX + 1, Relaxed);
    }

    /// Whether there are thresholds.
    #[inline]
    pub fn are_judged(&self) -> bool {
        self.window.load(Relaxed) > 0
    }

    /// What a wait counts as. `network` is a random number that stands for the client's network.
    pub fn judge(&self, network: u64, wait: Wait) -> WaitCounts {
        let (Some(networks), window) = (self.networks.get(), self.window.load(Relaxed)) else {
            return WaitCounts::default();
        };
        if !is_first(networks, (network & !WINDOW_MAX) | window) {
            return WaitCounts::default();
        }
        self.thresholds.each_ref().map(|threshold| wait.is_longer_than(threshold.load(Relaxed)))
    }
}

/// Whether nothing of this network and window was compared yet, and there is room to note that something is now.
fn is_first(places: &[AtomicU64], tag: u64) -> bool {
    for step in 0..SEARCH_MAX {
        let place = &places[place(tag, step)];
        let found = place.load(Relaxed);
        if found == tag {
            return false;
        }
        // What is left of an earlier window is free.
        if found & WINDOW_MAX != tag & WINDOW_MAX {
            match place.compare_exchange(found, tag, Relaxed, Relaxed) {
                Ok(_) => return true,
                // Another worker took it at the same moment: for the same network, or else the next place is tried.
                Err(now) if now == tag => return false,
                Err(_) => {}
            }
        }
    }
    false
}

/// Keys are random, so any of their bits say where to begin.
const fn place(tag: u64, step: usize) -> usize {
    ((tag >> 32) as usize).wrapping_add(step) % PLACES
}

#[cfg(test)]
mod tests {
    use super::*;

    const SLOW: Wait = Wait { us: 70, is_over: true };

    fn key(n: u64) -> u64 {
        let mixed = n.wrapping_mul(0x9e37_79b9_7f4a_7c15);
        (mixed ^ (mixed >> 29)).wrapping_mul(0xbf58_476d_1ce4_e5b9)
    }

    fn begun() -> Waits {
        let waits = Waits::default();
        waits.begin_window([10, 50, 90]);
        waits
    }

    #[test]
    fn without_thresholds_nothing_is_judged() {
        let waits = Waits::default();
        assert!(!waits.are_judged());
        assert_eq!(waits.judge(1, SLOW), [None; 3]);
    }

    /// Who waited long waits long again, and somebody with a few cookies could hold a release.
    #[test]
    fn of_a_network_one_answer_in_a_window_is_compared() {
        let waits = begun();
        assert_eq!(waits.judge(key(1), SLOW), [Some(true), Some(true), Some(false)]);
        assert_eq!(waits.judge(key(1), Wait::SILENT), [None; 3]);
        assert_eq!(waits.judge(key(2), Wait { us: 9, is_over: true }), [Some(false); 3]);
        assert_eq!(waits.judge(key(2), Wait::SILENT), [None; 3]);
        waits.begin_window([10, 50, 90]);
        assert_eq!(waits.judge(key(1), Wait::SILENT), [Some(true); 3]);
    }

    #[test]
    fn a_wait_that_somebody_ended_says_only_what_it_was_longer_than() {
        let left = Wait { us: 60, is_over: false };
        assert_eq!(begun().judge(key(1), left), [Some(true), Some(true), None]);
    }

    #[test]
    fn workers_that_judge_at_once_compare_a_network_once() {
        let waits = begun();
        let compared = || (0..5_000).filter(|n| waits.judge(key(*n), SLOW) != [None; 3]).count();
        let compared: usize = std::thread::scope(|scope| {
            let workers: Vec<_> = (0..4).map(|_| scope.spawn(compared)).collect();
            workers.into_iter().map(|worker| worker.join().unwrap()).sum()
        });
        assert_eq!(compared, 5_000);
    }

    #[test]
    fn beyond_its_memory_nothing_is_judged_whether_slow_or_not() {
        let waits = begun();
        let judged = |n: u64, wait| waits.judge(key(n), wait) != [None; 3];
        let counted = (0..80_000).filter(|n| judged(*n, Wait::SILENT)).count();
        assert!((20_000..=PLACES).contains(&counted), "{counted}");
        let fresh = 100_000..102_000;
        assert!(fresh.filter(|n| judged(*n, Wait { us: 1, is_over: true })).count() < 400);
        waits.begin_window([10, 50, 90]);
        assert!((0..1_000).all(|n| judged(n, Wait::SILENT)), "the next window begins anew");
    }
}
