//! Keys.

use std::{fmt, sync::Arc};

/// The longest key, in bytes. etcd and Redis allow more; the router's keys are far shorter.
pub const KEY_BYTES_MAX: usize = 512;

/// A valid key: `/`-separated segments, without a leading or trailing slash, an empty, `.` or `..` segment,
/// or a control byte. Cheap to clone.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Key(Arc<str>);

/// Why a text is not a key.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum KeyError {
    /// It is empty.
    #[error("a key may not be empty")]
    Empty,
    /// It is longer than [`KEY_BYTES_MAX`].
    #[error("a key may have at most {KEY_BYTES_MAX} bytes")]
    TooLong,
    /// A `//`, a leading or trailing `/`, or a `.` or `..` segment.
    #[error("no part of a key between slashes may be empty, `.` or `..`")]
    Segment,
    /// A control character, CR, LF and NUL among them.
    #[error("a key may not have control characters")]
    Control,
}

impl Key {
    /// Parses a key.
    ///
    /// # Errors
    /// The text is empty or too long, or has a part or a character that is not allowed.
    pub fn new(text: &str) -> Result<Self, KeyError> {
        if text.is_empty() {
            return Err(KeyError::Empty);
        }
        if text.len() > KEY_BYTES_MAX {
            return Err(KeyError::TooLong);
        }
        if text.chars().any(char::is_control) {
            return Err(KeyError::Control);
        }
        if text.split('/').any(|segment| matches!(segment, "" | "." | "..")) {
            return Err(KeyError::Segment);
        }
        Ok(Self(text.into()))
    }

    /// The same key in a block of its own.
    pub(crate) fn copied(&self) -> Self {
        Self(self.as_str().into())
    }

    /// The key as text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for Key {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl fmt::Debug for Key {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(&self.0, f)
    }
}

impl std::borrow::Borrow<str> for Key {
    fn borrow(&self) -> &str {
        &self.0
    }
}

impl AsRef<str> for Key {
    fn as_ref(&self) -> &str {
        &self.0
    }
}

impl std::str::FromStr for Key {
    type Err = KeyError;

    fn from_str(text: &str) -> Result<Self, KeyError> {
        Self::new(text)
    }
}
