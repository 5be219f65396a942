//! Pauses between attempts to reach the store, so that routers that failed together do not return together.

use std::time::Duration;

use crate::control::limits::{STORE_RETRY_MAX, STORE_RETRY_MIN};

/// The pause before the next attempt: doubled after each, up to a limit.
#[derive(Debug)]
pub struct Backoff {
    pause: Duration,
}

impl Backoff {
    /// The next attempt begins with the shortest pause again.
    pub fn reset(&mut self) {
        self.pause = STORE_RETRY_MIN;
    }

    /// The pause before the next attempt.
    pub fn next_pause(&mut self) -> Duration {
        let pause = self.pause;
        self.pause = (pause * 2).min(STORE_RETRY_MAX);
        jittered(pause)
    }
}

impl Default for Backoff {
    fn default() -> Self {
        Self { pause: STORE_RETRY_MIN }
    }
}

/// A random pause between half and the whole of this one.
pub fn jittered(pause: Duration) -> Duration {
    let mut byte = [0];
    // Without randomness the pause is whole, which is still a pause.
    let _ = getrandom::fill(&mut byte);
    pause - pause / 2 * u32::from(byte[0]) / 256
}
