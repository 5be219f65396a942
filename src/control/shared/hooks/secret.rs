//! The secret that signs the messages to a hook, and the signature (Standard Webhooks specification, "Signature scheme",
//! symmetric).

use std::{fmt, str::FromStr};

use aws_lc_rs::hmac;
use base64::{Engine as _, prelude::BASE64_STANDARD};

use crate::rollout::text_form::serde_as_text;

/// What every secret begins with.
const PREFIX: &str = "whsec_";
/// What a signature begins with.
const VERSION: &str = "v1,";
/// How many bytes the specification allows: 192 to 512 bits.
const BYTES: std::ops::RangeInclusive<usize> = 24..=64;
/// How many bytes a new secret has.
const BYTES_NEW: usize = 32;

/// A key for signatures. It is shown once, when it is made.
#[derive(Clone, PartialEq, Eq)]
pub struct Secret(Vec<u8>);

serde_as_text!(Secret, Secret::reveal);

/// What is allowed as a secret.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("a secret must be `whsec_` followed by 24 to 64 bytes as base64; without one the router makes one")]
pub struct SecretError;

impl Secret {
    /// A new one.
    pub fn generate() -> Result<Self, getrandom::Error> {
        let mut bytes = vec![0; BYTES_NEW];
        getrandom::fill(&mut bytes)?;
        Ok(Self(bytes))
    }

    /// The secret as text, which is shown once.
    pub fn reveal(&self) -> String {
        format!("{PREFIX}{}", BASE64_STANDARD.encode(&self.0))
    }

    /// The header `webhook-signature` of a message. `timestamp` is in Unix seconds.
    pub fn sign(&self, id: &str, timestamp: u64, body: &[u8]) -> String {
        let mut context = hmac::Context::with_key(&hmac::Key::new(hmac::HMAC_SHA256, &self.0));
        context.update(format!("{id}.{timestamp}.").as_bytes());
        context.update(body);
        format!("{VERSION}{}", BASE64_STANDARD.encode(context.sign()))
    }

    /// Whether this is the signature of a message, told in constant time.
    pub fn has_signed(&self, id: &str, timestamp: u64, body: &[u8], signature: &str) -> bool {
        let coded = signature.strip_prefix(VERSION);
        let Some(bytes) = coded.and_then(|coded| BASE64_STANDARD.decode(coded).ok()) else { return false };
        let message = [format!("{id}.{timestamp}.").as_bytes(), body].concat();
        hmac::verify(&hmac::Key::new(hmac::HMAC_SHA256, &self.0), &message, &bytes).is_ok()
    }
}

impl FromStr for Secret {
    type Err = SecretError;

    fn from_str(text: &str) -> Result<Self, SecretError> {
        let bytes = text.strip_prefix(PREFIX).and_then(|coded| BASE64_STANDARD.decode(coded).ok());
        bytes.filter(|bytes| BYTES.contains(&bytes.len())).map(Self).ok_or(SecretError)
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Secret")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The example that the libraries of the specification are tested by.
    #[test]
    fn signs_as_the_specification_does() {
        let secret: Secret = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw".parse().unwrap();
        let body = br#"{"test": 2432232314}"#;
        let signature = secret.sign("msg_p5jXN8AQM9LWM0D4loKWxJek", 1_614_265_330, body);
        assert_eq!(signature, "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=");
    }

    #[test]
    fn a_secret_is_kept_as_it_was_given_and_shown_by_no_accident() {
        let secret = Secret::generate().unwrap();
        assert_eq!(secret.reveal().parse(), Ok(secret.clone()));
        assert_ne!(secret, Secret::generate().unwrap());
        assert_eq!(format!("{secret:?}"), "Secret");
    }

    #[test]
    fn what_is_too_short_or_no_base64_is_no_secret() {
        let of = |bytes: usize| format!("whsec_{}", BASE64_STANDARD.encode(vec![7; bytes]));
        for text in
            ["", "whsec_", "hunter2", "whsec_!!!!", "MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw", &of(23), &of(65)]
        {
            assert_eq!(text.parse::<Secret>(), Err(SecretError), "{text}");
        }
        assert!(of(24).parse::<Secret>().is_ok() && of(64).parse::<Secret>().is_ok());
    }
}
