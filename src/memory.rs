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

/// Keeps heaps short. To be called before there are threads.
///
/// By itself the allocator learns from large blocks that were freed: after one of 32 MiB each of a dozen heaps may keep
/// 64 MiB at its end, which [`give_back`] does not reach.
pub fn keep_heaps_short() {
    allocator::set(allocator::TRIM_THRESHOLD, END_BYTES);
    allocator::set(allocator::MMAP_THRESHOLD, BLOCK_BYTES);
}

/// Gives free memory back to the system. This takes some milliseconds for 100 MiB, in which threads that allocate wait.
pub fn give_back() {
    allocator::trim();
}

/// What is free at the end of a heap goes back by itself from so many bytes on.
const END_BYTES: i32 = 1 << 20;
/// A block of so many bytes or more, such as a large value of a key, is a mapping of its own and goes back when it is
/// freed: in a heap each one that stays keeps parts of its neighbours from going back. What requests need is smaller.
const BLOCK_BYTES: i32 = 64 << 10;

/// The C library's.
#[cfg(all(target_os = "linux", target_env = "gnu"))]
#[allow(unsafe_code, reason = "declares two functions of the C library, which no safe crate offers")]
mod allocator {
    use std::ffi::c_int;

    // Safe to call: neither takes a pointer, both may be called from any thread (malloc_trim(3), mallopt(3): MT-Safe but
    // for a first call beside others), and both touch only memory that the allocator itself knows to be free.
    unsafe extern "C" {
        safe fn malloc_trim(pad: usize) -> c_int;
        safe fn mallopt(parameter: c_int, value: c_int) -> c_int;
    }

    /// `M_TRIM_THRESHOLD` of malloc.h.
    pub const TRIM_THRESHOLD: c_int = -1;
    /// `M_MMAP_THRESHOLD` of malloc.h.
    pub const MMAP_THRESHOLD: c_int = -3;

    pub fn set(parameter: c_int, value: i32) {
        mallopt(parameter, value);
    }

    pub fn trim() {
        malloc_trim(0);
    }
}

/// Another one, which is left to itself.
#[cfg(not(all(target_os = "linux", target_env = "gnu")))]
mod allocator {
    pub const TRIM_THRESHOLD: i32 = 0;
    pub const MMAP_THRESHOLD: i32 = 0;

    pub fn set(_: i32, _: i32) {}

    pub fn trim() {}
}

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
