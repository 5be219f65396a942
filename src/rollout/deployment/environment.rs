//! The environment of a container. Its values are secrets: they are stored, handed to the engine, and shown to nobody.

use std::{collections::BTreeMap, fmt};

use serde::{Deserialize, Serialize};

/// What stands in the place of a value wherever people look.
pub const HIDDEN: &str = "(secret)";

/// Values by their names. Debug shows names alone.
#[derive(Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Environment(BTreeMap<String, String>);

/// The most bytes of names and values together: the kernel hands a program no more than about 2 MiB, and a record has to fit
/// the store.
pub const ENVIRONMENT_BYTES_MAX: usize = 64 << 10;

impl Environment {
    /// Adds a variable.
    ///
    /// # Errors
    /// The name is none that a program can read, or the value has a zero byte; the text says what is allowed.
    pub fn add(&mut self, name: &str, value: &str) -> Result<(), String> {
        let starts = name.bytes().next().is_some_and(|byte| !byte.is_ascii_digit());
        let allowed = |byte: u8| byte.is_ascii_graphic() && byte != b'=';
        if !starts || !name.bytes().all(allowed) {
            let shown = name.escape_debug();
            return Err(format!(
                "`{shown}` is no name of a variable; allowed are letters, digits and `_`, no digit first"
            ));
        }
        if value.contains('\0') {
            return Err(format!("the value of `{name}` has a zero byte, which no variable can hold"));
        }
        if value == HIDDEN {
            return Err(format!(
                "the value of `{name}` is `{HIDDEN}`, which stands for one that is not shown; send the value"
            ));
        }
        self.0.insert(name.to_owned(), value.to_owned());
        let bytes: usize = self.0.iter().map(|(name, value)| name.len() + value.len()).sum();
        if bytes > ENVIRONMENT_BYTES_MAX {
            return Err(format!("it has {bytes} bytes; allowed are at most {ENVIRONMENT_BYTES_MAX}"));
        }
        Ok(())
    }

    /// The names.
    pub fn names(&self) -> impl Iterator<Item = &str> {
        self.0.keys().map(String::as_str)
    }

    /// Names and values, for the engine alone.
    pub fn reveal(&self) -> impl Iterator<Item = (&str, &str)> {
        self.0.iter().map(|(name, value)| (name.as_str(), value.as_str()))
    }

    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}

impl fmt::Debug for Environment {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_set().entries(self.0.keys()).finish()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_are_not_shown_and_names_are_names() {
        let mut environment = Environment::default();
        environment.add("PASSWORD", "hunter2\nhunter3").unwrap();
        assert_eq!(format!("{environment:?}"), r#"{"PASSWORD"}"#);
        for (name, value) in
            [("", "a"), ("1A", "a"), ("A=B", "a"), ("A B", "a"), ("A\n", "a"), ("A", "a\0"), ("A", HIDDEN)]
        {
            let refusal = environment.add(name, value).unwrap_err();
            assert!(!refusal.contains("hunter2"), "{refusal}");
        }
        assert!(environment.add("BIG", &"x".repeat(ENVIRONMENT_BYTES_MAX)).is_err());
    }
}
