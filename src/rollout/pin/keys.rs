//! The keys that pins are signed with.

use std::fmt;

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

impl fmt::Debug for PinKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "PinKey({})", self.id)
    }
}

impl fmt::Debug for PinKeys {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "PinKeys({})", self.current.id)
    }
}
