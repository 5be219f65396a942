//! How many distinct clients were seen, and a sample of them, in bounded memory: a HyperLogLog sketch (Flajolet et al.,
//! 2007) over the client number in a pin.
//!
//! The number is random and signed, so it needs no hashing, and a client cannot choose it. Sketches of workers and of
//! routers merge by taking the maximum of each register, so no client is counted twice.
//!
//! A register also keeps the place of the client that set it. The rank of a client has nothing to do with its bucket, so
//! that client is a random one of those that share the register, and the registers are a random sample of all clients.

use std::sync::atomic::{AtomicU16, AtomicUsize, Ordering};

use crate::rollout::pin::Pin;

/// Registers in a sketch: 2 KiB, and a standard error of 1.04 / sqrt(1024) = 3.3 %.
pub const REGISTERS: usize = 1_024;
/// Bits of a client number that choose the register.
const INDEX_BITS: u32 = REGISTERS.trailing_zeros();
/// Buckets that share a place. A place is a tenth of a percent, so that rank, bit and place fit in 16 bits.
const BUCKETS_PER_PLACE: u16 = 10;
/// The highest rank: five bits, enough for 2^41 clients.
const RANK_MAX: u32 = 31;
/// Where the rank begins in a register. Below it: ten bits of place, one bit "left the candidate".
const RANK_SHIFT: u32 = 11;

/// One worker's sketch. One thread writes it, any thread reads it.
#[derive(Debug)]
pub struct Sketch {
    registers: [AtomicU16; REGISTERS],
}

impl Default for Sketch {
    fn default() -> Self {
        Self { registers: std::array::from_fn(|_| AtomicU16::new(0)) }
    }
}

/// One client of a sample.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct SampledClient {
    /// Its bucket, to a tenth of a percent: the middle of ten.
    pub bucket: u16,
    /// The bit in its pin: `shielded` or `fallback` moved it off the candidate.
    pub left_candidate: bool,
}

impl Sketch {
    /// Notes the client of a pin.
    pub fn add(&self, pin: &Pin) {
        let (index, register) = place(pin);
        let known = self.registers[index].load(Ordering::Relaxed);
        // The same client may have left the candidate meanwhile.
        let same_client = known >> 1 == register >> 1;
        if rank(known) < rank(register) || same_client && known != register {
            self.registers[index].store(register, Ordering::Relaxed);
        }
    }

    /// Forgets every client. One that is noted at the same moment may be lost, and is noted again with its next request.
    pub fn clear(&self) {
        self.registers.iter().for_each(|register| register.store(0, Ordering::Relaxed));
    }
}

/// The register of a client, and the value that it would have. The rank is the number of zeros with which the remaining bits
/// of the client number begin, plus one.
fn place(pin: &Pin) -> (usize, u16) {
    let index = usize::try_from(pin.client >> (64 - INDEX_BITS)).expect("ten bits fit");
    let rank = ((pin.client << INDEX_BITS).leading_zeros() + 1).min(RANK_MAX);
    let rank = u16::try_from(rank).expect("five bits fit");
    let place = pin.bucket / BUCKETS_PER_PLACE;
    (index, rank << RANK_SHIFT | place << 1 | u16::from(pin.left_candidate))
}

const fn rank(register: u16) -> u16 {
    register >> RANK_SHIFT
}

/// Digits of a register in a text.
const DIGITS: usize = 4;
/// Digits of one register and its index in a sparse text.
const SPARSE_DIGITS: usize = 3 + DIGITS;
/// Begins a text that holds every register.
const ALL_MARK: char = '*';
/// Places that there are.
const PLACES: u16 = crate::rollout::bucket::BUCKETS / BUCKETS_PER_PLACE;

/// Reads the digits of a register. `None` for a value that no client gives.
fn read_register(digits: &str) -> Option<u16> {
    let plain = digits.bytes().all(|byte| byte.is_ascii_hexdigit());
    let register = u16::from_str_radix(digits, 16).ok().filter(|_| plain)?;
    let possible = register == 0 || rank(register) > 0;
    (possible && (register >> 1 & 0x3FF) < PLACES).then_some(register)
}

/// The clients seen lately: a sketch of the present window and one of the window before, so that "lately" lasts between one
/// and two windows.
#[derive(Debug, Default)]
pub struct RecentClients {
    windows: [Sketch; 2],
}

impl RecentClients {
    /// Notes the client of a pin in a window (0 or 1).
    pub fn add(&self, window: usize, pin: &Pin) {
        self.windows[window & 1].add(pin);
    }

