//! How far a response is on its way from the endpoint.

use super::{compressed_body::CompressedBody, tunnel::Tunnel};
use crate::{
    limits::{INTERIM_BURST_MAX, INTERIM_GAP_MS},
    proxy::{codec::body::BodyDecoder, worker::buffers::Lease},
};

/// How far a response is.
#[derive(Default)]
pub struct Download {
    /// What was read of a head that is not whole, or of what follows an interim response.
    pub incoming: Option<UnreadBytes>,
    /// Set once the head of the final response is read.
    pub decoder: Option<BodyDecoder>,
    /// Set if the body is compressed on its way.
    pub compressed: Option<Box<CompressedBody>>,
    /// Set by a 101.
    pub tunnel: Option<Box<Tunnel>>,
    /// The endpoint has sent a response, and be it an interim one.
    pub begun: bool,
    /// The head of the final response went to the client. Interim responses are no answer: others may follow them, from
    /// another endpoint too.
    pub headed: bool,
    /// The request goes on to the endpoint after a response that is whole before it.
    pub upload_goes_on: bool,
    /// All of it was handed to the client's side.
    pub done: bool,
    /// The connection to the endpoint can carry another request.
    pub reusable: bool,
    /// The response says that a login goes with its connection.
    pub binds_login: bool,
    /// It is a stream of events, which may be silent for long.
    pub event_stream: bool,
    /// When the interim responses so far are used up, at one each [`INTERIM_GAP_MS`], monotonic ms.
    pub interims_until_ms: u64,
}

impl Download {
    /// Counts an interim response; `false` if they come too fast.
    pub fn count_interim(&mut self, now_ms: u64) -> bool {
        self.interims_until_ms = self.interims_until_ms.max(now_ms) + INTERIM_GAP_MS;
        self.interims_until_ms <= now_ms + INTERIM_BURST_MAX * INTERIM_GAP_MS
    }
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

#[cfg(test)]
mod tests {
    use super::*;

    /// An endpoint that said 102 every 20 s was cut at the seventeenth, in the middle of its work.
    #[test]
    fn interim_responses_may_come_for_ever_and_not_too_fast() {
        let mut slow = Download::default();
        assert!((0..10_000).all(|count| slow.count_interim(count * INTERIM_GAP_MS)));
        let mut fast = Download::default();
        let passed = (0..100).filter(|_| fast.count_interim(5)).count() as u64;
        assert_eq!(passed, INTERIM_BURST_MAX);
    }
}
