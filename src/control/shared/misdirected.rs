//! Requests that led to no app (421): when this router last had one.

use std::time::Duration;

use parking_lot::Mutex;

/// When requests last led to no app. Times are monotonic.
#[derive(Debug, Default)]
pub struct MisdirectedRequests {
    seen: Mutex<(u64, Option<Duration>)>,
}

impl MisdirectedRequests {
    /// Notes how many there were until now.
    pub fn note(&self, total: u64, now: Duration) {
        let mut seen = self.seen.lock();
        if total > seen.0 {
            *seen = (total, Some(now));
        }
    }

    /// Whether there was one within this time.
    pub fn was_within(&self, time: Duration, now: Duration) -> bool {
        self.seen.lock().1.is_some_and(|last| now.saturating_sub(last) < time)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_last_one_is_remembered_for_a_while() {
        let (misdirected, second) = (MisdirectedRequests::default(), Duration::from_secs(1));
        misdirected.note(0, second);
        assert!(!misdirected.was_within(10 * second, second));
        misdirected.note(3, 2 * second);
        misdirected.note(3, 9 * second);
        assert!(misdirected.was_within(10 * second, 11 * second));
        assert!(!misdirected.was_within(10 * second, 12 * second));
    }
}