    /// Adds both windows to a sum. `window` is the present one, which counts where they differ.
    pub fn merge_into(&self, window: usize, total: &mut SketchTotal) {
        total.merge(&self.windows[window & 1]);
        total.merge(&self.windows[1 - (window & 1)]);
    }

    /// Empties a window before it becomes the present one.
    pub fn clear(&self, window: usize) {
        self.windows[window & 1].clear();
    }
}

/// Which window is the present one. The control plane turns it.
#[derive(Debug, Default)]
pub struct Window(AtomicUsize);

impl Window {
    /// 0 or 1.
    pub fn now(&self) -> usize {
        self.0.load(Ordering::Relaxed)
    }

    /// Makes the other window the present one, after `clear` has emptied it.
    pub fn turn(&self, clear: impl FnOnce(usize)) {
        let next = 1 - self.now();
        clear(next);
        self.0.store(next, Ordering::Relaxed);
    }
}

/// A sum of sketches.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SketchTotal {
    registers: Vec<u16>,
}

impl Default for SketchTotal {
    fn default() -> Self {
        Self { registers: vec![0; REGISTERS] }
    }
}

impl SketchTotal {
    /// Adds one sketch.
    pub fn merge(&mut self, sketch: &Sketch) {
        self.raise(sketch.registers.iter().map(|register| register.load(Ordering::Relaxed)));
    }

    /// Adds another sum.
    pub fn add(&mut self, other: &Self) {
        self.raise(other.registers.iter().copied());
    }

    /// Takes over registers of a higher rank. Of equal ranks the own register stays.
    fn raise(&mut self, registers: impl Iterator<Item = u16>) {
        for (sum, register) in self.registers.iter_mut().zip(registers) {
            if rank(*sum) < rank(register) {
                *sum = register;
            }
        }
    }

    /// The sum as hexadecimal digits, for another router. While few registers are in use, there are three digits of index and
    /// four of value for each of them; else four digits for every register.
    pub fn to_text(&self) -> String {
        let used = || self.registers.iter().enumerate().filter(|(_, register)| **register != 0);
        if used().count() * SPARSE_DIGITS < REGISTERS * DIGITS {
            return used().map(|(index, register)| format!("{index:03x}{register:04x}")).collect();
        }
        let all: String = self.registers.iter().map(|register| format!("{register:04x}")).collect();
        format!("{ALL_MARK}{all}")
    }

    /// Reads what [`SketchTotal::to_text`] wrote. `None` for any other text.
    pub fn from_text(text: &str) -> Option<Self> {
        let mut total = Self::default();
        if let Some(all) = text.strip_prefix(ALL_MARK) {
            if all.len() != REGISTERS * DIGITS {
                return None;
            }
            for (index, register) in total.registers.iter_mut().enumerate() {
                *register = read_register(all.get(index * DIGITS..(index + 1) * DIGITS)?)?;
            }
            return Some(total);
        }
        for at in (0..text.len()).step_by(SPARSE_DIGITS) {
            let index = usize::from_str_radix(text.get(at..at + 3)?, 16).ok()?;
            *total.registers.get_mut(index)? = read_register(text.get(at + 3..at + SPARSE_DIGITS)?)?;
        }
        Some(total)
    }

