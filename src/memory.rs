//! Giving memory back to the system after a crowd has left.
//!
//! By itself the C library's allocator gives back only what is free at the end of a heap. After 2,000 slow clients, four
//! times, it kept 44 of 44 MiB, since something small lay behind every free buffer. When it is asked to give memory back, it
//! keeps 4 MiB.

use std::cell::Cell;

/// Asking is not worth it for fewer connections and exchanges than this.
const CROWD: usize = 256;

/// The most connections and exchanges since memory was last given back.
#[derive(Debug, Default)]
pub struct HighWater(Cell<usize>);

impl HighWater {
    /// Whether a crowd has left, now that so many are open: at least half of them, and more than a few. It is true once for
    /// each half, so memory is given back only a few times while a crowd leaves slowly.
    pub fn has_fallen_to(&self, open: usize) -> bool {
        let most = self.0.get().max(open);
        let fallen = most - open >= CROWD && open <= most / 2;
        self.0.set(if fallen { open } else { most });
        fallen
    }
}

/// Gives free memory back to the system. This takes some milliseconds for 100 MiB, in which threads that allocate wait.
#[cfg(all(target_os = "linux", target_env = "gnu"))]
#[allow(unsafe_code, reason = "declares one function of the C library, which no safe crate offers")]
pub fn give_back() {
    // Safe to call: it takes no pointer, may be called from any thread at any time (malloc_trim(3): MT-Safe), and touches
    // only memory that the allocator itself knows to be free.
    unsafe extern "C" {
        safe fn malloc_trim(pad: usize) -> std::ffi::c_int;
    }
    malloc_trim(0);
}

/// Other allocators are left to themselves.
#[cfg(not(all(target_os = "linux", target_env = "gnu")))]
pub fn give_back() {}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_a_crowd_that_left_counts_and_only_once() {
        let water = HighWater::default();
        let fallen: Vec<bool> =
            [0, 100, 9_000, 5_000, 4_500, 4_400, 2_000, 100, 0].map(|open| water.has_fallen_to(open)).into();
        assert_eq!(fallen, [false, false, false, false, true, false, true, true, false]);
        give_back();
    }
}
