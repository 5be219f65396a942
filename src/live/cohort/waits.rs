//! How long clients of a cohort wait for the first byte of answers, beside thresholds that the control plane sets.
//!
//! Thresholds stand for some minutes, a *window*. In it a session, and its network, is slow once at most beside each of them.
//! Which were stands in a table of fixed size that all workers write without a lock. A session that finds no place in it is
//! not counted, whether it is slow or not.

use std::sync::{
    OnceLock,
    atomic::{AtomicU64, Ordering::Relaxed},
};

use crate::rollout::verdict::latency::THRESHOLDS;

/// Places: 256 KiB, for about 12,000 slow sessions and their networks in each window.
const PLACES: usize = 32_768;
/// A search looks at so many places: one cache line or two.
const SEARCH_MAX: usize = 8;
/// The low bits of a place say beside which thresholds the session was slow.
const SLOW_BITS: u32 = 3;
/// The bits above them are those of the window.
const WINDOW_BITS: u32 = 13;
/// The highest number of a window.
const WINDOW_MAX: u64 = (1 << WINDOW_BITS) - 1;
/// All bits but those.
const KEY_MASK: u64 = !((1 << (SLOW_BITS + WINDOW_BITS)) - 1);

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

/// The thresholds that stand, and who was slow beside them.
#[derive(Debug, Default)]
pub struct Waits {
    /// In microseconds.
    thresholds: [AtomicU64; THRESHOLDS],
    /// The number of the window, from 1; 0: there are no thresholds yet.
    window: AtomicU64,
    slow: OnceLock<Box<[AtomicU64]>>,
}

/// What a request counts as beside each threshold: nothing, or that it was compared, and whether it was slow.
pub type WaitCounts = [Option<bool>; THRESHOLDS];

impl Waits {
    /// Begins a window with these thresholds.
    pub fn begin_window(&self, thresholds_us: [u64; THRESHOLDS]) {
        self.slow.get_or_init(|| (0..PLACES).map(|_| AtomicU64::new(0)).collect());
        self.thresholds.iter().zip(thresholds_us).for_each(|(threshold, us)| threshold.store(us, Relaxed));
        self.window.store(self.window.load(Relaxed) % WINDOW_MAX + 1, Relaxed);
    }

    /// Whether there are thresholds.
    #[inline]
    pub fn are_judged(&self) -> bool {
        self.window.load(Relaxed) > 0
    }

    /// What a wait of this session counts as. `keys` are random numbers that stand for the session and for its network.
    pub fn judge(&self, keys: [u64; 2], wait: Wait) -> WaitCounts {
        let (Some(slow), window) = (self.slow.get(), self.window.load(Relaxed)) else {
            return WaitCounts::default();
        };
        let known = keys.map(|key| find(slow, tag(key, window)).map(|(_, found)| found));
        let [Some(session), Some(network)] = known else { return WaitCounts::default() };
        let was_slow = session | network;
        let mut newly_slow = 0;
        let counts = std::array::from_fn(|at| {
            let bit = 1 << at;
            if was_slow & bit != 0 {
                return None;
            }
            let longer = wait.is_longer_than(self.thresholds[at].load(Relaxed));
            newly_slow |= if longer == Some(true) { bit } else { 0 };
            longer
        });
        if newly_slow != 0 {
            keys.iter().for_each(|key| note(slow, tag(*key, window), newly_slow));
        }
        counts
    }
}

/// What stands in a place for a key in a window, without the bits of the thresholds.
const fn tag(key: u64, window: u64) -> u64 {
    (key & KEY_MASK) | (window << SLOW_BITS)
}

/// The place of a tag, or one that is free for it, and beside which thresholds it was slow. `None` if there is no room.
fn find(places: &[AtomicU64], tag: u64) -> Option<(usize, u64)> {
    let (slow, window) = ((1 << SLOW_BITS) - 1, WINDOW_MAX << SLOW_BITS);
    for step in 0..SEARCH_MAX {
        let place = place(tag, step);
        let found = places[place].load(Relaxed);
        if found & !slow == tag {
            return Some((place, found & slow));
        }
        // What is left of an earlier window is free.
        if found & window != tag & window {
            return Some((place, 0));
        }
    }
    None
}

/// Notes that the session or network of a tag was slow.
fn note(places: &[AtomicU64], tag: u64, newly_slow: u64) {
    let slow = (1 << SLOW_BITS) - 1;
    // Another worker may take the place at the same moment: then the next one.
    for _ in 0..SEARCH_MAX {
        let Some((place, _)) = find(places, tag) else { return };
        let found = places[place].load(Relaxed);
        let next = if found & !slow == tag { found | newly_slow } else { tag | newly_slow };
        if places[place].compare_exchange(found, next, Relaxed, Relaxed).is_ok() {
            return;
        }
    }
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
        assert_eq!(waits.judge([1, 2], SLOW), [None; 3]);
    }

    #[test]
    fn a_session_is_slow_once_beside_each_threshold_of_a_window() {
        let waits = begun();
        let keys = [key(1), key(2)];
        assert_eq!(waits.judge(keys, Wait { us: 9, is_over: true }), [Some(false); 3]);
        assert_eq!(waits.judge(keys, SLOW), [Some(true), Some(true), Some(false)]);
        assert_eq!(waits.judge(keys, SLOW), [None, None, Some(false)]);
        assert_eq!(waits.judge(keys, Wait::SILENT), [None, None, Some(true)]);
        assert_eq!(waits.judge(keys, Wait::SILENT), [None; 3]);
        waits.begin_window([10, 50, 90]);
        assert_eq!(waits.judge(keys, Wait::SILENT), [Some(true); 3]);
    }

    /// Somebody with a few cookies could hold a release.
    #[test]
    fn a_network_is_slow_once_as_well() {
        let waits = begun();
        assert_eq!(waits.judge([key(1), key(9)], Wait::SILENT), [Some(true); 3]);
        assert_eq!(waits.judge([key(2), key(9)], Wait::SILENT), [None; 3]);
        assert_eq!(waits.judge([key(1), key(8)], Wait::SILENT), [None; 3], "nor a session that moves");
    }

    #[test]
    fn a_wait_that_somebody_ended_says_only_what_it_was_longer_than() {
        let waits = begun();
        let left = Wait { us: 60, is_over: false };
        assert_eq!(waits.judge([key(1), key(2)], left), [Some(true), Some(true), None]);
    }

    /// A session that is forgotten would be slow again, so what finds no place is not counted at all.
    #[test]
    fn beyond_its_memory_nothing_is_judged_whether_slow_or_not() {
        let waits = begun();
        let judged = |n: u64, wait| waits.judge([key(2 * n), key(2 * n + 1)], wait) != [None; 3];
        let counted = (0..40_000).filter(|n| judged(*n, Wait::SILENT)).count();
        assert!((8_000..=PLACES).contains(&counted), "{counted}");
        let fresh = 50_000..52_000;
        let with_room = |wait| fresh.clone().filter(|n| judged(*n, wait)).count();
        assert!(with_room(Wait { us: 1, is_over: true }) < 400);
        waits.begin_window([10, 50, 90]);
        assert!((0..1_000).all(|n| judged(n, Wait::SILENT)), "the next window begins anew");
    }
}
