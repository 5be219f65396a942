//! What an error comes down to.

use std::error::Error;

/// The innermost cause, in words: it says what happened, while the layers above it only say where.
pub fn innermost(error: &dyn Error) -> String {
    let mut last = error;
    while let Some(next) = last.source() {
        last = next;
    }
    last.to_string()
}