    /// A random sample of the noted clients: all of them while there are few, at most [`REGISTERS`].
    pub fn sample(&self) -> impl Iterator<Item = SampledClient> + '_ {
        self.registers.iter().filter(|register| **register != 0).map(|register| SampledClient {
            bucket: (register >> 1 & 0x3FF) * BUCKETS_PER_PLACE + BUCKETS_PER_PLACE / 2,
            left_candidate: register & 1 == 1,
        })
    }

    /// The number of distinct clients that were noted, within about 3.3 % (within a client or two while there are few).
    #[allow(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        clippy::cast_precision_loss,
        reason = "an estimate far below 2^52, never negative"
    )]
    pub fn estimate(&self) -> u64 {
        let registers = REGISTERS as f64;
        let empty = self.registers.iter().filter(|register| **register == 0).count();
        let harmonic: f64 = self.registers.iter().map(|register| (-f64::from(rank(*register))).exp2()).sum();
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

    /// SplitMix64 (Steele et al., 2014): client numbers that a test can repeat, in buckets one after the other.
    fn client(index: u64) -> Pin {
        let mut z = index.wrapping_mul(0x9e37_79b9_7f4a_7c15);
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        let bucket = u16::try_from(index % 10_000).unwrap();
        let rest = (1, 0, 0, 0, 0);
        let (tenure, endpoint, hour, move_day, moves) = rest;
        Pin { bucket, client: z ^ (z >> 31), tenure, endpoint, hour, move_day, moves, ..Pin::default() }
    }

    fn estimate(sketches: &[&Sketch]) -> u64 {
        let mut total = SketchTotal::default();
        sketches.iter().for_each(|sketch| total.merge(sketch));
        total.estimate()
    }

    #[test]
    fn sums_travel_as_text_and_merge() {
        for (count, chars_max) in [(0, 0), (10, 70), (100, 700), (100_000, 4_097)] {
            let (one, two) = (Sketch::default(), Sketch::default());
            (1..=count).for_each(|index| one.add(&client(index)));
            (count / 2..count * 2).for_each(|index| two.add(&client(index)));
            let (mut left, mut right) = (SketchTotal::default(), SketchTotal::default());
            left.merge(&one);
            right.merge(&two);
            assert!(left.to_text().len() <= chars_max, "{count}: {} characters", left.to_text().len());
            assert_eq!(SketchTotal::from_text(&left.to_text()), Some(left.clone()));
            left.add(&SketchTotal::from_text(&right.to_text()).unwrap());
            assert_eq!(left.estimate(), estimate(&[&one, &two]));
        }
        for text in
            ["0", "3ff", "4000800", "0000001", "0000fff", "*0000", "g000800", "\u{e4}", "0000800x", "000+800"]
        {
            assert_eq!(SketchTotal::from_text(text), None, "{text}");
        }
    }

    #[test]
    fn estimates_within_four_standard_errors() {
        for count in [0, 1, 10, 100, 1_000, 10_000, 100_000] {
            let sketch = Sketch::default();
            (1..=count).for_each(|index| sketch.add(&client(index)));
            let error = estimate(&[&sketch]).abs_diff(count);
            assert!(error <= count * 13 / 100 + u64::from(count > 50), "{count}: off by {error}");
        }
    }

    #[test]
    fn a_client_seen_by_two_workers_counts_once() {
        let (one, two) = (Sketch::default(), Sketch::default());
        (1..=500).for_each(|index| one.add(&client(index)));
        (251..=750).for_each(|index| two.add(&client(index)));
        assert!(estimate(&[&one, &two]).abs_diff(750) < 75);
    }

    #[test]
    fn a_client_is_forgotten_after_two_turns_of_the_window() {
        let (lately, window) = (RecentClients::default(), Window::default());
        lately.add(window.now(), &client(1));
        let seen = |lately: &RecentClients| {
            let mut total = SketchTotal::default();
            lately.merge_into(window.now(), &mut total);
            total.estimate()
        };
        window.turn(|next| lately.clear(next));
        assert_eq!(seen(&lately), 1);
        window.turn(|next| lately.clear(next));
        assert_eq!(seen(&lately), 0);
    }

    #[test]
    fn the_sample_has_the_buckets_of_the_clients() {
        for count in [1, 100, 1_000, 100_000_u64] {
            let sketch = Sketch::default();
            // A quarter of them is below 1,000, as no even spread would be.
            let skewed = |index| Pin { bucket: if index % 4 == 0 { 500 } else { 5_000 }, ..client(index) };
            (1..=count).for_each(|index| sketch.add(&skewed(index)));
            let mut total = SketchTotal::default();
            total.merge(&sketch);
            let sampled = total.sample().count();
            assert!(
                sampled <= REGISTERS && sampled as u64 >= (count - count / 10).min(600),
                "{sampled} of {count}"
            );
            let low = total.sample().filter(|client| client.bucket < 1_000).count();
            let off = (low as f64 - sampled as f64 / 4.0).abs();
            assert!(off <= 1.0 + 4.0 * (sampled as f64 * 0.1875).sqrt(), "{low} of {sampled} of {count}");
        }
    }

    #[test]
    fn what_a_pin_says_last_counts() {
        let (lately, window) = (RecentClients::default(), Window::default());
        let before = Pin { bucket: 9_999, ..client(1) };
        lately.add(window.now(), &before);
        let seen = |lately: &RecentClients| {
            let mut total = SketchTotal::default();
            lately.merge_into(window.now(), &mut total);
            total.sample().collect::<Vec<_>>()
        };
        assert_eq!(seen(&lately), [SampledClient { bucket: 9_995, left_candidate: false }]);
        let after = Pin { left_candidate: true, ..before };
        lately.add(window.now(), &after);
        assert_eq!(seen(&lately), [SampledClient { bucket: 9_995, left_candidate: true }]);
        window.turn(|next| lately.clear(next));
        lately.add(window.now(), &before);
        assert_eq!(seen(&lately), [SampledClient { bucket: 9_995, left_candidate: false }]);
    }
}
