//! Whether a client keeps the least rate, `body_rate_min`.

/// How long a client may still be slow. It begins with `body_grace_ms`, time uses it up, and bytes earn it back, but
/// never more of it than at the beginning: who was fast for an hour may not hold a connection for days.
#[derive(Debug, Clone, Copy)]
pub(super) struct Pace {
    /// When it is too slow, monotonic ms.
    due_ms: u64,
    /// Bytes that were counted already.
    counted: u64,
    /// The least rate, in bytes per second. 0: none.
    rate_min: u64,
    /// How long it may be slower, in ms.
    grace_ms: u64,
}

impl Pace {
    /// From now on; `bytes` have moved before.
    pub(super) fn begin(rate_min: u64, grace_ms: u64, now_ms: u64, bytes: u64) -> Self {
        Self { due_ms: now_ms.saturating_add(grace_ms), counted: bytes, rate_min, grace_ms }
    }

    /// By how much the deadline is earlier if the client may be slow for so long only, in ms.
    pub(super) fn beyond_ms(&self, grace_ms: u64) -> u64 {
        self.grace_ms.saturating_sub(grace_ms)
    }

    /// When it is too slow, now that so many bytes have moved in all.
    pub(super) fn due_ms(&mut self, now_ms: u64, bytes: u64) -> u64 {
        if self.rate_min == 0 {
            return u64::MAX;
        }
        let earned = bytes.saturating_sub(self.counted).saturating_mul(1_000) / self.rate_min;
        // What earns less than a millisecond is counted with what follows.
        if earned > 0 {
            self.counted = bytes;
            let most = now_ms.saturating_add(self.grace_ms);
            self.due_ms = self.due_ms.saturating_add(earned).min(most);
        }
        self.due_ms
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn pace(rate_min: u64) -> Pace {
        Pace::begin(rate_min, 10_000, 0, 0)
    }

    /// When a client is cut that moves so many bytes every second, within a day.
    fn cut_at(bytes_per_second: u64) -> Option<u64> {
        let mut pace = pace(100);
        (1..86_400).find(|second| pace.due_ms(second * 1_000, second * bytes_per_second) <= second * 1_000)
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
        let mut pace = pace(100);
        assert_eq!(pace.due_ms(1_000, 100_000_000), 11_000);
        assert_eq!(pace.due_ms(5_000, 100_000_000), 11_000);
    }

    #[test]
    fn bytes_that_come_one_by_one_are_worth_as_much() {
        let mut pace = pace(10_000);
        let last = (1..=100_000).map(|bytes| pace.due_ms(bytes / 10, bytes)).last();
        assert_eq!(last, Some(20_000));
    }

    #[test]
    fn no_least_rate_is_no_deadline() {
        assert_eq!(pace(0).due_ms(u64::MAX, 0), u64::MAX);
    }
}
