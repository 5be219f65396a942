//! Calls of the API that were refused for who sent them: counted by status, and told in the log with who and what.
//!
//! The log has a few lines a second at most, so that nobody fills a disk with it; the next line says how many were left out.

use std::{
    sync::atomic::{AtomicU64, Ordering},
    time::Duration,
};

use parking_lot::Mutex;

use super::limits::REFUSAL_LINES_PER_SECOND_MAX;

/// The statuses that are counted: no token or an unknown one, not allowed, a foreign host name, too many wrong tokens.
pub const STATUSES: [u16; 4] = [401, 403, 421, 429];

/// Refused calls.
#[derive(Debug, Default)]
pub struct Refusals {
    counts: [AtomicU64; STATUSES.len()],
    lines: Mutex<Lines>,
}

/// The lines of the second that runs. Times are monotonic.
#[derive(Debug, Default)]
struct Lines {
    second: u64,
    written: u32,
    left_out: u64,
}

impl Refusals {
    /// Counts an answer with this status; `false` when it refuses nobody.
    pub fn count(&self, status: u16) -> bool {
        let counted = STATUSES.iter().zip(&self.counts).find(|(known, _)| **known == status);
        let Some((_, count)) = counted else { return false };
        count.fetch_add(1, Ordering::Relaxed);
        true
    }

    /// How many answers had which status.
    pub fn counts(&self) -> impl Iterator<Item = (u16, u64)> {
        STATUSES.into_iter().zip(&self.counts).map(|(status, count)| (status, count.load(Ordering::Relaxed)))
    }

    /// Whether there is room for a line in the log, and how many were left out before it. `now` is monotonic.
    pub fn line(&self, now: Duration) -> Option<u64> {
        let mut lines = self.lines.lock();
        if lines.second != now.as_secs() {
            (lines.second, lines.written) = (now.as_secs(), 0);
        }
        if lines.written >= REFUSAL_LINES_PER_SECOND_MAX {
            lines.left_out += 1;
            return None;
        }
        lines.written += 1;
        Some(std::mem::take(&mut lines.left_out))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_flood_of_refusals_is_counted_whole_and_told_in_part() {
        let refusals = Refusals::default();
        assert!(!refusals.count(200) && !refusals.count(409));
        let lines: Vec<u64> = (0..1_000)
            .filter_map(|_| {
                assert!(refusals.count(401));
                refusals.line(Duration::from_millis(1_500))
            })
            .collect();
        assert_eq!(lines, vec![0; REFUSAL_LINES_PER_SECOND_MAX as usize]);
        let left_out = 1_000 - u64::from(REFUSAL_LINES_PER_SECOND_MAX);
        assert_eq!(refusals.line(Duration::from_secs(2)), Some(left_out));
        assert_eq!(refusals.counts().next(), Some((401, 1_000)));
    }
}
