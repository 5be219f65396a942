//! The secret by which a hook in knows its sender. It is shown once, when it is made.

use std::{fmt, str::FromStr};

use aws_lc_rs::{digest, hmac};

use crate::{
    control::shared::{
        hex::{hex, random_hex},
        hooks::secret::Secret,
    },
    rollout::text_form::serde_as_text,
};

/// How many characters are allowed: what nobody guesses, and what senders take.
const CHARS: std::ops::RangeInclusive<usize> = 16..=256;
/// How many bytes a new secret is made of.
const BYTES_NEW: usize = 32;

/// A secret, as the sender is told it.
#[derive(Clone, PartialEq, Eq)]
pub struct InSecret(String);

serde_as_text!(InSecret, InSecret::reveal);

/// What is allowed as a secret.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("a secret has 16 to 256 visible ASCII characters without blanks; without one the router makes one")]
pub struct InSecretError;

impl InSecret {
    /// A new one.
    pub fn generate() -> Result<Self, getrandom::Error> {
        random_hex::<BYTES_NEW>().map(Self)
    }

    /// A new one of Standard Webhooks.
    pub fn generate_standard() -> Result<Self, getrandom::Error> {
        Ok(Self(Secret::generate()?.reveal()))
    }

    /// The secret as text, which is shown once.
    pub fn reveal(&self) -> String {
        self.0.clone()
    }

    /// What tells whoever knows it from the holders of tokens.
    pub fn digest(&self) -> [u8; 32] {
        let key = hmac::Key::new(hmac::HMAC_SHA256, self.0.as_bytes());
        let mut digest = [0; 32];
        digest.copy_from_slice(hmac::sign(&key, b"hook in").as_ref());
        digest
    }

    /// The secret as a key of signatures in the way of Standard Webhooks.
    pub fn standard(&self) -> Option<Secret> {
        self.0.parse().ok()
    }

    /// Whether this is the signature of these bytes, told in constant time.
    pub fn has_signed(&self, bytes: &[u8], signature: &[u8]) -> bool {
        let key = hmac::Key::new(hmac::HMAC_SHA256, self.0.as_bytes());
        hmac::verify(&key, bytes, signature).is_ok()
    }

    /// Whether a text is the secret, told in constant time: the digests of both are compared.
    pub fn is(&self, text: &[u8]) -> bool {
        let digest = |bytes: &[u8]| digest::digest(&digest::SHA256, bytes);
        aws_lc_rs::constant_time::verify_slices_are_equal(
            digest(self.0.as_bytes()).as_ref(),
            digest(text).as_ref(),
        )
        .is_ok()
    }

    /// A name for what tells a delivery from others, which nobody can work out without the secret.
    pub fn name_of(&self, parts: &[&[u8]]) -> String {
        let mut context = hmac::Context::with_key(&hmac::Key::new(hmac::HMAC_SHA256, self.0.as_bytes()));
        for part in parts {
            context.update(&(part.len() as u64).to_be_bytes());
            context.update(part);
        }
        hex(&context.sign().as_ref()[..16])
    }
}

impl FromStr for InSecret {
    type Err = InSecretError;

    fn from_str(text: &str) -> Result<Self, InSecretError> {
        let is_allowed = CHARS.contains(&text.len()) && text.bytes().all(|byte| byte.is_ascii_graphic());
        if is_allowed { Ok(Self(text.to_owned())) } else { Err(InSecretError) }
    }
}

impl fmt::Debug for InSecret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("InSecret")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_secret_is_shown_by_no_accident_and_its_names_differ() {
        let (plain, standard) = (InSecret::generate().unwrap(), InSecret::generate_standard().unwrap());
        assert!(plain.standard().is_none() && standard.standard().is_some());
        for secret in [plain, standard] {
            assert_eq!(secret.reveal().parse(), Ok(secret.clone()));
            assert_eq!(format!("{secret:?}"), "InSecret");
            assert!(secret.is(secret.reveal().as_bytes()) && !secret.is(b""));
            assert_ne!(secret.name_of(&[b"a", b"b"]), secret.name_of(&[b"ab", b""]));
        }
        for text in ["", "short", "has a blank in it", "ümläute-are-not-visible-ascii", &"x".repeat(257)] {
            assert!(text.parse::<InSecret>().is_err(), "{text}");
        }
    }
}
