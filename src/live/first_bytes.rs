//! How long an endpoint took to the heads of its responses: a coarse histogram, which all workers write.

use std::sync::atomic::{AtomicU64, Ordering::Relaxed};

/// The upper bounds of all buckets but the last, in milliseconds. Few, since there is a set for each endpoint: they tell one
/// that is ill from its peers. How a release fares is told more finely.
pub const BOUNDS_MS: [u64; 7] = [5, 25, 100, 250, 1_000, 2_500, 10_000];
/// The bounds and what is above them.
pub const BUCKETS: usize = BOUNDS_MS.len() + 1;

/// How long an endpoint took to the heads of its responses.
#[derive(Debug, Default)]
pub struct FirstBytes {
    buckets: [AtomicU64; BUCKETS],
    sum_ms: AtomicU64,
}

impl FirstBytes {
    /// Counts a response.
    pub fn record(&self, ms: u64) {
        let place = BOUNDS_MS.iter().position(|bound| ms <= *bound).unwrap_or(BOUNDS_MS.len());
        self.buckets[place].fetch_add(1, Relaxed);
        self.sum_ms.fetch_add(ms, Relaxed);
    }

    /// How many responses came within each bound, the last without one, and how long all took together.
    pub fn read(&self) -> ([u64; BUCKETS], u64) {
        let mut within = self.buckets.each_ref().map(|bucket| bucket.load(Relaxed));
        for place in 1..BUCKETS {
            within[place] += within[place - 1];
        }
        (within, self.sum_ms.load(Relaxed))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_within_a_bound_is_within_all_above_it() {
        let times = FirstBytes::default();
        [0, 5, 6, 1_000, 10_000, 10_001, 60_000].into_iter().for_each(|ms| times.record(ms));
        assert_eq!(times.read(), ([2, 3, 3, 3, 4, 4, 5, 7], 81_012));
    }
}
