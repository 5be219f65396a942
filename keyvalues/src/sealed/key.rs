//! One key, and the form of what is written with it.
//!
//! `sealed:1:ID:BASE64`, where the bytes are a random nonce of 96 bits, the encrypted value, and its tag. The name at which the
//! value stands is authenticated with it.

use std::fmt;

use aws_lc_rs::{
    aead::{AES_256_GCM, Aad, NONCE_LEN, Nonce, RandomizedNonceKey},
    hmac,
};
use base64::{Engine as _, prelude::BASE64_STANDARD};
use bytes::Bytes;

use crate::contract::StoreError;

/// The longest id of a key, in characters: it stands in every value.
pub const KEY_ID_MAX: usize = 32;

/// What a sealed value begins with. JSON and hexadecimal numbers never do.
const BEGIN: &str = "sealed:1:";
/// The length of a key, in bytes.
const KEY_BYTES: usize = 32;
/// What a fingerprint is made of.
const FINGERPRINT_OF: &[u8] = b"fingerprint of a key for stored secrets";
/// The length of a fingerprint, in bytes: enough to tell the keys of a fleet apart.
const FINGERPRINT_BYTES: usize = 6;

/// Whether a value is one that was sealed: where it was read, it could not be opened.
pub fn is_sealed(value: &[u8]) -> bool {
    value.starts_with(BEGIN.as_bytes())
}

/// A key.
pub(super) struct SecretsKey {
    id: String,
    mark: String,
    cipher: RandomizedNonceKey,
}

impl SecretsKey {
    /// From `ID:BASE64`. No error repeats what may be the key.
    pub(super) fn parse(line: &str) -> Result<Self, &'static str> {
        let (id, key) = line.split_once(':').ok_or("it has no `:`")?;
        let is_plain = |byte: u8| byte.is_ascii_alphanumeric() || b"-_".contains(&byte);
        if id.is_empty() || id.len() > KEY_ID_MAX || !id.bytes().all(is_plain) {
            return Err("its id is not 1 to 32 of letters, digits, `-` and `_`");
        }
        let bytes = BASE64_STANDARD.decode(key.trim()).map_err(|_| "its key is not base64")?;
        if bytes.len() != KEY_BYTES {
            return Err("its key does not have 32 bytes");
        }
        if bytes.iter().all(|byte| *byte == bytes[0]) {
            return Err("its key is one byte again and again, and not random");
        }
        let cipher = RandomizedNonceKey::new(&AES_256_GCM, &bytes).map_err(|_| "its key cannot be used")?;
        let tag = hmac::sign(&hmac::Key::new(hmac::HMAC_SHA256, &bytes), FINGERPRINT_OF);
        let fingerprint: String =
            tag.as_ref()[..FINGERPRINT_BYTES].iter().map(|byte| format!("{byte:02x}")).collect();
        Ok(Self { id: id.to_owned(), mark: format!("{id}.{fingerprint}"), cipher })
    }

    pub(super) fn id(&self) -> &str {
        &self.id
    }

    /// What others know the key by: its id, and a fingerprint that tells two keys of one id apart.
    pub(super) fn mark(&self) -> &str {
        &self.mark
    }

    /// Whether this is the same key, whatever its id.
    pub(super) fn is_same(&self, other: &Self) -> bool {
        fingerprint(&self.mark) == fingerprint(&other.mark)
    }

    /// A value as it is stored at this name.
    pub(super) fn seal(&self, name: &str, value: &[u8]) -> Result<Bytes, StoreError> {
        let mut sealed = value.to_vec();
        let nonce = self.cipher.seal_in_place_append_tag(Aad::from(name), &mut sealed);
        let nonce =
            nonce.map_err(|_| StoreError::Invalid(format!("the value of {name} cannot be encrypted")))?;
        let bytes = [&nonce.as_ref()[..], &sealed].concat();
        Ok(format!("{BEGIN}{}:{}", self.id, BASE64_STANDARD.encode(bytes)).into())
    }

    /// The value that was sealed at this name; none: it was not, or not with this key, or it is damaged.
    pub(super) fn open(&self, name: &str, sealed: &Sealed<'_>) -> Option<Bytes> {
        let mut bytes = BASE64_STANDARD.decode(sealed.base64).ok()?;
        let (nonce, value) = bytes.split_at_mut_checked(NONCE_LEN)?;
        let nonce = Nonce::try_assume_unique_for_key(nonce).ok()?;
        let value = self.cipher.open_in_place(nonce, Aad::from(name), value).ok()?;
        Some(Bytes::copy_from_slice(value))
    }
}

/// The id that stands in a mark.
pub(super) fn id_of(mark: &str) -> &str {
    mark.split_once('.').map_or(mark, |(id, _)| id)
}

fn fingerprint(mark: &str) -> &str {
    mark.split_once('.').map_or("", |(_, fingerprint)| fingerprint)
}

impl fmt::Debug for SecretsKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SecretsKey").field("mark", &self.mark).finish_non_exhaustive()
    }
}

/// A sealed value, taken apart.
pub(super) struct Sealed<'a> {
    /// The id of the key, as the value says it.
    pub(super) id: &'a str,
    base64: &'a [u8],
}

impl<'a> Sealed<'a> {
    /// None: the value was not sealed. One that was, and has no proper form, names no key.
    pub(super) fn of(value: &'a [u8]) -> Option<Self> {
        let rest = value.strip_prefix(BEGIN.as_bytes())?;
        let colon = rest.iter().position(|byte| *byte == b':').unwrap_or(0);
        let (id, base64) = rest.split_at(colon);
        let id = std::str::from_utf8(id).ok().filter(|id| id.len() <= KEY_ID_MAX);
        Some(Self { id: id.unwrap_or_default(), base64: base64.get(1..).unwrap_or_default() })
    }
}
