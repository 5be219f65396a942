//! Counters with one writer each. A leaf: anything may import it.
//!
//! A worker counts in cells of its own, and a scrape adds them up. So counting costs a plain load and store: there is no locked
//! instruction, and no cache line that two workers write.

use std::sync::atomic::{AtomicU64, Ordering};

/// A number that one thread changes and any thread reads.
#[derive(Debug, Default)]
pub struct Counter(AtomicU64);

impl Counter {
    /// Adds to it. Only the thread that owns it may call this.
    pub fn add(&self, count: u64) {
        self.0.store(self.0.load(Ordering::Relaxed).wrapping_add(count), Ordering::Relaxed);
    }

    /// Takes away from it. Only the thread that owns it may call this.
    pub fn subtract(&self, count: u64) {
        self.0.store(self.0.load(Ordering::Relaxed).wrapping_sub(count), Ordering::Relaxed);
    }

    /// The number now.
    pub fn get(&self) -> u64 {
        self.0.load(Ordering::Relaxed)
    }
}

/// Buckets for each doubling: a bucket's upper bound is at most 25 % over its lower.
const STEPS: usize = 4;
/// Doublings from 16 us (shorter requests share the first buckets) to 16 us * 2^23, about 134 s.
const DOUBLINGS: usize = 23;
/// How many buckets a [`Histogram`] has.
pub const BUCKETS: usize = STEPS * DOUBLINGS + STEPS;
/// Durations below this share the first [`STEPS`] buckets evenly, in microseconds.
const FIRST_US: u64 = 16;

/// Durations in buckets of at most 25 % width, from 4 us to 134 s. One writer.
#[derive(Debug)]
pub struct Histogram {
    buckets: [Counter; BUCKETS],
    sum_us: Counter,
}

impl Default for Histogram {
    fn default() -> Self {
        Self { buckets: std::array::from_fn(|_| Counter::default()), sum_us: Counter::default() }
    }
}

impl Histogram {
    /// Counts one duration, in microseconds.
    pub fn record(&self, duration_us: u64) {
        self.buckets[bucket_of(duration_us)].add(1);
        self.sum_us.add(duration_us);
    }

    /// Adds this histogram to a sum over cells.
    pub fn add_to(&self, total: &mut HistogramTotal) {
        for (sum, bucket) in total.buckets.iter_mut().zip(&self.buckets) {
            *sum += bucket.get();
        }
        total.sum_us += self.sum_us.get();
    }
}

/// A sum of histograms, or the difference of two such sums.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct HistogramTotal {
    /// Requests per bucket.
    pub buckets: [u64; BUCKETS],
    /// The sum of all durations, in microseconds.
    pub sum_us: u64,
}

impl Default for HistogramTotal {
    fn default() -> Self {
        Self { buckets: [0; BUCKETS], sum_us: 0 }
    }
}

impl HistogramTotal {
    /// How many durations were counted.
    pub fn count(&self) -> u64 {
        self.buckets.iter().sum()
    }

    /// The difference to an earlier sum of the same cells.
    #[must_use]
    pub fn since(&self, earlier: &Self) -> Self {
        let mut rest = self.clone();
        for (now, before) in rest.buckets.iter_mut().zip(&earlier.buckets) {
            *now = now.saturating_sub(*before);
        }
        rest.sum_us = rest.sum_us.saturating_sub(earlier.sum_us);
        rest
    }

    /// The upper bound of the bucket that contains this quantile (0.0..=1.0), in microseconds. `None` if nothing was counted.
    pub fn quantile_us(&self, quantile: f64) -> Option<u64> {
        let count = self.count();
        if count == 0 {
            return None;
        }
        #[allow(
            clippy::cast_possible_truncation,
            clippy::cast_sign_loss,
            clippy::cast_precision_loss,
            reason = "counts far below 2^52"
        )]
        let rank = ((count as f64 * quantile).ceil() as u64).clamp(1, count);
        let mut seen = 0;
        let index = self.buckets.iter().position(|bucket| {
            seen += bucket;
            seen >= rank
        });
        index.map(upper_bound_us)
    }
}

/// The shortest duration that is above a bucket, in microseconds.
pub fn upper_bound_us(bucket: usize) -> u64 {
    let (doubling, step) = (bucket / STEPS, (bucket % STEPS) as u64);
    if doubling == 0 {
        return (step + 1) * FIRST_US / STEPS as u64;
    }
    let base = FIRST_US << (doubling - 1);
    base + (step + 1) * base / STEPS as u64
}

fn bucket_of(duration_us: u64) -> usize {
    // Longer durations count in the last bucket.
    let duration_us = duration_us.min((FIRST_US << DOUBLINGS) - 1);
    let bucket = if duration_us < FIRST_US {
        duration_us * STEPS as u64 / FIRST_US
    } else {
        let doubling = u64::from((duration_us / FIRST_US).ilog2());
        let base = FIRST_US << doubling;
        (doubling + 1) * STEPS as u64 + (duration_us - base) * STEPS as u64 / base
    };
    usize::try_from(bucket).unwrap_or(BUCKETS - 1)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_duration_is_below_its_buckets_bound_and_not_below_the_one_before() {
        for duration in (0..5_000).chain((5_000..100_000_000).step_by(9_973)) {
            let bucket = bucket_of(duration);
            assert!(duration < upper_bound_us(bucket), "{duration} in {bucket}");
            assert!(bucket == 0 || duration >= upper_bound_us(bucket - 1), "{duration} in {bucket}");
        }
        assert_eq!(bucket_of(u64::MAX), BUCKETS - 1);
    }

    #[test]
    fn quantiles_come_from_the_right_bucket() {
        let (histogram, mut total) = (Histogram::default(), HistogramTotal::default());
        (1..=100).for_each(|ms| histogram.record(ms * 1_000));
        histogram.add_to(&mut total);
        let within = |quantile, exact_us: u64| {
            let bound = total.quantile_us(quantile).unwrap();
            assert!(bound >= exact_us && bound <= exact_us * 5 / 4 + 1, "{quantile}: {bound}");
        };
        within(0.5, 50_000);
        within(0.95, 95_000);
        within(0.99, 99_000);
        assert_eq!(HistogramTotal::default().quantile_us(0.5), None);
    }
}
