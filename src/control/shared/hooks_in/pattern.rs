//! A pattern for names: what it says, with `*` for anything.

use std::{fmt, str::FromStr};

use crate::rollout::text_form::serde_as_text;

/// The longest pattern, in bytes: above the longest name of a branch.
pub const PATTERN_BYTES_MAX: usize = 256;

/// A pattern.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Pattern(String);

serde_as_text!(Pattern);

/// What is allowed as a pattern.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error(
    "a pattern has 1 to {PATTERN_BYTES_MAX} bytes, without control characters; `*` stands for anything, such as v*"
)]
pub struct PatternError;

impl Pattern {
    /// Whether the whole of a text is as it says.
    pub fn matches(&self, text: &str) -> bool {
        let mut parts = self.0.split('*');
        // The first and the last part are bound to the ends; each in between is taken where it comes first.
        let first = parts.next().unwrap_or_default();
        let Some(rest) = text.strip_prefix(first) else { return false };
        let Some(last) = parts.next_back() else { return rest.is_empty() };
        let Some(mut rest) = rest.strip_suffix(last) else { return false };
        for part in parts {
            let Some(at) = rest.find(part) else { return false };
            rest = &rest[at + part.len()..];
        }
        true
    }
}

impl FromStr for Pattern {
    type Err = PatternError;

    fn from_str(text: &str) -> Result<Self, PatternError> {
        let is_allowed = (1..=PATTERN_BYTES_MAX).contains(&text.len()) && !text.contains(char::is_control);
        if is_allowed { Ok(Self(text.to_owned())) } else { Err(PatternError) }
    }
}

impl fmt::Display for Pattern {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_star_stands_for_anything() {
        let matches = |pattern: &str, text: &str| pattern.parse::<Pattern>().unwrap().matches(text);
        for (pattern, text) in [
            ("main", "main"),
            ("v*", "v1.2"),
            ("v*", "v"),
            ("*", ""),
            ("*", "a/b"),
            ("release/*/rc*", "release/7/rc1"),
            ("*-rc*", "v1-rc-2"),
            ("a*b*c", "abbc"),
            ("**", "x"),
        ] {
            assert!(matches(pattern, text), "{pattern} {text}");
        }
        for (pattern, text) in [
            ("main", "maintenance"),
            ("main", "domain"),
            ("v*", "rv1"),
            ("a*a", "a"),
            ("a*b*c", "acb"),
            ("*x", "xy"),
            ("Main", "main"),
        ] {
            assert!(!matches(pattern, text), "{pattern} {text}");
        }
        for refused in ["", "a\nb", &"x".repeat(PATTERN_BYTES_MAX + 1)] {
            assert!(refused.parse::<Pattern>().is_err());
        }
    }
}
