//! What is not allowed, in words: the field, its value, and what is allowed.

/// What is not allowed: the field, its value, and what is allowed.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{field} is `{value}`; allowed: {allowed}")]
pub struct Refusal {
    /// The field, as the API and the command line call it.
    pub field: &'static str,
    /// Its value.
    pub value: String,
    /// What is allowed.
    pub allowed: String,
}

impl Refusal {
    pub(super) fn new(field: &'static str, value: &str, allowed: impl Into<String>) -> Self {
        // What somebody sent may be of any length and hold anything; a message has one line.
        let shown: String = crate::printable::escaped(value).chars().take(VALUE_CHARS_SHOWN).collect();
        Self { field, value: shown, allowed: allowed.into() }
    }
}

/// How much of a refused value is shown: the longest image name.
const VALUE_CHARS_SHOWN: usize = 255;
