//! One field in which two answers differ.

use serde::{Deserialize, Serialize};

/// The longest value that a difference shows, in characters.
const SHOWN_CHARS_MAX: usize = 80;

/// How a field differs.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[cfg_attr(test, derive(utoipa::ToSchema))]
#[serde(rename_all = "lowercase")]
pub enum DifferenceKind {
    /// Only stable has it.
    Missing,
    /// Only the other has it.
    Added,
    /// It has another type.
    Type,
    /// It has another value.
    Changed,
    /// It took much longer.
    Slower,
}

impl DifferenceKind {
    /// The word for it.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Missing => "missing",
            Self::Added => "added",
            Self::Type => "type",
            Self::Changed => "changed",
            Self::Slower => "slower",
        }
    }
}

/// One field in which two answers differ.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Difference {
    /// Which: `answer`, `status`, `time`, `body`, or with a name `header NAME`, `cookie NAME` and `body $.a.b`.
    pub field: String,
    /// How.
    pub kind: DifferenceKind,
    /// What stable answered there.
    pub stable: String,
    /// What the other answered.
    pub other: String,
}

impl Difference {
    /// A difference, with both sides short enough to be shown.
    pub fn new(field: impl Into<String>, kind: DifferenceKind, stable: &str, other: &str) -> Self {
        Self { field: field.into(), kind, stable: shortened(stable), other: shortened(other) }
    }

    /// The same without what was answered, which may be one user's own.
    pub fn without_values(self) -> Self {
        let plain = matches!(self.field.as_str(), "answer" | "status" | "time");
        if plain {
            return self;
        }
        let hidden = |text: String| if text.is_empty() { text } else { "(not shown)".to_owned() };
        Self { stable: hidden(self.stable), other: hidden(self.other), ..self }
    }
}

fn shortened(text: &str) -> String {
    match text.char_indices().nth(SHOWN_CHARS_MAX) {
        Some((end, _)) => format!("{}...", &text[..end]),
        None => text.to_owned(),
    }
}
