//! The keys that this router holds, where they come from, and what is wrong with that.

use std::{
    path::{Path, PathBuf},
    sync::Arc,
};

use keyvalues::{
    StoreError, Write,
    sealed::{Seals, SecretsKeys},
};
use parking_lot::Mutex;

use super::{key_file, names::NAMES};
use crate::file_stamp::{self, Stamp};

/// What a member says that does not encrypt, since the router that serves its store does.
pub const ANY_KEY: &str = "*";

/// The file of keys, as it was read at the start.
#[derive(Debug, Default)]
pub struct SecretsOptions {
    /// The file; none: the setting is not given.
    pub file: Option<PathBuf>,
    keys: SecretsKeys,
    stamp: Stamp,
    /// Why none of it counts.
    fault: Option<String>,
}

impl SecretsOptions {
    /// Reads the file. One that cannot be used is a fault of a router that served before, and keeps another from starting.
    ///
    /// # Errors
    /// The file cannot be used.
    pub fn read(file: Option<&Path>, served_before: bool) -> Result<Self, String> {
        let Some(path) = file else { return Ok(Self::default()) };
        let (stamp, file) = (file_stamp::stamp(path), Some(path.to_owned()));
        match key_file::read(path) {
            Ok(read) => {
                read.warning.iter().for_each(|warning| tracing::warn!("{warning}"));
                Ok(Self { file, keys: read.keys, stamp, fault: None })
            }
            Err(why) if served_before => {
                tracing::error!("{why}");
                Ok(Self { file, stamp, fault: Some(why), ..Self::default() })
            }
            Err(why) => Err(why),
        }
    }

    /// What is wrong with a file, and what should be mended.
    pub fn examine(file: &Path) -> (Option<String>, Option<String>) {
        match key_file::read(file) {
            Ok(read) => (None, read.warning),
            Err(why) => (Some(why), None),
        }
    }
}

/// What this router knows of the secrets of its store.
#[derive(Debug)]
pub struct SecretsBoard {
    pub seals: Arc<Seals>,
    /// The router that serves the store encrypts.
    is_through: bool,
    file: Option<PathBuf>,
    looked: Mutex<Looked>,
}

#[derive(Debug)]
struct Looked {
    /// When the file was last read, even if that failed.
    read: Stamp,
    /// At the last look.
    last: Stamp,
    fault: Option<String>,
}

impl SecretsBoard {
    /// With the keys of the start. `is_through`: another router serves the store, and encrypts.
    pub fn new(options: &SecretsOptions, is_through: bool) -> Self {
        let SecretsOptions { file, keys, stamp, fault } = options;
        if is_through && file.is_some() {
            tracing::warn!(
                "`secrets_key_file` is without effect: the router that serves the store encrypts its secrets"
            );
        }
        let seals = if is_through { Seals::none() } else { Seals::new(NAMES, keys.clone()) };
        let file = file.clone().filter(|_| !is_through);
        let looked = Looked { read: *stamp, last: *stamp, fault: fault.clone() };
        Self { seals, is_through, file, looked: Mutex::new(looked) }
    }

    /// For a store that has no secrets of this router.
    pub fn none() -> Arc<Self> {
        Arc::new(Self::new(&SecretsOptions::default(), true))
    }

    /// Whether a file of keys is named.
    pub fn has_file(&self) -> bool {
        self.file.is_some()
    }

    /// What the fleet is told: the marks of the keys that the file lists, the newest first.
    pub fn told(&self) -> Vec<String> {
        if self.is_through { vec![ANY_KEY.to_owned()] } else { self.seals.keys().listed().to_vec() }
    }

    /// Why the file counts for nothing since it was last read.
    pub fn fault(&self) -> Option<String> {
        self.looked.lock().fault.clone()
    }

    /// Reads the file again if it has changed, and is not being written (`at_once`: also then); `true` if it was read.
    pub fn look(&self, at_once: bool) -> bool {
        let Some(path) = &self.file else { return false };
        let mut looked = self.looked.lock();
        let now = file_stamp::stamp(path);
        let is_settled = std::mem::replace(&mut looked.last, now) == now;
        if now == looked.read || !(is_settled || at_once) {
            return false;
        }
        looked.read = now;
        match key_file::read(path) {
            Ok(read) => {
                read.warning.iter().for_each(|warning| tracing::warn!("{warning}"));
                tracing::info!(keys = read.keys.listed().join(", "), "the secrets key file was read again");
                self.seals.set_keys(read.keys);
                looked.fault = None;
            }
            Err(why) => {
                tracing::error!("{why}; the keys of before are used on");
                looked.fault = Some(why);
            }
        }
        true
    }

    /// Refuses to replace secrets that cannot be read: they are there, and somebody may hold their key.
    pub fn refuse_unreadable(&self, writes: &[Write]) -> Result<(), StoreError> {
        let puts = writes.iter().filter(|write| write.value().is_some());
        let mut found =
            puts.filter_map(|write| Some((write.key(), self.seals.unreadable(write.key().as_str())?)));
        match found.next() {
            None => Ok(()),
            Some((key, why)) => Err(unreadable(key.as_str(), &why)),
        }
    }
}

/// A secret is there and cannot be read.
pub fn unreadable(key: &str, why: &str) -> StoreError {
    StoreError::Unreachable(format!("the secret at `{key}` cannot be read: {why}"))
}
