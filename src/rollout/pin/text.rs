//! A pin as text: base64url (RFC 4648 section 5), written out here, since the two lengths are fixed and one spelling only
//! is accepted.

use std::ops::Deref;

use super::format::{PIN_BYTES_MAX, PinFormat};

/// The most characters of an encoded pin: those of format 2.
pub const PIN_CHARS_MAX: usize = 44;

/// The least: those of format 1.
pub const PIN_CHARS_LEAST: usize = 43;

/// An encoded pin.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct PinText {
    chars: [u8; PIN_CHARS_MAX],
    length: u8,
}

impl Deref for PinText {
    type Target = [u8];

    fn deref(&self) -> &[u8] {
        &self.chars[..usize::from(self.length)]
    }
}

/// The alphabet of base64url.
const ALPHABET: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";

/// What [`VALUES`] says of a byte that is not in the alphabet.
const NO_VALUE: u8 = 0xFF;

/// The place of each byte in the alphabet.
const VALUES: [u8; 256] = {
    let mut values = [NO_VALUE; 256];
    let mut place = 0;
    while place < 64 {
        values[ALPHABET[place] as usize] = place as u8;
        place += 1;
    }
    values
};

/// The text of a pin of this format. Format 1 is a byte shorter than 11 groups of three, so its last group has three
/// characters.
pub(super) fn to_text(bytes: &[u8; PIN_BYTES_MAX], format: PinFormat) -> PinText {
    let char = |bits: u32, shift: u32| ALPHABET[(bits >> shift) as usize & 63];
    let mut chars = [0; PIN_CHARS_MAX];
    for (chars, group) in chars.chunks_exact_mut(4).zip(bytes.chunks_exact(3)) {
        let bits = u32::from_be_bytes([0, group[0], group[1], group[2]]);
        chars.copy_from_slice(&[char(bits, 18), char(bits, 12), char(bits, 6), char(bits, 0)]);
    }
    PinText { chars, length: format.chars() }
}

/// The bytes of a pin, and the format that its length says. `None` for anything that [`to_text`] would not write, a last
/// character with surplus bits among them.
pub(super) fn from_text(value: &[u8]) -> Option<([u8; PIN_BYTES_MAX], PinFormat)> {
    let mut chars = [ALPHABET[0]; PIN_CHARS_MAX];
    let format = match value.len() {
        PIN_CHARS_MAX => PinFormat::Two,
        PIN_CHARS_LEAST => PinFormat::One,
        _ => return None,
    };
    chars[..value.len()].copy_from_slice(value);
    // A byte outside of the alphabet shows in the highest bit of this.
    let mut seen = 0;
    let mut bytes = [0; PIN_BYTES_MAX];
    for (group, chars) in bytes.chunks_exact_mut(3).zip(chars.chunks_exact(4)) {
        let bits = chars.iter().fold(0u32, |bits, char| {
            let value = VALUES[usize::from(*char)];
            seen |= value;
            bits << 6 | u32::from(value)
        });
        group.copy_from_slice(&bits.to_be_bytes()[1..]);
    }
    // In format 1 the last byte is none of the pin's.
    let surplus = format == PinFormat::One && bytes[PIN_BYTES_MAX - 1] != 0;
    (seen & 0x80 == 0 && !surplus).then_some((bytes, format))
}
