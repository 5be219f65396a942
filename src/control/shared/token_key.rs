//! The key by which routers of a fleet tell tokens apart in what they store: made once by the first router, kept in the store.
//!
//! A stored mark of a token says whether two tokens are the same, and nothing else: without the key nobody can try out what a
//! short token may be.

use aws_lc_rs::hmac;

use super::hex::{from_hex, hex};

/// Where the fleet keeps it.
pub const TOKEN_KEY: &str = "rolling/router/tokenkey";

/// Its length, in bytes.
const KEY_BYTES: usize = 32;
/// The length of a mark, in bytes: no two tokens of a fleet share one by chance.
const MARK_BYTES: usize = 8;

/// The key.
#[derive(Clone, PartialEq, Eq)]
pub struct TokenKey([u8; KEY_BYTES]);

impl TokenKey {
    /// A new one.
    pub fn generate() -> Result<Self, getrandom::Error> {
        let mut bytes = [0; KEY_BYTES];
        getrandom::fill(&mut bytes)?;
        Ok(Self(bytes))
    }

    /// As it is stored.
    pub fn encode(&self) -> Vec<u8> {
        hex(&self.0).into_bytes()
    }

    /// From a stored value; `None` when it is not ours.
    pub fn decode(text: &[u8]) -> Option<Self> {
        let bytes = from_hex(std::str::from_utf8(text).ok()?.trim())?;
        bytes.try_into().ok().map(Self)
    }

    /// The mark of a token with this digest.
    pub fn mark(&self, digest: &[u8]) -> String {
        let tag = hmac::sign(&hmac::Key::new(hmac::HMAC_SHA256, &self.0), digest);
        hex(&tag.as_ref()[..MARK_BYTES])
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_key_survives_being_stored_and_garbage_is_none() {
        let key = TokenKey::generate().unwrap();
        assert!(TokenKey::decode(&key.encode()).unwrap() == key);
        let short = "0".repeat(63);
        let signed = format!("+{}", "0".repeat(63));
        for garbage in ["", "x", &short, &signed, &"\u{e4}".repeat(32), &"g".repeat(64)] {
            assert!(TokenKey::decode(garbage.as_bytes()).is_none(), "{garbage}");
        }
    }

    #[test]
    fn a_mark_is_one_of_a_token_and_of_a_fleet() {
        let (ours, theirs) = (TokenKey::generate().unwrap(), TokenKey::generate().unwrap());
        assert_eq!(ours.mark(b"one"), ours.mark(b"one"));
        assert_ne!(ours.mark(b"one"), ours.mark(b"two"));
        assert_ne!(ours.mark(b"one"), theirs.mark(b"one"));
        assert_eq!(ours.mark(b"one").len(), 16);
    }
}
