//! The pin: what the cookie stores (docs/design.md section 8).
//!
//! 32 bytes in 43 characters of base64url: format 1, key id 1, bucket 2, client number 8, tenure 4, endpoint tag
//! 4, hour 2, move day 1, moves 1 (7 bits of count, 1 bit "left the candidate"), MAC 8. The MAC is SipHash-2-4
//! over the rest, under a key derived from the secret and the app's name: nanoseconds, no allocation.
//!
//! The endpoint tag is masked by a hash of the MAC: a tag is a short hash of an address, so whoever could read it
//! could try all private addresses, and a tag that was keyed instead would change whenever keys rotate, and with it
//! the endpoint of every client. Nothing else in a pin is worth hiding. Base64 is written out here, since the
//! length is fixed and one spelling only is accepted.

use std::{hash::Hasher as _, net::IpAddr};

use siphasher::sip::SipHasher24;

use super::{app::AppName, bucket::BUCKETS, field::field, record::Tenure};

/// The length of an encoded pin, in characters.
pub const PIN_CHARS: usize = 43;

/// The highest count of moves a pin can hold.
pub const MOVES_MAX: u8 = 127;

/// The length of a pin before it is encoded.
const PIN_BYTES: usize = 32;

/// How many of them the MAC covers.
const SIGNED_BYTES: usize = 24;

/// Where the endpoint tag stands.
const TAG: std::ops::Range<usize> = 16..20;

/// The only format so far.
const FORMAT: u8 = 1;

/// The bit of the last signed byte that says "left the candidate".
const LEFT_CANDIDATE: u8 = 0x80;

/// A decoded pin.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Pin {
    /// The client's place in 0..10,000, drawn once.
    pub bucket: u16,
    /// Random, drawn once, only to count distinct clients.
    pub client: u64,
    /// The tenure of the release it is pinned to.
    pub tenure: Tenure,
    /// Which endpoint of the release.
    pub endpoint: u32,
    /// Hours since the Unix epoch, modulo 65,536, when the cookie was sent.
    pub hour: u16,
    /// Days since the Unix epoch, modulo 256, of the first move counted in `moves`.
    pub move_day: u8,
    /// Moves on that day, 0..=127.
    pub moves: u8,
    /// `shielded` or `fallback` moved this client off the candidate.
    pub left_candidate: bool,
}

/// Why a cookie value is no pin. Data, never an error to the client.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum PinFault {
    /// Wrong length, alphabet or format, or the MAC does not fit.
    Forged,
    /// Signed with a key this router does not know.
    ForeignKey,
}

/// One signing key.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct PinKey {
    /// Its id, as in the pin.
    pub id: u8,
    /// The secret.
    pub secret: [u8; 16],
}

/// The keys of a fleet: all verify, `current` signs.
#[derive(Clone, PartialEq, Eq)]
pub struct PinKeys {
    /// Becomes `current` once every member verifies it.
    pub next: Option<PinKey>,
    /// Signs.
    pub current: PinKey,
    /// Signed until the last rotation.
    pub previous: Option<PinKey>,
}

/// Encodes and verifies the pins of one app. Its keys are derived once, so that a pin
/// costs its own bytes only.
#[derive(Clone)]
pub struct PinCodec {
    app: AppName,
    current: Signer,
    others: [Option<Signer>; 2],
}

/// A key, made ready for one app: one key for each purpose, derived from the secret and the app's name.
#[derive(Clone)]
struct Signer {
    id: u8,
    sign: SipHasher24,
    mask: SipHasher24,
    client: SipHasher24,
}

impl PinCodec {
    /// A codec for one app's pins.
    pub fn new(app: AppName, keys: PinKeys) -> Self {
        let signer = |key: PinKey| Signer::new(&key, &app);
        let others = [keys.previous.map(signer), keys.next.map(signer)];
        Self { current: signer(keys.current), others, app }
    }

    /// Signs and encodes.
    pub fn encode(&self, pin: &Pin) -> [u8; PIN_CHARS] {
        let mut bytes = [0; PIN_BYTES];
        bytes[..SIGNED_BYTES].copy_from_slice(&pin.to_bytes(self.current.id));
        let mac = self.current.mac(&bytes[..SIGNED_BYTES]);
        bytes[SIGNED_BYTES..].copy_from_slice(&mac);
        self.current.mask_tag(&mut bytes, mac);
        to_text(&bytes)
    }

