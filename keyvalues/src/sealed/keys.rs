//! The keys of a file, the newest first.

use std::{collections::BTreeMap, sync::Arc};

use super::key::{Sealed, SecretsKey, id_of};

/// The line that stands for no encryption: as the first one it says that values are to be written plainly again.
pub const PLAIN: &str = "plain";
/// The most keys of a file. A rotation needs two.
const KEYS_MAX: usize = 16;

/// The keys that somebody holds.
#[derive(Debug, Clone, Default)]
pub struct SecretsKeys {
    /// What the file lists, by marks, in its order.
    listed: Vec<String>,
    /// By id. Among them may be some that the file listed earlier.
    keys: BTreeMap<String, Arc<SecretsKey>>,
}

/// Why a file of keys cannot be used. No text repeats a key.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum KeysError {
    /// A line is no key.
    #[error("line {line}: {problem}; a line is `ID:BASE64` with the base64 of 32 random bytes, or `plain`")]
    Line {
        /// Its number.
        line: usize,
        /// What is wrong.
        problem: &'static str,
    },
    /// There is none.
    #[error("it holds no key; a line is `ID:BASE64` with the base64 of 32 random bytes, the newest first")]
    Empty,
}

impl SecretsKeys {
    /// Reads the text of a file: a key each line, the newest first; blank lines and those that begin with `#` are left out.
    ///
    /// # Errors
    /// A line is no key, or repeats another one, or there is no key. Then none of them counts.
    pub fn parse(text: &str) -> Result<Self, KeysError> {
        let mut all = Self::default();
        for (index, line) in text.lines().enumerate() {
            let (number, line) = (index + 1, line.trim());
            if line.is_empty() || line.starts_with('#') {
                continue;
            }
            all.add(line).map_err(|problem| KeysError::Line { line: number, problem })?;
        }
        if all.keys.is_empty() { Err(KeysError::Empty) } else { Ok(all) }
    }

    fn add(&mut self, line: &str) -> Result<(), &'static str> {
        if self.keys.len() == KEYS_MAX {
            return Err("there are more than 16 keys");
        }
        if line == PLAIN {
            if self.listed.iter().any(|mark| mark == PLAIN) {
                return Err("`plain` stands there twice");
            }
            self.listed.push(PLAIN.to_owned());
            return Ok(());
        }
        let key = SecretsKey::parse(line)?;
        if key.id() == PLAIN {
            return Err("`plain` is no id of a key");
        }
        if self.keys.contains_key(key.id()) {
            return Err("an earlier line has the same id");
        }
        if self.keys.values().any(|other| other.is_same(&key)) {
            return Err("an earlier line has the same key");
        }
        self.listed.push(key.mark().to_owned());
        self.keys.insert(key.id().to_owned(), Arc::new(key));
        Ok(())
    }

    /// The marks of what the file lists, in its order.
    pub fn listed(&self) -> &[String] {
        &self.listed
    }

    /// Whether the file lists what this mark says.
    pub fn lists(&self, mark: &str) -> bool {
        self.listed.iter().any(|listed| listed == mark)
    }

    /// These keys, and those of before that the file does not list any more: what was written with them can still be read.
    #[must_use]
    pub(super) fn after(mut self, before: &Self) -> Self {
        for (id, key) in &before.keys {
            self.keys.entry(id.clone()).or_insert_with(|| Arc::clone(key));
        }
        self
    }

    /// The key of a mark, if it is held.
    pub(super) fn of_mark(&self, mark: &str) -> Option<&Arc<SecretsKey>> {
        self.keys.get(id_of(mark)).filter(|key| key.mark() == mark)
    }

    /// The key that a value names, if it is held.
    pub(super) fn of_value(&self, sealed: &Sealed<'_>) -> Option<&Arc<SecretsKey>> {
        self.keys.get(sealed.id)
    }
}
