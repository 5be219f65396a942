//! What a sealed store knows: the keys that are held, by which one is written, and how what was read is stored.

use std::{fmt, sync::Arc};

use bytes::Bytes;
use parking_lot::Mutex;

use super::{
    census::{Census, Form},
    key::{Sealed, id_of},
    keys::{PLAIN, SecretsKeys},
};
use crate::{
    contract::{Entry, Event, Listing, StoreError, WatchItem},
    key::Key,
};

/// Which values are secrets.
#[derive(Clone, Copy)]
pub struct SecretNames {
    /// Whether the value of a key is one.
    pub is_secret: fn(&str) -> bool,
    /// Where the store says by which key secrets are written: the key's mark, or `plain`.
    pub current_at: &'static str,
}

impl fmt::Debug for SecretNames {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SecretNames").field("current_at", &self.current_at).finish_non_exhaustive()
    }
}

/// What is known beside the store. Shared by the store, its watches, and whoever asks how secrets stand.
#[derive(Debug)]
pub struct Seals {
    names: SecretNames,
    known: Mutex<Known>,
}

/// How many secrets a store has, as far as they were read.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct SecretCounts {
    /// All.
    pub all: usize,
    /// Those in the form in which secrets are written now.
    pub of_today: usize,
    /// Those that cannot be opened.
    pub unreadable: usize,
}

#[derive(Debug, Default)]
struct Known {
    keys: Arc<SecretsKeys>,
    /// By which key is written, as the store says it; none: that was not read yet.
    current: Option<Current>,
    census: Census,
}

/// By which key is written.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Current {
    /// The store does not say: by none.
    Unsaid,
    /// By the key of this mark, or by none if that is `plain`.
    Said(String),
}

impl Current {
    /// From the value at [`SecretNames::current_at`]. Not even one that no router writes says that secrets are written plainly.
    pub(super) fn of(value: Option<&[u8]>) -> Self {
        value.map_or(Self::Unsaid, |value| Self::Said(String::from_utf8_lossy(value).trim().to_owned()))
    }

    fn form(&self) -> Form {
        match self {
            Self::Said(mark) if mark != PLAIN => Form::Sealed(mark.clone()),
            _ => Form::Plain,
        }
    }
}

impl Seals {
    /// For a store with these secrets.
    pub fn new(names: SecretNames, keys: SecretsKeys) -> Arc<Self> {
        Arc::new(Self { names, known: Mutex::new(Known { keys: Arc::new(keys), ..Known::default() }) })
    }

    /// For a store whose server encrypts, or that has no secrets: nothing is changed on the way.
    pub fn none() -> Arc<Self> {
        Self::new(SecretNames { is_secret: |_| false, current_at: "" }, SecretsKeys::default())
    }

    /// The keys that are held.
    pub fn keys(&self) -> Arc<SecretsKeys> {
        Arc::clone(&self.known.lock().keys)
    }

    /// Takes what the file lists now. A key that it does not list any more is kept for as long as this process lives.
    pub fn set_keys(&self, keys: SecretsKeys) {
        let mut known = self.known.lock();
        known.keys = Arc::new(keys.after(&known.keys));
    }

    /// By which key secrets are written, as the store says it: its mark, or `plain`. None: it does not say.
    pub fn current(&self) -> Option<String> {
        match &self.known.lock().current {
            Some(Current::Said(mark)) => Some(mark.clone()),
            _ => None,
        }
    }

    /// Whether the key by which is written is held here.
    pub fn holds_current(&self) -> bool {
        let known = self.known.lock();
        match known.current.as_ref().map(Current::form) {
            Some(Form::Sealed(mark)) => known.keys.of_mark(&mark).is_some(),
            _ => true,
        }
    }

    /// How all secrets that were read are stored.
    pub fn census(&self) -> Census {
        self.known.lock().census.clone()
    }

    /// How many secrets were read, how many of them stand in the form of today, and how many cannot be opened.
    pub fn counts(&self) -> SecretCounts {
        let known = self.known.lock();
        let today = known.current.as_ref().map_or(Form::Plain, Current::form);
        let mut counts = SecretCounts::default();
        for (_, form) in known.census.forms() {
            counts.all += 1;
            counts.of_today += usize::from(*form == today);
            counts.unreadable += usize::from(matches!(form, Form::Unreadable(_)));
        }
        counts
    }

    /// Why the value of a key cannot be opened; none: it can, or there is none.
    pub fn unreadable(&self, key: &str) -> Option<String> {
        match self.known.lock().census.form(key) {
            Some(Form::Unreadable(why)) => Some(why.clone()),
            _ => None,
        }
    }

