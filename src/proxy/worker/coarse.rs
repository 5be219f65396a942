//! A worker's coarse clock. It is read once per turn of the event loop, so that a request does not pay for reading a clock.
//!
//! A turn takes well below a millisecond, so a latency is wrong by no more than that. A loop that never waits would never
//! read the clock, so it is also read after every [`REQUESTS_PER_READING`] requests.

use std::cell::Cell;

use crate::clock::Clock;

/// The most requests between two readings.
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

/// Wall time at the last reading, Unix ms. Only for display, and for the hour in a pin.
pub fn wall_ms() -> u64 {
    WALL_MS.get()
}
