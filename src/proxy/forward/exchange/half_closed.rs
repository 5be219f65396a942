//! A client that has closed its sending side: it may have left, or only have said all that it will say.

use crate::limits::HALF_CLOSED_MS;

/// A client that has closed its sending side.
#[derive(Debug, Clone, Copy)]
pub(super) struct HalfClosedClient {
    /// When a byte of the response was last delivered, or when it closed, monotonic ms.
    at_ms: u64,
    /// How many bytes were delivered by then.
    delivered: u64,
}

impl HalfClosedClient {
    /// It was seen to have closed; so many bytes were delivered before.
    pub(super) fn new(now_ms: u64, delivered: u64) -> Self {
        Self { at_ms: now_ms, delivered }
    }

    /// When it counts as gone, monotonic ms, now that so many bytes are delivered.
    pub(super) fn gone_at_ms(&mut self, now_ms: u64, delivered: u64) -> u64 {
        if delivered > self.delivered {
            *self = Self::new(now_ms, delivered);
        }
        self.at_ms + HALF_CLOSED_MS
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_stays_while_bytes_are_delivered() {
        let mut client = HalfClosedClient::new(0, 10);
        assert_eq!(client.gone_at_ms(500, 10), HALF_CLOSED_MS);
        assert_eq!(client.gone_at_ms(900, 11), 900 + HALF_CLOSED_MS);
        assert_eq!(client.gone_at_ms(1_000, 11), 900 + HALF_CLOSED_MS);
    }
}
