//! Keys as texts.

use crate::key::{Key, KeyError};

/// A text is not a key.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("`{}` is not a key: {error}", key.escape_debug())]
pub struct BadKey {
    key: String,
    error: KeyError,
}

pub(super) fn parse_key(text: String) -> Result<Key, BadKey> {
    Key::new(&text).map_err(|error| BadKey { key: text, error })
}
