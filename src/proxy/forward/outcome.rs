//! The outcome: what became of a request.

use super::failure::Failure;
use crate::rollout::{address::Address, target::ReleaseIndex};

/// What became of a request.
#[derive(Debug, Clone, Copy, Default)]
pub struct Outcome {
    /// The status that the client got; 0 if it left before one.
    pub status: u16,
    /// What a call of gRPC ended with, as a status of HTTP; 0: it did not fail. Its answer is 200 all the same.
    pub grpc_failed: u16,
    /// Bytes of response body.
    pub sent: u64,
    /// Bytes of request body.
    pub received: u64,
    /// How often it was repeated.
    pub retries: u32,
    /// When the release that answers was asked, if another one was asked before, monotonic microseconds.
    pub asked_us: Option<u64>,
    /// The candidate was silent until stable was asked instead.
    pub was_silent: bool,
    /// The endpoint of the candidate whose failure stable was asked to make good.
    pub shielded_from: Option<Address>,
    /// How long the connection took on which the answer came, if it was opened for it, in microseconds.
    pub connecting_us: u32,
    /// When the head of the response was there, monotonic microseconds.
    pub head_us: u64,
    /// Which endpoint answered.
    pub endpoint: Option<Address>,
    /// The sibling that answered for the release.
    pub sibling: Option<ReleaseIndex>,
    /// Why it did not end well.
    pub failure: Option<Failure>,
}

impl Outcome {
    /// The status by which the release is judged.
    pub fn judged_status(&self) -> u16 {
        if self.grpc_failed == 0 { self.status } else { self.grpc_failed }
    }
}
