//! A worker's coarse clock: read once per turn of its event loop, so that a request costs no clock of its own.
//!
//! A turn takes well below a millisecond, which is what a latency may be off by. Since a loop that never rests
//! would never read it, it is read again after every [`REQUESTS_PER_READING`] requests too.

use std::cell::Cell;

use crate::clock::Clock;

/// Requests between two readings at most.
const REQUESTS_PER_READING: u32 = 16;

thread_local! {
    static NOW_US: Cell<u64> = const { Cell::new(0) };
    static WALL_MS: Cell<u64> = const { Cell::new(0) };
    static REQUESTS: Cell<u32> = const { Cell::new(0) };
}

/// Reads the clock for this thread.
pub fn refresh(clock: &Clock) {
    let now = u64::try_from(clock.monotonic().as_micros()).unwrap_or(u64::MAX);
    NOW_US.set(now);
    WALL_MS.set(clock.wall_ms());
    REQUESTS.set(0);
}

/// Counts a request, and reads the clock when it is due.
pub fn count_request(clock: &Clock) {
    let requests = REQUESTS.get() + 1;
    REQUESTS.set(requests);
    if requests >= REQUESTS_PER_READING {
        refresh(clock);
    }
}

/// Monotonic microseconds at the last reading.
pub fn now_us() -> u64 {
    NOW_US.get()
}

/// Monotonic milliseconds at the last reading.
pub fn now_ms() -> u64 {
    NOW_US.get() / 1_000
}

/// Wall time at the last reading, Unix ms: only to display, and for the hour in a pin.
pub fn wall_ms() -> u64 {
    WALL_MS.get()
}
