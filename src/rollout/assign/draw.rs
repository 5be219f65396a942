//! Draw: where an assignment gets its random numbers from.

use crate::rollout::{bucket, table::AppRoutes};

/// A source of buckets and random numbers.
pub trait Draw {
    /// The bucket of a new client, 0..10,000, from the app's golden-ratio counter.
    fn bucket(&mut self, app: &AppRoutes) -> u16;
    /// A random number, for client numbers and for the choice of an endpoint.
    fn random(&mut self) -> u64;
    /// The bucket of one request to an app that is not sticky, 0..10,000.
    fn request_bucket(&mut self, app: &AppRoutes) -> u16 {
        let _ = app;
        bucket::of_random(self.random())
    }
}
