//! Secrets: texts that no log and no message shows.

use super::fault::{Fault, NOT_ALLOWED};

/// A text that no log and no message shows.
#[derive(Clone, PartialEq, Eq)]
pub struct Secret(String);

impl Secret {
    /// The text itself, to compare or to send it.
    pub fn expose(&self) -> &str {
        &self.0
    }
}

impl std::fmt::Debug for Secret {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Secret")
    }
}

impl std::str::FromStr for Secret {
    type Err = Fault;

    fn from_str(text: &str) -> Result<Self, Fault> {
        let visible = text.bytes().all(|byte| byte.is_ascii_graphic());
        if visible && (8..=512).contains(&text.len()) { Ok(Self(text.into())) } else { Err(NOT_ALLOWED) }
    }
}
