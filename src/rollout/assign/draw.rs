//! Draw: where an assignment gets its random numbers from.

use crate::rollout::{bucket, table::AppRoutes};

/// A client that has no pin yet, as it is drawn.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct NewClient {
    /// Its bucket.
    pub bucket: u16,
    /// Its number.
    pub number: u64,
    /// The tag of the endpoint that another request of the same client was sent to a moment ago.
    pub endpoint: Option<u32>,
}

/// A source of buckets and random numbers.
pub trait Draw {
    /// A new client. Requests that are taken for those of one client get the same one.
    fn client(&mut self, app: &AppRoutes) -> NewClient {
        NewClient { bucket: self.bucket(app), number: self.random(), endpoint: None }
    }
    /// The client that was drawn a moment ago and sends this request too, though the request does not say so. None: nobody
    /// knows.
    fn present_client(&mut self, app: &AppRoutes) -> Option<NewClient> {
        let _ = app;
        None
    }
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
