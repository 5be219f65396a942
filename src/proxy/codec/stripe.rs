//! 64 bytes examined at once: where lines end, where colons are, and which bytes no field value may contain.
//!
//! Most of the cost of reading a head is finding these few bytes among many others. Here 16 bytes are compared at once, and
//! then bits are walked instead of bytes.

use wide::u8x16;

/// How many bytes are examined together: as many as a machine word has bits.
pub const STRIPE_BYTES: usize = 64;

/// How many of them one comparison takes.
const LANES: usize = 16;

/// What was found in a stripe. The lowest bit is the first byte.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Stripe {
    /// Line feeds.
    pub line_feeds: u64,
    /// Colons.
    pub colons: u64,
    /// Control bytes other than tab: line feeds and carriage returns too.
    pub controls: u64,
}

impl Stripe {
    /// Examines the bytes.
    #[inline]
    pub fn of(bytes: &[u8; STRIPE_BYTES]) -> Self {
        let mut stripe = Self::default();
        let (parts, _) = bytes.as_chunks();
        for (index, part) in parts.iter().enumerate() {
            stripe.add(*part, index * LANES);
        }
        stripe
    }

    #[inline]
    fn add(&mut self, bytes: [u8; LANES], at: usize) {
        let bytes = u8x16::new(bytes);
        let same = |byte: u8| bytes.simd_eq(u8x16::splat(byte));
        let bits = |found: u8x16| u64::from(found.to_bitmask()) << at;
        let low = bytes.min(u8x16::splat(0x1f)).simd_eq(bytes);
        self.line_feeds |= bits(same(b'\n'));
        self.colons |= bits(same(b':'));
        self.controls |= bits((low & !same(b'\t')) | same(0x7f));
    }
}

/// Whether so many bytes at the start are letters, digits, and `-`, as in most header names. Sees no bytes that are nearer to the
/// end than one comparison takes, and answers no.
#[inline]
pub fn begins_plain(bytes: &[u8], length: usize) -> bool {
    let mut at = 0;
    while at < length {
        let Some(part) = bytes[at..].first_chunk() else { return false };
        let others = u32::MAX << (length - at).min(LANES);
        if plain(*part) | others != u32::MAX {
            return false;
        }
        at += LANES;
    }
    true
}

/// Which bytes are letters, digits, and `-`.
#[inline]
fn plain(bytes: [u8; LANES]) -> u32 {
    let bytes = u8x16::new(bytes);
    let up_to = |distance: u8x16, most: u8| distance.min(u8x16::splat(most)).simd_eq(distance);
    // What lies below the first of them wraps around to a large distance.
    let letters = up_to((bytes | u8x16::splat(0x20)) - u8x16::splat(b'a'), 25);
    let digits = up_to(bytes - u8x16::splat(b'0'), 9);
    (letters | digits | bytes.simd_eq(u8x16::splat(b'-'))).to_bitmask()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn plain_names_are_told_at_every_length() {
        for (byte, at) in (0..=255_u8).flat_map(|byte| (0..40).map(move |at| (byte, at))) {
            let mut bytes = [b'x'; STRIPE_BYTES];
            bytes[at] = byte;
            for length in 1..40 {
                let expected =
                    bytes[..length].iter().all(|byte| byte.is_ascii_alphanumeric() || *byte == b'-');
                assert_eq!(begins_plain(&bytes, length), expected, "{byte:#x} at {at} of {length}");
            }
        }
        assert!(!begins_plain(b"short: a", 5), "what is not looked at is not known");
    }

    #[test]
    fn every_byte_is_seen_everywhere() {
        for (byte, at) in (0..=255).flat_map(|byte| (0..STRIPE_BYTES).map(move |at| (byte, at))) {
            let mut bytes = [b' '; STRIPE_BYTES];
            bytes[at] = byte;
            let bit = |is: bool| u64::from(is) << at;
            let expected = Stripe {
                line_feeds: bit(byte == b'\n'),
                colons: bit(byte == b':'),
                controls: bit(byte.is_ascii_control() && byte != b'\t'),
            };
            assert_eq!(Stripe::of(&bytes), expected, "{byte:#x} at {at}");
        }
    }
}
