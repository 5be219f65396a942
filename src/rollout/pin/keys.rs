//! The keys that pins are signed with.

use std::{fmt, hash::Hasher as _};

use siphasher::sip::SipHasher24;

use crate::rollout::app::AppName;

/// One signing key.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct PinKey {
    /// Its id, as in the pin.
    pub id: u8,
    /// The secret.
    pub secret: [u8; 16],
}

impl PinKey {
    /// Half of a key of its own for one purpose at one app, so that what is made for one is never taken for another.
    pub fn derive(&self, purpose: &[u8], app: &AppName) -> u64 {
        let mut hasher = SipHasher24::new_with_key(&self.secret);
        hasher.write(purpose);
        hasher.write(app.as_str().as_bytes());
        hasher.finish()
    }
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
