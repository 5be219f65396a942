//! How far a response is on its way from the endpoint.

use super::tunnel::Tunnel;
use crate::proxy::{codec::body::BodyDecoder, worker::buffers::Lease};

/// How far a response is.
#[derive(Default)]
pub struct Download {
    /// What was read of a head that is not whole, or of what follows an interim response.
    pub incoming: Option<UnreadBytes>,
    /// Set once the head of the final response is read.
    pub decoder: Option<BodyDecoder>,
    /// Set by a 101.
    pub tunnel: Option<Box<Tunnel>>,
    /// Some of a response went to the client.
    pub begun: bool,
    /// All of it was handed to the client's side.
    pub done: bool,
    /// The connection to the endpoint can carry another request.
    pub reusable: bool,
    /// Interim responses so far.
    pub interims: u8,
}

/// Bytes from the endpoint that belong to no body yet.
pub struct UnreadBytes {
    /// Where they were read to.
    pub lease: Lease,
    /// In the lease's space: where the unread bytes begin.
    pub start: usize,
    /// In the lease's space: where they end.
    pub end: usize,
    /// They were looked at, and are not a whole head.
    pub partial: bool,
}
