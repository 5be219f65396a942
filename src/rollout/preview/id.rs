//! The id of a preview grant.

use std::{fmt, str::FromStr};

use crate::rollout::text_form::serde_as_text;

/// The length of an id, in bytes: enough random bits that no two ids are ever the same.
pub(super) const ID_BYTES: usize = 10;

/// The id of a preview grant: random, written as 20 hexadecimal digits.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct PreviewId(pub(super) [u8; ID_BYTES]);

serde_as_text!(PreviewId);

/// A text is not the id of a preview grant.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("a preview's id is {} hexadecimal digits in lower case", ID_BYTES * 2)]
pub struct PreviewIdError;

impl PreviewId {
    /// An id of random bytes.
    pub fn new(random: [u8; ID_BYTES]) -> Self {
        Self(random)
    }

    /// A number that is the same for every request under this grant, for the choice of an endpoint.
    pub fn affinity(self) -> u64 {
        self.0.iter().fold(0, |hash: u64, byte| hash.rotate_left(7) ^ u64::from(*byte))
    }
}

impl fmt::Display for PreviewId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.iter().try_for_each(|byte| write!(f, "{byte:02x}"))
    }
}

impl fmt::Debug for PreviewId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{self}")
    }
}

impl FromStr for PreviewId {
    type Err = PreviewIdError;

    fn from_str(text: &str) -> Result<Self, PreviewIdError> {
        let digits = |byte: u8| byte.is_ascii_digit() || (b'a'..=b'f').contains(&byte);
        if text.len() != ID_BYTES * 2 || !text.bytes().all(digits) {
            return Err(PreviewIdError);
        }
        let mut id = [0; ID_BYTES];
        for (index, byte) in id.iter_mut().enumerate() {
            *byte = u8::from_str_radix(&text[index * 2..index * 2 + 2], 16).map_err(|_| PreviewIdError)?;
        }
        Ok(Self(id))
    }
}
