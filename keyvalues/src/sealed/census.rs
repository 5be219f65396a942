//! In which form the secrets of a store stand there, as far as they were read.

use std::collections::BTreeMap;

use crate::{
    contract::{Entry, Revision},
    key::Key,
};

/// How a value is stored.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Form {
    /// As it is.
    Plain,
    /// Encrypted with the key of this mark.
    Sealed(String),
    /// Encrypted, and not to be opened: why.
    Unreadable(String),
}

/// What is known of all secrets of a store, by key: the form of each, and when it was seen there.
#[derive(Debug, Clone, Default)]
pub struct Census(BTreeMap<String, (Revision, Form)>);

impl Census {
    /// By key.
    pub fn forms(&self) -> impl Iterator<Item = (&str, &Form)> {
        self.0.iter().map(|(key, (_, form))| (key.as_str(), form))
    }

    /// How many are in this form; none of those that cannot be read.
    pub fn count(&self, form: &Form) -> usize {
        self.0.values().filter(|(_, known)| known == form).count()
    }

    /// Those that cannot be opened, and why.
    pub fn unreadable(&self) -> impl Iterator<Item = (&str, &str)> {
        self.forms().filter_map(|(key, form)| match form {
            Form::Unreadable(why) => Some((key, why.as_str())),
            _ => None,
        })
    }

    /// The form of one.
    pub fn form(&self, key: &str) -> Option<&Form> {
        self.0.get(key).map(|(_, form)| form)
    }

    /// A value was read.
    pub(super) fn saw(&mut self, entry: &Entry, form: Form) {
        let known = self.0.get(entry.key.as_str());
        if known.is_none_or(|(at, _)| *at <= entry.modified) {
            self.0.insert(entry.key.to_string(), (entry.modified, form));
        }
    }

    /// There is no such key.
    pub(super) fn forget(&mut self, key: &Key) {
        self.0.remove(key.as_str());
    }

    /// Of these prefixes nothing is known but what is read of them next.
    pub(super) fn forget_all(&mut self, prefixes: &[&str]) {
        self.0.retain(|key, _| !prefixes.iter().any(|prefix| key.starts_with(prefix)));
    }
}
