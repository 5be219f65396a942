//! Signing and verifying pins. The MAC is SipHash-2-4 under a key derived from the secret and the app's name: nanoseconds, no
//! allocation.
//!
//! The endpoint tag is masked by a hash of the MAC: a tag is a short hash of an address, so whoever could read it
//! could try all private addresses, and a tag that was keyed instead would change whenever keys rotate, and with it
//! the endpoint of every client. Nothing else in a pin is worth hiding.

use std::net::IpAddr;

use siphasher::sip::SipHasher24;

use super::{
    format::{PIN_BYTES_MAX, Pin, PinFormat, TAG},
    keys::{PinKey, PinKeys},
    text::{PinText, from_text, to_text},
};
use crate::rollout::{app::AppName, bucket::BUCKETS, field::field};

/// The length of the MAC.
const MAC_BYTES: usize = 8;

/// Why a cookie value is no pin. Data, never an error to the client.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum PinFault {
    /// Wrong length, alphabet or format, or the MAC does not fit.
    Forged,
    /// Signed with a key this router does not know.
    ForeignKey,
}

/// Encodes and verifies the pins of one app. Its keys are derived once, so that a pin
/// costs its own bytes only.
#[derive(Clone)]
pub struct PinCodec {
    app: AppName,
    /// The format that is signed.
    format: PinFormat,
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
    /// A codec for one app's pins, which signs this format and reads both.
    pub fn new(app: AppName, keys: PinKeys, format: PinFormat) -> Self {
        let signer = |key: PinKey| Signer::new(&key, &app);
        let others = [keys.previous.map(signer), keys.next.map(signer)];
        Self { current: signer(keys.current), others, app, format }
    }

    /// Signs and encodes.
    pub fn encode(&self, pin: &Pin) -> PinText {
        let signed = self.format.signed_bytes();
        let mut bytes = pin.to_bytes(self.current.id, self.format);
        let mac = self.current.mac(&bytes[..signed]);
        bytes[signed..signed + MAC_BYTES].copy_from_slice(&mac);
        self.current.mask_tag(&mut bytes, mac);
        to_text(&bytes, self.format)
    }

    /// Decodes and verifies a cookie's value.
    pub fn decode(&self, value: &[u8]) -> Result<Pin, PinFault> {
        let (bytes, format) = from_text(value).ok_or(PinFault::Forged)?;
        if bytes[0] != format.number() {
            return Err(PinFault::Forged);
        }
        let mut fault = PinFault::ForeignKey;
        for signer in std::iter::once(&self.current).chain(self.others.iter().flatten()) {
            if signer.id != bytes[1] {
                continue;
            }
            if let Some(pin) = signer.open(bytes, format) {
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

impl PinCodec {
    /// A number for a client's network (/24 of IPv4, /56 of IPv6) together with something else, the same on every router.
    pub fn hash_network(&self, address: IpAddr, with: [u8; 2]) -> u64 {
        let mut known_by = [0; 10];
        match address.to_canonical() {
            IpAddr::V4(address) => known_by[..3].copy_from_slice(&address.octets()[..3]),
            // Never one of IPv4's, whose last byte is 0.
            IpAddr::V6(address) => {
                known_by[..7].copy_from_slice(&address.octets()[..7]);
                known_by[7] = 6;
            }
        }
        known_by[8..].copy_from_slice(&with);
        self.hash_client(&known_by)
    }
}

impl Signer {
    fn new(key: &PinKey, app: &AppName) -> Self {
        let part = |purpose: &[u8]| key.derive(purpose, app);
        Self {
            id: key.id,
            sign: SipHasher24::new_with_keys(part(b"pin sign 0 "), part(b"pin sign 1 ")),
            mask: SipHasher24::new_with_keys(part(b"pin mask 0 "), part(b"pin mask 1 ")),
            client: SipHasher24::new_with_keys(part(b"pin client 0 "), part(b"pin client 1 ")),
        }
    }

    fn mac(&self, signed: &[u8]) -> [u8; MAC_BYTES] {
        self.sign.hash(signed).to_be_bytes()
    }

    /// Masks the endpoint tag, or takes the mask off again.
    fn mask_tag(&self, bytes: &mut [u8; PIN_BYTES_MAX], mac: [u8; MAC_BYTES]) {
        for (byte, mask) in bytes[TAG].iter_mut().zip(self.mask.hash(&mac).to_be_bytes()) {
            *byte ^= mask;
        }
    }

    fn open(&self, mut bytes: [u8; PIN_BYTES_MAX], format: PinFormat) -> Option<Pin> {
        let signed = format.signed_bytes();
        let mac: [u8; MAC_BYTES] = field(&bytes, signed);
        self.mask_tag(&mut bytes, mac);
        // One comparison of two machine words: its time says nothing about where they differ.
        let fits = u64::from_be_bytes(self.mac(&bytes[..signed])) == u64::from_be_bytes(mac);
        let pin = Pin::from_bytes(&bytes, format);
        (fits && pin.bucket < BUCKETS).then_some(pin)
    }
}

impl std::fmt::Debug for PinCodec {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "PinCodec({}, PinKeys({}))", self.app, self.current.id)
    }
}
