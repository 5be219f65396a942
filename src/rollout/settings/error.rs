//! A refused setting.

use std::ops::RangeInclusive;

use serde_json::Value;

use super::allowed;

/// A setting whose value is not allowed.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{field}: {message}")]
pub struct SettingsError {
    /// The field, as a path such as `cookie.name`; `.` for the whole.
    pub field: String,
    /// The value, and what is allowed.
    pub message: String,
}

impl SettingsError {
    /// An error with a message of its own.
    pub(super) fn new(field: &str, message: impl Into<String>) -> Self {
        Self { field: field.into(), message: message.into() }
    }

    /// The setting at `path` does not allow this value.
    pub(super) fn value(path: &str, value: impl Into<Value>) -> Self {
        Self::new(path, allowed::describe(path, &value.into()))
    }

    /// The list at `path` does not allow this entry.
    pub(super) fn entry(path: &str, entry: &str) -> Self {
        Self::new(path, allowed::describe(&format!("{path}[]"), &entry.into()))
    }
}

/// Refuses a value outside of the range. [`allowed`] has the same range in words.
pub(super) fn check_range<T: PartialOrd + Copy + Into<Value>>(
    field: &str,
    value: T,
    range: RangeInclusive<T>,
) -> Result<(), SettingsError> {
    if range.contains(&value) { Ok(()) } else { Err(SettingsError::value(field, value)) }
}
