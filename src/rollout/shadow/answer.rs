//! What a release answered to a copy of a request.

use std::time::Duration;

/// How a copy of a request ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Reply {
    /// With an answer.
    Answer(Answer),
    /// Without: what happened instead, in a few words.
    Nothing(String),
}

/// An answer.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Answer {
    /// Its status.
    pub status: u16,
    /// Its header lines, with names in lower case.
    pub headers: Vec<(String, String)>,
    /// Its body, or the beginning of it.
    pub body: Vec<u8>,
    /// The body is longer.
    pub cut: bool,
    /// How long it took, from the request to the end of what was read.
    pub took: Duration,
}

impl Answer {
    /// The first value of a header.
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers.iter().find(|(known, _)| known == name).map(|(_, value)| value.as_str())
    }

    /// Whether the body says that it is JSON.
    pub fn is_json(&self) -> bool {
        let media = self.header("content-type").and_then(|value| value.split(';').next()).unwrap_or_default();
        let media = media.trim().to_ascii_lowercase();
        media == "application/json" || media.ends_with("+json")
    }
}
