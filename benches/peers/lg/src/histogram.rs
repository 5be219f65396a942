//! Latencies, log-linear: 32 steps per power of two, so that a quantile is off by 3 % at most.

/// Counts of durations in nanoseconds.
pub struct Histogram {
    counts: Vec<u64>,
}

impl Histogram {
    /// An empty one.
    pub fn new() -> Self {
        Self { counts: vec![0; 64 * 32] }
    }

    /// Counts one duration.
    pub fn add(&mut self, nanoseconds: u64) {
        let value = nanoseconds.max(32);
        let power = 63 - value.leading_zeros() as usize;
        let step = ((value >> (power - 5)) & 31) as usize;
        self.counts[power * 32 + step] += 1;
    }

    /// The duration below which this share of all lies, in microseconds.
    pub fn quantile_us(&self, share: f64) -> f64 {
        let wanted = (self.counts.iter().sum::<u64>() as f64 * share).ceil() as u64;
        let mut seen = 0;
        for (at, count) in self.counts.iter().enumerate().filter(|(_, count)| **count > 0) {
            seen += count;
            if seen >= wanted {
                let (power, step) = (at / 32, at as u64 % 32);
                return ((1_u64 << power) + ((step + 1) << (power - 5))) as f64 / 1000.0;
            }
        }
        0.0
    }
}