    /// The keys whose values are to be written anew: they can be read, and are not in the form of today.
    pub fn outdated(&self) -> Vec<String> {
        let known = self.known.lock();
        let Some(current) = known.current.as_ref().map(Current::form) else { return Vec::new() };
        let is_old = |form: &Form| *form != current && !matches!(form, Form::Unreadable(_));
        known.census.forms().filter(|(_, form)| is_old(form)).map(|(key, _)| key.to_owned()).collect()
    }

    /// Whether a value stands in the form of today.
    pub(super) fn is_of_today(&self, key: &Key, current: &Current) -> bool {
        self.known.lock().census.form(key.as_str()) == Some(&current.form())
    }

    pub(super) fn is_secret(&self, key: &Key) -> bool {
        (self.names.is_secret)(key.as_str())
    }

    pub(super) fn current_at(&self) -> &'static str {
        self.names.current_at
    }

    /// By which key is written; none: that was not read yet.
    pub(super) fn known_current(&self) -> Option<Current> {
        self.known.lock().current.clone()
    }

    pub(super) fn set_current(&self, current: Current) {
        self.known.lock().current = Some(current);
    }

    /// A value as it is to be stored.
    pub(super) fn seal(&self, current: &Current, key: &Key, value: Bytes) -> Result<Bytes, StoreError> {
        // What could not be opened is stored as it was read.
        if Sealed::of(&value).is_some() {
            return Ok(value);
        }
        let Form::Sealed(mark) = current.form() else { return Ok(value) };
        let keys = self.keys();
        match keys.of_mark(&mark) {
            Some(with) => with.seal(key.as_str(), &value),
            None => Err(StoreError::Unreachable(format!(
                "secrets are written with the key `{mark}`, which this router does not hold: its `secrets_key_file` needs it"
            ))),
        }
    }

    /// An entry as it was written, and how it is stored.
    pub(super) fn open(&self, mut entry: Entry) -> Entry {
        if !self.is_secret(&entry.key) {
            if entry.key.as_str() == self.names.current_at {
                self.set_current(Current::of(Some(&entry.value)));
            }
            return entry;
        }
        let form = match Sealed::of(&entry.value) {
            None => Form::Plain,
            Some(sealed) => {
                let keys = self.keys();
                let with = keys.of_value(&sealed);
                match with.and_then(|with| Some((with, with.open(entry.key.as_str(), &sealed)?))) {
                    Some((with, value)) => {
                        entry.value = value;
                        Form::Sealed(with.mark().to_owned())
                    }
                    None => Form::Unreadable(self.why_unreadable(&sealed, with.is_some())),
                }
            }
        };
        self.known.lock().census.saw(&entry, form);
        entry
    }

    fn why_unreadable(&self, sealed: &Sealed<'_>, is_held: bool) -> String {
        let id = sealed.id.escape_debug();
        let other = self.current().filter(|mark| id_of(mark) == sealed.id);
        let is_other = other.is_some_and(|mark| self.keys().of_mark(&mark).is_none());
        match is_held {
            _ if sealed.id.is_empty() => "it is damaged".to_owned(),
            false => format!("it needs the key `{id}`, which `secrets_key_file` does not have"),
            true if is_other => format!("it needs another key `{id}` than the one in `secrets_key_file`"),
            true => {
                format!(
                    "the key `{id}` does not open it: it is damaged, was moved here from another key, or needs another key"
                )
            }
        }
    }

    pub(super) fn open_listing(&self, prefixes: &[&str], mut listing: Listing) -> Listing {
        let at = self.names.current_at;
        if !at.is_empty() && prefixes.iter().any(|prefix| at.starts_with(prefix)) {
            let said = listing.entries.iter().find(|entry| entry.key.as_str() == at);
            self.set_current(Current::of(said.map(|entry| &entry.value[..])));
        }
        self.known.lock().census.forget_all(prefixes);
        listing.entries = listing.entries.into_iter().map(|entry| self.open(entry)).collect();
        listing
    }

    pub(super) fn open_item(&self, item: WatchItem) -> WatchItem {
        let WatchItem::Batch(mut batch) = item else { return item };
        let opened = |event: Event| match event {
            Event::Put(entry) => Event::Put(self.open(entry)),
            Event::Deleted { key } => {
                self.forget(&key);
                Event::Deleted { key }
            }
        };
        batch.events = batch.events.into_iter().map(opened).collect();
        WatchItem::Batch(batch)
    }

    /// There is no such key.
    pub(super) fn forget(&self, key: &Key) {
        if key.as_str() == self.names.current_at {
            self.set_current(Current::Unsaid);
        }
        self.known.lock().census.forget(key);
    }
}
