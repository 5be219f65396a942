//! Many bytes examined at once: where lines and names end, and which bytes no field value may contain.
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
        self.controls |= bits((low & !same(b'\t')) | same(0x7f));
    }
}

/// How many bytes at the start are letters, digits, and `-`, as in most header names. The last few bytes, which are fewer than
/// one comparison takes, are not looked at and do not count.
#[inline]
pub fn plain_length(bytes: &[u8]) -> usize {
    let mut at = 0;
    while let Some(part) = bytes[at..].first_chunk() {
        let plain = plain(*part).trailing_ones() as usize;
        at += plain;
        if plain < LANES {
            break;
        }
    }
    at
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
    fn plain_bytes_are_counted_up_to_the_first_other() {
        for (byte, at) in (0..=255_u8).flat_map(|byte| (0..40).map(move |at| (byte, at))) {
            let mut bytes = [b'x'; STRIPE_BYTES];
            bytes[at] = byte;
            let plain = byte.is_ascii_alphanumeric() || byte == b'-';
            let expected = if plain { STRIPE_BYTES } else { at };
            assert_eq!(plain_length(&bytes), expected, "{byte:#x} at {at}");
        }
        assert_eq!(plain_length(b"short: a"), 0, "what is not looked at does not count");
    }

    #[test]
    fn every_byte_is_seen_everywhere() {
        for (byte, at) in (0..=255).flat_map(|byte| (0..STRIPE_BYTES).map(move |at| (byte, at))) {
            let mut bytes = [b' '; STRIPE_BYTES];
            bytes[at] = byte;
            let bit = |is: bool| u64::from(is) << at;
            let expected = Stripe {
                line_feeds: bit(byte == b'\n'),
                controls: bit(byte.is_ascii_control() && byte != b'\t'),
            };
            assert_eq!(Stripe::of(&bytes), expected, "{byte:#x} at {at}");
        }
    }
}
