//! What a release did in a while: how many answers of each class, and how long they took.

use serde::{Deserialize, Serialize};

use crate::{cell::HistogramTotal, live::activity::ReleaseTotal};

/// What a release did in a while.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct PastCell {
    /// Answers by status class.
    pub statuses: [u64; 5],
    /// How long they took: the buckets of the histogram in which there is something.
    latency: Box<[(u8, u32)]>,
}

impl PastCell {
    /// What happened between two moments of the same release.
    pub fn between(before: &ReleaseTotal, after: &ReleaseTotal) -> Self {
        let mut statuses = [0; 5];
        for (now, then) in after.statuses.iter().zip(&before.statuses) {
            for (class, sum) in statuses.iter_mut().enumerate() {
                *sum += now[class].saturating_sub(then[class]);
            }
        }
        Self { statuses, latency: packed(&after.latency.since(&before.latency)) }
    }

    /// All answers.
    pub fn requests(&self) -> u64 {
        self.statuses.iter().sum()
    }

    /// How long they took.
    pub fn latency(&self) -> HistogramTotal {
        let mut total = HistogramTotal::default();
        for (bucket, count) in &self.latency {
            // Another router may know more buckets.
            if let Some(sum) = total.buckets.get_mut(usize::from(*bucket)) {
                *sum += u64::from(*count);
            }
        }
        total
    }

    /// Adds another while.
    pub fn add(&mut self, other: &Self) {
        for (sum, more) in self.statuses.iter_mut().zip(other.statuses) {
            *sum += more;
        }
        let mut latency = self.latency();
        for (sum, more) in latency.buckets.iter_mut().zip(other.latency().buckets) {
            *sum += more;
        }
        self.latency = packed(&latency);
    }
}

fn packed(latency: &HistogramTotal) -> Box<[(u8, u32)]> {
    let filled = latency.buckets.iter().enumerate().filter(|(_, count)| **count > 0);
    let pack = |(bucket, count): (usize, &u64)| {
        Some((u8::try_from(bucket).ok()?, u32::try_from(*count).unwrap_or(u32::MAX)))
    };
    filled.filter_map(pack).collect()
}
