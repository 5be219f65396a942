//! What the image of the store takes for signing: the pin keys, their format, and the key of tokens. What cannot be read there
//! takes the place of nothing.

use keyvalues::{Entry, StoreError, sealed::is_sealed};

use super::{image::StoreImage, interruption::Interruption};
use crate::{
    control::shared::{pin_keys, secrets::board::unreadable, token_key::TokenKey},
    rollout::{
        keyspace::Keyspace,
        pin::{PinFormat, PinKeys},
    },
};

impl StoreImage {
    /// `true` when it can be read.
    pub(super) fn take_token_key(&self, entry: Option<&Entry>) -> bool {
        let key = entry.and_then(|entry| TokenKey::decode(&entry.value));
        let is_read = key.is_some();
        if let Some(key) = key {
            self.core.replica.set_token_key(key);
        }
        is_read
    }

    /// `true` when these can be read.
    pub(super) fn take_stored_pin_keys(&mut self, entry: Option<&Entry>) -> Result<bool, Interruption> {
        let keys = entry.and_then(|entry| Some((pin_keys::decode(&entry.value)?, entry.modified)));
        let at = keys.as_ref().map(|(_, modified)| *modified);
        if let Some(sealed) = entry.filter(|entry| is_sealed(&entry.value)) {
            // Others drawn in their place would move every client.
            if self.known_pin_keys().is_none() {
                let why = self.core.secrets.seals.unreadable(sealed.key.as_str()).unwrap_or_default();
                return Err(unreadable(sealed.key.as_str(), &why).into());
            }
            self.take_pin_keys(None)?;
            return Ok(true);
        }
        self.take_pin_keys(keys.map(|(keys, _)| keys))?;
        self.pin_keys_at = at.unwrap_or(self.pin_keys_at);
        Ok(at.is_some())
    }

    /// Signs in the format of the store, or in the last one. A store that is only followed has no word for it: its routers
    /// have keys of their own, so each of them is a fleet.
    pub(super) fn take_pin_format(&mut self, entry: Option<&Entry>) {
        let stored = entry.and_then(|entry| pin_keys::decode_format(&entry.value));
        self.stored_pin_format = stored;
        let alone = !self.core.store.capabilities().atomic_commit;
        let format = if alone { PinFormat::NEWEST } else { stored.unwrap_or_default() };
        let format = self.core.replica.raise_pin_format(format.max(self.last_good.pin_format()));
        self.last_good.keep_pin_format(format);
    }

    /// Uses the pin keys of the store; if those cannot be read, the ones last known.
    pub(super) fn take_pin_keys(&mut self, stored: Option<PinKeys>) -> Result<(), Interruption> {
        let keys = match stored.or_else(|| self.known_pin_keys()) {
            Some(keys) => keys,
            None => pin_keys::generate().map_err(|error| StoreError::Corrupt(error.to_string()))?,
        };
        self.core.replica.set_pin_keys(keys.clone());
        self.core.live.certificates().set_ticket_secrets(pin_keys::ticket_secrets(&keys));
        self.last_good.keep_pin_keys(&keys);
        let format = self.core.replica.pin_format();
        match &mut self.keyspace {
            Some(keyspace) => keyspace.set_pin_signing(keys, format),
            None => self.keyspace = Some(Keyspace::new(self.core.keyspace_options(keys))),
        }
        Ok(())
    }
}
