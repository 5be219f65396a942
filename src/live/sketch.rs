//! How many distinct clients were seen, in bounded memory: a HyperLogLog sketch (Flajolet et al., 2007) over the
//! client number in a pin.
//!
//! The number is random and signed, so it needs no hashing and cannot be chosen by a client. Sketches of workers
//! and of routers merge by taking each register's maximum, so nobody is counted twice.

use std::sync::atomic::{AtomicU8, AtomicUsize, Ordering};

/// Registers in a sketch: 1 KiB, and a standard error of 1.04 / sqrt(1024) = 3.3 %.
pub const REGISTERS: usize = 1_024;
/// Bits of a client number that choose the register.
const INDEX_BITS: u32 = REGISTERS.trailing_zeros();

/// One worker's sketch: one writer, any reader.
#[derive(Debug)]
pub struct Sketch {
    registers: [AtomicU8; REGISTERS],
}

impl Default for Sketch {
    fn default() -> Self {
        Self { registers: std::array::from_fn(|_| AtomicU8::new(0)) }
    }
}

impl Sketch {
    /// Notes a client number.
    pub fn add(&self, client: u64) {
        let (index, rank) = place(client);
        let register = &self.registers[index];
        if register.load(Ordering::Relaxed) < rank {
            register.store(rank, Ordering::Relaxed);
        }
    }

    /// Forgets everyone. A client noted at the same moment may be lost; it is noted again with its next request.
    pub fn clear(&self) {
        self.registers.iter().for_each(|register| register.store(0, Ordering::Relaxed));
    }
}

/// The register of a client number, and the rank it holds there: one more than the zeros its other bits begin with.
fn place(client: u64) -> (usize, u8) {
    let index = usize::try_from(client >> (64 - INDEX_BITS)).expect("ten bits fit");
    let zeros = (client << INDEX_BITS).leading_zeros().min(64 - INDEX_BITS);
    (index, u8::try_from(zeros + 1).expect("at most 55"))
}

/// Two sketches in turn: the present window and the one before it, so that "lately" is between one and two windows.
#[derive(Debug, Default)]
pub struct Lately {
    windows: [Sketch; 2],
}

impl Lately {
    /// Notes a client number in a window (0 or 1).
    pub fn add(&self, window: usize, client: u64) {
        self.windows[window & 1].add(client);
    }

    /// Adds what both windows hold to a sum.
    pub fn merge_into(&self, total: &mut SketchTotal) {
        self.windows.iter().for_each(|sketch| total.merge(sketch));
    }

    /// Empties a window before it becomes the present one.
    pub fn clear(&self, window: usize) {
        self.windows[window & 1].clear();
    }
}

/// Which window is the present one, turned by the control plane.
#[derive(Debug, Default)]
pub struct Window(AtomicUsize);

impl Window {
    /// 0 or 1.
    pub fn now(&self) -> usize {
        self.0.load(Ordering::Relaxed)
    }

    /// Makes the other one the present one, after `clear` emptied it.
    pub fn turn(&self, clear: impl FnOnce(usize)) {
        let next = 1 - self.now();
        clear(next);
        self.0.store(next, Ordering::Relaxed);
    }
}

/// A sum of sketches.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SketchTotal {
    registers: Vec<u8>,
}

impl Default for SketchTotal {
    fn default() -> Self {
        Self { registers: vec![0; REGISTERS] }
    }
}

impl SketchTotal {
    /// Adds one sketch.
    pub fn merge(&mut self, sketch: &Sketch) {
        for (sum, register) in self.registers.iter_mut().zip(&sketch.registers) {
            *sum = (*sum).max(register.load(Ordering::Relaxed));
        }
    }

    /// The distinct clients noted, within about 3.3 % (exact to a client or two while there are few).
    #[allow(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        clippy::cast_precision_loss,
        reason = "an estimate far below 2^52, never negative"
    )]
    pub fn estimate(&self) -> u64 {
        let registers = REGISTERS as f64;
        let empty = self.registers.iter().filter(|rank| **rank == 0).count();
        let harmonic: f64 = self.registers.iter().map(|rank| (-f64::from(*rank)).exp2()).sum();
        let raw = 0.7213 / (1.0 + 1.079 / registers) * registers * registers / harmonic;
        // Below 2.5 clients a register, counting the empty ones is more exact (the paper's small range correction).
        let estimate = if raw <= 2.5 * registers && empty > 0 {
            registers * (registers / empty as f64).ln()
        } else {
            raw
        };
        estimate.round() as u64
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// SplitMix64 (Steele et al., 2014): client numbers that a test can repeat.
    fn client(index: u64) -> u64 {
        let mut z = index.wrapping_mul(0x9e37_79b9_7f4a_7c15);
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }

    fn estimate(sketches: &[&Sketch]) -> u64 {
        let mut total = SketchTotal::default();
        sketches.iter().for_each(|sketch| total.merge(sketch));
        total.estimate()
    }

    #[test]
    fn estimates_within_four_standard_errors() {
        for count in [0, 1, 10, 100, 1_000, 10_000, 100_000] {
            let sketch = Sketch::default();
            (1..=count).for_each(|index| sketch.add(client(index)));
            let error = estimate(&[&sketch]).abs_diff(count);
            assert!(error <= count * 13 / 100 + u64::from(count > 50), "{count}: off by {error}");
        }
    }

    #[test]
    fn a_client_seen_by_two_workers_counts_once() {
        let (one, two) = (Sketch::default(), Sketch::default());
        (1..=500).for_each(|index| one.add(client(index)));
        (251..=750).for_each(|index| two.add(client(index)));
        assert!(estimate(&[&one, &two]).abs_diff(750) < 75);
    }

    #[test]
    fn a_client_is_forgotten_after_two_turns_of_the_window() {
        let (lately, window) = (Lately::default(), Window::default());
        lately.add(window.now(), client(1));
        let seen = |lately: &Lately| {
            let mut total = SketchTotal::default();
            lately.merge_into(&mut total);
            total.estimate()
        };
        window.turn(|next| lately.clear(next));
        assert_eq!(seen(&lately), 1);
        window.turn(|next| lately.clear(next));
        assert_eq!(seen(&lately), 0);
    }
}
