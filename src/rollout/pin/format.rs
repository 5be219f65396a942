//! What a pin says, and the formats of pins: which byte says what.
//!
//! | field | bytes | |
//! |---|---|---|
//! | format | 1 | 1 or 2 |
//! | key id | 1 | |
//! | bucket | 2 | |
//! | client number | 8 | |
//! | tenure | 4 | |
//! | endpoint tag | 4 | masked |
//! | hour | 2 | |
//! | move day | 1 | |
//! | moves | 1 | "left the candidate", then 7 bits of count; in format 2 "drawn to the candidate" and 6 bits of count |
//! | drawn for | 1 | format 2 alone |
//! | MAC | 8 | |

use crate::rollout::{field::field, record::Tenure};

/// The length of the longest pin before it is encoded.
pub(super) const PIN_BYTES_MAX: usize = 33;

/// The highest count of moves a pin can hold.
pub const MOVES_MAX: u8 = 0x3F;

/// Where the endpoint tag stands.
pub(super) const TAG: std::ops::Range<usize> = 16..20;

/// The bit of `moves` that says "left the candidate".
const LEFT_CANDIDATE: u8 = 0x80;

/// The bit of `moves` that says, in format 2, "drawn to the candidate".
const DRAWN_TO_CANDIDATE: u8 = 0x40;

/// The place of "drawn for".
const DRAWN_FOR: usize = 24;

/// A decoded pin.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Pin {
    /// The client's place in 0..10,000, drawn once.
    pub bucket: u16,
    /// Random, drawn once, only to count distinct clients.
    pub client: u64,
    /// The tenure of the release it is pinned to.
    pub tenure: Tenure,
    /// Which endpoint of the release.
    pub endpoint: u32,
    /// Hours since the Unix epoch, modulo 65,536, when the cookie was sent; tenths of `pinseconds` where those are shorter.
    pub hour: u16,
    /// Days since the Unix epoch, modulo 256, of the first move counted in `moves`.
    pub move_day: u8,
    /// Moves on that day, 0..=63.
    pub moves: u8,
    /// `shielded` or `fallback` moved this client off the candidate.
    pub left_candidate: bool,
    /// The draw epoch at which the client was drawn, as [`DrawEpochs::in_pins`](crate::rollout::record::DrawEpochs::in_pins) gives
    /// it; 0 if it was drawn before the present candidate, at blend 0, or nobody knows.
    pub drawn_for: u8,
    /// The client was drawn to the candidate then. This says nothing about where it goes.
    pub drawn_to_candidate: bool,
}

/// A format of pins. Every router reads both.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Default)]
pub enum PinFormat {
    /// Without what a client was drawn for: what every version reads.
    #[default]
    One,
    /// With it.
    Two,
}

impl PinFormat {
    /// The newest that this version reads.
    pub const NEWEST: Self = Self::Two;

    /// Its number, as it stands in pins and in the store.
    pub const fn number(self) -> u8 {
        match self {
            Self::One => 1,
            Self::Two => 2,
        }
    }

    /// The format of a number that another member or the store says. A newer one than this version knows is its newest.
    pub const fn of_number(number: u8) -> Self {
        if number < 2 { Self::One } else { Self::Two }
    }

    /// How many characters a pin of it has.
    pub(super) const fn chars(self) -> u8 {
        match self {
            Self::One => 43,
            Self::Two => 44,
        }
    }

    /// How many bytes the MAC covers.
    pub(super) const fn signed_bytes(self) -> usize {
        match self {
            Self::One => 24,
            Self::Two => 25,
        }
    }
}

impl Pin {
    /// All bytes but the MAC's.
    pub(super) fn to_bytes(self, key: u8, format: PinFormat) -> [u8; PIN_BYTES_MAX] {
        let mut bytes = [0; PIN_BYTES_MAX];
        bytes[0] = format.number();
        bytes[1] = key;
        bytes[2..4].copy_from_slice(&self.bucket.to_be_bytes());
        bytes[4..12].copy_from_slice(&self.client.to_be_bytes());
        bytes[12..16].copy_from_slice(&self.tenure.to_be_bytes());
        bytes[TAG].copy_from_slice(&self.endpoint.to_be_bytes());
        bytes[20..22].copy_from_slice(&self.hour.to_be_bytes());
        bytes[22] = self.move_day;
        bytes[23] = self.moves.min(MOVES_MAX) | if self.left_candidate { LEFT_CANDIDATE } else { 0 };
        if format == PinFormat::Two {
            bytes[23] |= if self.drawn_to_candidate { DRAWN_TO_CANDIDATE } else { 0 };
            bytes[DRAWN_FOR] = self.drawn_for;
        }
        bytes
    }

    /// What the bytes say. Format 1 says nothing about the draw.
    pub(super) fn from_bytes(bytes: &[u8; PIN_BYTES_MAX], format: PinFormat) -> Self {
        let (moves, two) = (bytes[23], format == PinFormat::Two);
        // Format 1 had room for twice as many moves.
        let count = if two { moves & MOVES_MAX } else { (moves & !LEFT_CANDIDATE).min(MOVES_MAX) };
        Self {
            bucket: u16::from_be_bytes(field(bytes, 2)),
            client: u64::from_be_bytes(field(bytes, 4)),
            tenure: Tenure::from_be_bytes(field(bytes, 12)),
            endpoint: u32::from_be_bytes(field(bytes, TAG.start)),
            hour: u16::from_be_bytes(field(bytes, 20)),
            move_day: bytes[22],
            moves: count,
            left_candidate: moves & LEFT_CANDIDATE != 0,
            drawn_for: if two { bytes[DRAWN_FOR] } else { 0 },
            drawn_to_candidate: two && moves & DRAWN_TO_CANDIDATE != 0,
        }
    }
}