    /// Decodes and verifies a cookie's value.
    pub fn decode(&self, value: &[u8]) -> Result<Pin, PinFault> {
        let bytes = from_text(value).ok_or(PinFault::Forged)?;
        if bytes[0] != FORMAT {
            return Err(PinFault::Forged);
        }
        let mut fault = PinFault::ForeignKey;
        for signer in std::iter::once(&self.current).chain(self.others.iter().flatten()) {
            if signer.id != bytes[1] {
                continue;
            }
            if let Some(pin) = signer.open(bytes) {
                return Ok(pin);
            }
            fault = PinFault::Forged;
        }
        Err(fault)
    }
}

impl PinCodec {
    /// A number for what a client is known by that has no pin: the same on every router, and nobody without the key
    /// can choose it. It changes when another key becomes the current one.
    pub fn hash_client(&self, known_by: &[u8]) -> u64 {
        self.current.client.hash(known_by)
    }

    /// The same for a client that is known by its address.
    pub fn hash_address(&self, address: IpAddr) -> u64 {
        match address.to_canonical() {
            IpAddr::V4(address) => self.hash_client(&address.octets()),
            // The last 64 bits are changed by the client as often as it likes (RFC 8981).
            IpAddr::V6(address) => self.hash_client(&address.octets()[..8]),
        }
    }
}

impl Signer {
    fn new(key: &PinKey, app: &AppName) -> Self {
        let part = |purpose: &[u8]| {
            let mut hasher = SipHasher24::new_with_key(&key.secret);
            hasher.write(purpose);
            hasher.write(app.as_str().as_bytes());
            hasher.finish()
        };
        Self {
            id: key.id,
            sign: SipHasher24::new_with_keys(part(b"pin sign 0 "), part(b"pin sign 1 ")),
            mask: SipHasher24::new_with_keys(part(b"pin mask 0 "), part(b"pin mask 1 ")),
            client: SipHasher24::new_with_keys(part(b"pin client 0 "), part(b"pin client 1 ")),
        }
    }

    fn mac(&self, signed: &[u8]) -> [u8; 8] {
        self.sign.hash(signed).to_be_bytes()
    }

    /// Masks the endpoint tag, or takes the mask off again.
    fn mask_tag(&self, bytes: &mut [u8; PIN_BYTES], mac: [u8; 8]) {
        for (byte, mask) in bytes[TAG].iter_mut().zip(self.mask.hash(&mac).to_be_bytes()) {
            *byte ^= mask;
        }
    }

    fn open(&self, mut bytes: [u8; PIN_BYTES]) -> Option<Pin> {
        let mac: [u8; 8] = field(&bytes, SIGNED_BYTES);
        self.mask_tag(&mut bytes, mac);
        // One comparison of two machine words: its time says nothing about where they differ.
        let fits = u64::from_be_bytes(self.mac(&bytes[..SIGNED_BYTES])) == u64::from_be_bytes(mac);
        let pin = Pin::from_bytes(&bytes);
        (fits && pin.bucket < BUCKETS).then_some(pin)
    }
}

impl Pin {
    fn to_bytes(self, key: u8) -> [u8; SIGNED_BYTES] {
        let mut bytes = [0; SIGNED_BYTES];
        bytes[0] = FORMAT;
        bytes[1] = key;
        bytes[2..4].copy_from_slice(&self.bucket.to_be_bytes());
        bytes[4..12].copy_from_slice(&self.client.to_be_bytes());
        bytes[12..16].copy_from_slice(&self.tenure.to_be_bytes());
        bytes[TAG].copy_from_slice(&self.endpoint.to_be_bytes());
        bytes[20..22].copy_from_slice(&self.hour.to_be_bytes());
        bytes[22] = self.move_day;
        bytes[23] = self.moves.min(MOVES_MAX) | if self.left_candidate { LEFT_CANDIDATE } else { 0 };
        bytes
    }

