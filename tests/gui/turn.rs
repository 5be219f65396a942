//! As many browsers at a time as there are cores, and two at least: more would time each other, not the page.

use std::sync::{Condvar, Mutex, PoisonError};
use std::thread::available_parallelism;

/// How many browsers run.
static RUNNING: Mutex<usize> = Mutex::new(0);
static ONE_ENDED: Condvar = Condvar::new();

/// The right to run a browser; given back when dropped.
pub struct Turn(());

impl Turn {
    /// Waits for one.
    pub fn take() -> Self {
        let most = available_parallelism().map_or(2, |cores| cores.get().max(2));
        let running = RUNNING.lock().unwrap_or_else(PoisonError::into_inner);
        let mut running =
            ONE_ENDED.wait_while(running, |running| *running >= most).unwrap_or_else(PoisonError::into_inner);
        *running += 1;
        Self(())
    }
}

impl Drop for Turn {
    fn drop(&mut self) {
        *RUNNING.lock().unwrap_or_else(PoisonError::into_inner) -= 1;
        ONE_ENDED.notify_one();
    }
}
