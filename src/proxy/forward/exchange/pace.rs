//! Whether a client keeps the least rate, `body_rate_min`.

use crate::limits::Limits;

/// How long a client may still be slow. It begins with `body_grace_ms`, time uses it up, and bytes earn it back, but
/// never more of it than at the beginning: who was fast for an hour may not hold a connection for days.
#[derive(Debug, Clone, Copy)]
pub(super) struct Pace {
    /// When it is too slow, monotonic ms.
    due_ms: u64,
    /// Bytes that were counted already.
    counted: u64,
}

impl Pace {
    /// From now on; `bytes` have moved before.
    pub(super) fn begin(limits: &Limits, now_ms: u64, bytes: u64) -> Self {
        Self { due_ms: now_ms.saturating_add(limits.body_grace_ms), counted: bytes }
    }

    /// When it is too slow, now that so many bytes have moved in all.
    pub(super) fn due_ms(&mut self, limits: &Limits, now_ms: u64, bytes: u64) -> u64 {
        if limits.body_rate_min == 0 {
            return u64::MAX;
        }
        let earned = bytes.saturating_sub(self.counted).saturating_mul(1_000) / limits.body_rate_min;
        // What earns less than a millisecond is counted with what follows.
        if earned > 0 {
            self.counted = bytes;
            let most = now_ms.saturating_add(limits.body_grace_ms);
            self.due_ms = self.due_ms.saturating_add(earned).min(most);
        }
        self.due_ms
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn limits() -> Limits {
        Limits { body_rate_min: 100, body_grace_ms: 10_000, ..Limits::default() }
    }

    /// When a client is cut that moves so many bytes every second, within a day.
    fn cut_at(bytes_per_second: u64) -> Option<u64> {
        let mut pace = Pace::begin(&limits(), 0, 0);
        (1..86_400).find(|second| {
            pace.due_ms(&limits(), second * 1_000, second * bytes_per_second) <= second * 1_000
        })
    }

    #[test]
    fn who_keeps_the_rate_is_never_cut_and_who_does_not_is() {
        assert_eq!(cut_at(100), None);
        assert_eq!(cut_at(50), Some(20));
        assert_eq!(cut_at(1), Some(11));
        assert_eq!(cut_at(0), Some(10));
    }

    /// A client that took 60 KB at once could then hold its connection for as long as 60 KB may take at the least rate:
    /// eight minutes; one that had sent 100 MB, for nine days.
    #[test]
    fn having_been_fast_earns_no_more_than_the_grace() {
        let mut pace = Pace::begin(&limits(), 0, 0);
        assert_eq!(pace.due_ms(&limits(), 1_000, 100_000_000), 11_000);
        assert_eq!(pace.due_ms(&limits(), 5_000, 100_000_000), 11_000);
    }

    #[test]
    fn bytes_that_come_one_by_one_are_worth_as_much() {
        let limits = Limits { body_rate_min: 10_000, ..limits() };
        let mut pace = Pace::begin(&limits, 0, 0);
        let last = (1..=100_000).map(|bytes| pace.due_ms(&limits, bytes / 10, bytes)).last();
        assert_eq!(last, Some(20_000));
    }

    #[test]
    fn no_least_rate_is_no_deadline() {
        let limits = Limits { body_rate_min: 0, ..limits() };
        assert_eq!(Pace::begin(&limits, 0, 0).due_ms(&limits, u64::MAX, 0), u64::MAX);
    }
}