    fn from_bytes(bytes: &[u8; PIN_BYTES]) -> Self {
        Self {
            bucket: u16::from_be_bytes(field(bytes, 2)),
            client: u64::from_be_bytes(field(bytes, 4)),
            tenure: Tenure::from_be_bytes(field(bytes, 12)),
            endpoint: u32::from_be_bytes(field(bytes, TAG.start)),
            hour: u16::from_be_bytes(field(bytes, 20)),
            move_day: bytes[22],
            moves: bytes[23] & MOVES_MAX,
            left_candidate: bytes[23] & LEFT_CANDIDATE != 0,
        }
    }
}

/// The alphabet of base64url (RFC 4648 section 5).
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

/// How many bytes make whole groups of three; the last two make a group of three characters.
const WHOLE_BYTES: usize = PIN_BYTES / 3 * 3;

/// How many characters those groups have.
const WHOLE_CHARS: usize = WHOLE_BYTES / 3 * 4;

fn to_text(bytes: &[u8; PIN_BYTES]) -> [u8; PIN_CHARS] {
    let char = |bits: u32, shift: u32| ALPHABET[(bits >> shift) as usize & 63];
    let mut text = [0; PIN_CHARS];
    for (chars, group) in text.chunks_exact_mut(4).zip(bytes.chunks_exact(3)) {
        let bits = u32::from_be_bytes([0, group[0], group[1], group[2]]);
        chars.copy_from_slice(&[char(bits, 18), char(bits, 12), char(bits, 6), char(bits, 0)]);
    }
    let bits = u32::from_be_bytes([0, bytes[WHOLE_BYTES], bytes[WHOLE_BYTES + 1], 0]);
    text[WHOLE_CHARS..].copy_from_slice(&[char(bits, 18), char(bits, 12), char(bits, 6)]);
    text
}

/// `None` for anything that [`to_text`] would not write, a last character with surplus bits among them.
fn from_text(value: &[u8]) -> Option<[u8; PIN_BYTES]> {
    let value: &[u8; PIN_CHARS] = value.try_into().ok()?;
    // A byte outside of the alphabet shows in the highest bit of this.
    let mut seen = 0;
    let mut bits = |chars: &[u8]| {
        chars.iter().fold(0u32, |bits, char| {
            let value = VALUES[usize::from(*char)];
            seen |= value;
            bits << 6 | u32::from(value)
        })
    };
    let mut bytes = [0; PIN_BYTES];
    for (group, chars) in bytes.chunks_exact_mut(3).zip(value.chunks_exact(4)) {
        group.copy_from_slice(&bits(chars).to_be_bytes()[1..]);
    }
    let [_, first, second, surplus] = (bits(&value[WHOLE_CHARS..]) << 6).to_be_bytes();
    bytes[WHOLE_BYTES..].copy_from_slice(&[first, second]);
    (seen & 0x80 == 0 && surplus == 0).then_some(bytes)
}

impl std::fmt::Debug for PinKey {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "PinKey({})", self.id)
    }
}

impl std::fmt::Debug for PinKeys {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "PinKeys({})", self.current.id)
    }
}

