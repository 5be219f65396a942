//! Time in the suites: deadlines, and waiting for a condition. The only place that reads a clock or sleeps, so that
//! no suite synchronises by guessing how long something takes.

use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

/// How long anything may take before a suite calls it hung. Generous, since two cores may be shared with a compiler and with other suites.
pub const PATIENCE: Duration = Duration::from_secs(180);
/// How much of an hour a test is to have before it.
const ROOM: u64 = 60;

/// A point in time after which waiting is over.
#[derive(Clone, Copy)]
pub struct Deadline {
    started: Instant,
    length: Duration,
}

impl Deadline {
    /// A deadline `length` from now.
    pub fn after(length: Duration) -> Self {
        Self { started: now(), length }
    }

    /// Whether it has passed.
    pub fn passed(&self) -> bool {
        self.elapsed() >= self.length
    }

    /// Time since it was set.
    pub fn elapsed(&self) -> Duration {
        now().duration_since(self.started)
    }

    /// What is left of it, at least one millisecond (socket time-outs of zero mean "never").
    pub fn left(&self) -> Duration {
        self.length.saturating_sub(self.elapsed()).max(Duration::from_millis(1))
    }
}

/// Waits until `condition` holds, looking every few milliseconds; fails the test, naming `what`, after [`PATIENCE`].
pub fn eventually(what: &str, condition: impl FnMut() -> bool) {
    assert!(within(PATIENCE, condition), "still not so after {PATIENCE:?}: {what}");
}

/// Whether `condition` came to hold within `length`.
pub fn within(length: Duration, mut condition: impl FnMut() -> bool) -> bool {
    let deadline = Deadline::after(length);
    loop {
        if condition() {
            return true;
        }
        if deadline.passed() {
            return false;
        }
        pause(Duration::from_millis(3));
    }
}

/// Waits out the end of an hour: a pin says in which hour it was made, and the first navigation in another one renews
/// it, so clients that a test has left alone would get new pins in the middle of it.
pub fn await_an_hour_with_room() {
    while wall().as_secs() % 3_600 >= 3_600 - ROOM {
        pause(Duration::from_millis(100));
    }
}

/// Lets time pass where the passing of time is what is tested (a deadline, a slow client), never to wait for an event.
pub fn pause(length: Duration) {
    std::thread::sleep(length);
}

#[allow(
    clippy::disallowed_methods,
    reason = "the suites run outside the process whose clock is under control"
)]
fn now() -> Instant {
    Instant::now()
}

/// The time since 1970.
#[allow(
    clippy::disallowed_methods,
    reason = "the suites run outside the process whose clock is under control"
)]
pub fn wall() -> Duration {
    SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default()
}
