//! Pauses between attempts, so that routers that failed together do not return together.

use std::time::Duration;

/// Between half and the whole of a pause, so that routers that lost one store do not return as one.
pub fn jittered(pause: Duration) -> Duration {
    let mut byte = [0];
    // Without randomness the pause is whole, which is still a pause.
    let _ = getrandom::fill(&mut byte);
    pause - pause / 2 * u32::from(byte[0]) / 256
}
