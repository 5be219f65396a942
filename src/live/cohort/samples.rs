//! Samples of the requests that a candidate failed: the first few, for whoever looks for the cause.

use crate::rollout::address::Address;
use std::sync::{
    OnceLock,
    atomic::{AtomicUsize, Ordering},
};

/// How many are kept: enough to see what they have in common.
pub const SAMPLES_MAX: usize = 20;

/// A request that the candidate failed. Never a body, a cookie, a query or a client's address.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FailureSample {
    /// When, Unix ms.
    pub at_ms: u64,
    /// The method.
    pub method: String,
    /// The path, without its query.
    pub path: String,
    /// The status that the endpoint answered, or that stands for what it did instead.
    pub status: u16,
    /// Which endpoint.
    pub endpoint: Address,
    /// The trace that the request belongs to (W3C Trace Context).
    pub trace_id: Option<String>,
}

/// The first few. Each place is written once.
#[derive(Debug, Default)]
pub struct Samples {
    places: [OnceLock<Box<FailureSample>>; SAMPLES_MAX],
    taken: AtomicUsize,
}

impl Samples {
    /// Keeps a sample, which is made only if there is room.
    pub fn add(&self, sample: impl FnOnce() -> FailureSample) {
        if self.taken.load(Ordering::Relaxed) >= SAMPLES_MAX {
            return;
        }
        let place = self.taken.fetch_add(1, Ordering::Relaxed);
        if let Some(place) = self.places.get(place) {
            let _ = place.set(Box::new(sample()));
        }
    }

    /// Those that were kept.
    pub fn all(&self) -> Vec<FailureSample> {
        self.places.iter().filter_map(|place| place.get().map(|sample| (**sample).clone())).collect()
    }
}
