//! The value of a setting as it was written, and where it came from.

use std::{fmt, path::PathBuf};

/// Where a value came from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Origin {
    /// A flag, by its name.
    Flag(&'static str),
    /// A variable of the environment, by its name.
    Environment(&'static str),
    /// A configuration file.
    File(PathBuf),
    /// The default.
    Default,
}

/// The value of a setting as it was written.
#[derive(Clone, PartialEq, Eq)]
pub struct RawValue {
    /// The text.
    pub text: String,
    /// Where it was written.
    pub origin: Origin,
}

impl fmt::Debug for RawValue {
    /// Leaves the text out: it may be a token or hold a store's password.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "RawValue({:?})", self.origin)
    }
}
