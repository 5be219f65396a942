//! What is wrong with a setting's value, beyond that it is not allowed.

use std::fmt;

/// What is wrong with a value; empty where "it is not allowed" says everything.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Fault(String);

/// The value is not allowed, and that says everything.
pub(super) const NOT_ALLOWED: Fault = Fault(String::new());

impl Fault {
    /// Whether nothing more is to be said.
    pub(super) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}

impl<T: Into<String>> From<T> for Fault {
    fn from(text: T) -> Self {
        Self(text.into())
    }
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}