impl std::fmt::Debug for PinCodec {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "PinCodec({}, PinKeys({}))", self.app, self.current.id)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn key(id: u8) -> PinKey {
        PinKey { id, secret: [id; 16] }
    }

    fn codec(app: &str, ids: [Option<u8>; 3]) -> PinCodec {
        let [next, current, previous] = ids.map(|id| id.map(key));
        PinCodec::new(app.parse().unwrap(), PinKeys { next, current: current.unwrap(), previous })
    }

    fn pins() -> impl Strategy<Value = Pin> {
        let parts = (0..BUCKETS, any::<u64>(), any::<u32>(), any::<u32>());
        (parts, any::<u16>(), any::<u8>(), 0..=MOVES_MAX, any::<bool>()).prop_map(
            |((bucket, client, tenure, endpoint), hour, move_day, moves, left_candidate)| Pin {
                bucket,
                client,
                tenure,
                endpoint,
                hour,
                move_day,
                moves,
                left_candidate,
            },
        )
    }

    const SAMPLE: Pin = Pin {
        bucket: 4_711,
        client: 0x0123_4567_89AB_CDEF,
        tenure: 3,
        endpoint: 0xDEAD_BEEF,
        hour: 1_000,
        move_day: 7,
        moves: 2,
        left_candidate: true,
    };

    proptest! {
        #[test]
        fn pins_round_trip(pin in pins()) {
            let codec = codec("shop", [None, Some(1), None]);
            prop_assert_eq!(codec.decode(&codec.encode(&pin)), Ok(pin));
        }

        #[test]
        fn any_bytes_are_data(value in proptest::collection::vec(any::<u8>(), 0..100)) {
            prop_assert!(codec("shop", [None, Some(1), None]).decode(&value).is_err());
        }

        #[test]
        fn any_text_of_a_pins_length_is_refused(value in "[A-Za-z0-9_-]{43}") {
            prop_assert!(codec("shop", [None, Some(1), None]).decode(value.as_bytes()).is_err());
        }

        #[test]
        fn no_bit_flip_is_accepted(pin in pins()) {
            let codec = codec("shop", [Some(2), Some(1), Some(0)]);
            let text = codec.encode(&pin);
            for bit in 0..PIN_CHARS * 8 {
                let mut flipped = text;
                flipped[bit / 8] ^= 1 << (bit % 8);
                prop_assert!(codec.decode(&flipped).is_err(), "bit {}", bit);
            }
        }

        #[test]
        fn text_has_one_spelling(pin in pins(), last in "[A-Za-z0-9_-]") {
            let codec = codec("shop", [None, Some(1), None]);
            let mut text = codec.encode(&pin);
            let was = text[42];
            text[42] = last.as_bytes()[0];
            prop_assert_eq!(codec.decode(&text).is_ok(), was == text[42]);
        }
    }

    #[test]
    fn the_layout_is_that_of_the_design() {
        let codec = codec("shop", [None, Some(9), None]);
        let bytes = from_text(&codec.encode(&SAMPLE)).unwrap();
        assert_eq!(bytes[..16], [1, 9, 0x12, 0x67, 1, 0x23, 0x45, 0x67, 0x89, 0xAB, 0xCD, 0xEF, 0, 0, 0, 3]);
        assert_eq!(bytes[20..24], [0x03, 0xE8, 7, 0x82]);
        assert_ne!(bytes[TAG], 0xDEAD_BEEFu32.to_be_bytes(), "a tag is masked");
    }

    #[test]
    fn pins_stay_readable_while_keys_rotate() {
        let before = codec("shop", [Some(2), Some(1), None]);
        let after = codec("shop", [None, Some(2), Some(1)]);
        let later = codec("shop", [None, Some(3), Some(2)]);
        let text = before.encode(&SAMPLE);
        assert_eq!(after.decode(&text), Ok(SAMPLE));
        assert_eq!(before.decode(&after.encode(&SAMPLE)), Ok(SAMPLE));
        assert_eq!(later.decode(&text), Err(PinFault::ForeignKey));
    }

    #[test]
    fn a_pin_of_another_app_or_secret_is_forged() {
        let text = codec("shop", [None, Some(1), None]).encode(&SAMPLE);
        assert_eq!(codec("shop2", [None, Some(1), None]).decode(&text), Err(PinFault::Forged));
        let other = PinKey { id: 1, secret: [77; 16] };
        let keys = PinKeys { next: None, current: other, previous: None };
        assert_eq!(PinCodec::new("shop".parse().unwrap(), keys).decode(&text), Err(PinFault::Forged));
    }

    #[test]
    fn a_client_is_hashed_by_key_and_app() {
        let hash = |app: &str, id: u8| codec(app, [None, Some(id), None]).hash_client(b"device 7");
        assert_eq!(hash("shop", 1), hash("shop", 1));
        assert_ne!(hash("shop", 1), hash("shop", 2));
        assert_ne!(hash("shop", 1), hash("shop2", 1));
    }

    #[test]
    fn no_secret_is_printed() {
        let codec = codec("shop", [None, Some(1), None]);
        assert_eq!(format!("{codec:?} {:?}", key(7)), "PinCodec(shop, PinKeys(1)) PinKey(7)");
    }
}
