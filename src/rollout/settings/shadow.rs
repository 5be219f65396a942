//! Shadow: which requests of stable's users are repeated at the candidate, to find what it answers differently.

use serde::{Deserialize, Serialize};

use super::{assets::matches, error::SettingsError};

/// The most patterns of a list. With more, one pattern that covers several serves better.
const PATTERNS_MAX: usize = 32;
/// The longest pattern, in characters.
const PATTERN_CHARS_MAX: usize = 200;

/// What of stable's traffic is compared with the candidate (docs/design.md section 16).
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct ShadowSettings {
    /// The share of stable's GET and HEAD requests that are repeated at both releases, in percent. 0: none.
    pub percent: f64,
    /// Only requests for these paths are. `*` stands for any characters. Empty: all paths.
    pub paths: Vec<String>,
    /// What is not compared: fields as the report names them, such as `header etag` or `body $.build`. `*` stands for any
    /// characters, and case does not count.
    pub ignore: Vec<String>,
    /// Whether the copies carry the user's Cookie and Authorization. Without them, pages are compared as strangers see them.
    pub credentials: bool,
}

impl Default for ShadowSettings {
    fn default() -> Self {
        Self { percent: 0.0, paths: Vec::new(), ignore: Vec::new(), credentials: false }
    }
}

impl ShadowSettings {
    /// Whether any request is repeated.
    #[inline]
    pub fn is_on(&self) -> bool {
        self.percent > 0.0
    }

    /// Whether a request for this target (a path, its query ignored) may be repeated.
    pub fn covers(&self, target: &str) -> bool {
        let path = target.split(['?', '#']).next().unwrap_or(target);
        let fits = |pattern: &String| matches(pattern.as_bytes(), path.as_bytes());
        self.paths.is_empty() || self.paths.iter().any(fits)
    }

    /// Whether a field of an answer is not compared.
    pub fn ignores(&self, field: &str) -> bool {
        let field = field.to_ascii_lowercase();
        let fits = |pattern: &String| matches(pattern.to_ascii_lowercase().as_bytes(), field.as_bytes());
        self.ignore.iter().any(fits)
    }

    pub(super) fn check(&self) -> Result<(), SettingsError> {
        if !(0.0..=100.0).contains(&self.percent) {
            return Err(SettingsError::value("shadow.percent", self.percent));
        }
        let starts = |pattern: &str| pattern.starts_with(['/', '*']);
        check_patterns("shadow.paths", &self.paths, starts)?;
        let shown = |pattern: &str| pattern.bytes().all(|byte| (b' '..0x7f).contains(&byte));
        check_patterns("shadow.ignore", &self.ignore, shown)
    }
}

fn check_patterns(
    name: &str,
    patterns: &[String],
    allowed: impl Fn(&str) -> bool,
) -> Result<(), SettingsError> {
    if patterns.len() > PATTERNS_MAX {
        return Err(SettingsError::value(name, patterns));
    }
    let wrong = |pattern: &&String| !(1..=PATTERN_CHARS_MAX).contains(&pattern.len()) || !allowed(pattern);
    patterns.iter().find(wrong).map_or(Ok(()), |pattern| Err(SettingsError::entry(name, pattern)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn covers_its_paths_and_ignores_fields_by_pattern() {
        let all = ShadowSettings::default();
        assert!(all.covers("/a?b") && !all.is_on() && !all.ignores("status"));
        let patterns = |list: &[&str]| list.iter().map(|text| (*text).to_owned()).collect();
        let (paths, ignore) = (patterns(&["/api/*"]), patterns(&["header ETag", "body $.build*"]));
        let some = ShadowSettings { percent: 0.1, paths, ignore, ..all };
        assert!(some.is_on() && some.covers("/api/cart?x=/") && !some.covers("/?/api/"));
        assert!(some.ignores("header etag") && some.ignores("body $.build.id") && !some.ignores("body $.id"));
        assert_eq!(some.check(), Ok(()));
    }

    #[test]
    fn anything_else_is_refused() {
        for (percent, paths, ignore) in
            [(-0.1, "/", "a"), (100.1, "/", "a"), (1.0, "api", "a"), (1.0, "/", ""), (1.0, "/", "\u{7}")]
        {
            let (paths, ignore) = (vec![paths.to_owned()], vec![ignore.to_owned()]);
            assert!(ShadowSettings { percent, paths, ignore, credentials: false }.check().is_err());
        }
    }
}
