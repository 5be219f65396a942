//! Drain: deadlines of releases that are off their track (docs/design.md section 7), on monotonic time.

use std::time::Duration;

/// When a stored deadline ends for a router that first saw its record at `seen` (monotonic), where `since` and
/// `now_wall` are Unix ms. A router that saw the record appear counts the full duration; after a restart
/// (`restored`) it counts clamp(now - since, 0, duration) as already passed.
pub fn deadline(
    seen: Duration,
    duration: Duration,
    since_ms: u64,
    now_wall_ms: u64,
    restored: bool,
) -> Duration {
    let passed =
        if restored { Duration::from_millis(now_wall_ms.saturating_sub(since_ms)) } else { Duration::ZERO };
    seen + duration.saturating_sub(passed)
}

#[cfg(test)]
mod tests {
    use super::*;

    const SEEN: Duration = Duration::from_secs(100);
    const HOUR: Duration = Duration::from_secs(3_600);

    #[test]
    fn a_router_that_saw_it_happen_counts_the_full_duration_whatever_the_wall_clock_says() {
        for now in [0, 1_000, u64::MAX] {
            assert_eq!(deadline(SEEN, HOUR, 1_000, now, false), SEEN + HOUR);
        }
    }

    #[test]
    fn after_a_restart_what_has_passed_counts_within_the_duration() {
        let after = |passed: u64| deadline(SEEN, HOUR, 1_000, 1_000 + passed, true);
        assert_eq!(after(600_000), SEEN + HOUR - Duration::from_secs(600));
        assert_eq!(after(7_200_000), SEEN, "long over");
        assert_eq!(deadline(SEEN, HOUR, 5_000, 1_000, true), SEEN + HOUR, "a clock that was set back");
    }
}
