//! Fingerprinted assets: files whose name changes with their content, such as `/assets/app-BX3k9dQ2.js`.
//!
//! Shared caches keep them for ever, and pages of either release ask for them, so they carry no pin and are never marked
//! private. Build tools name them with a hash of 8 or more letters and digits before the extension. A word of that length
//! (`/js/page-component.js`) is not a hash, since it has neither a digit nor letters of both cases.

use serde::{Deserialize, Serialize};

use super::error::SettingsError;

/// The shortest hash that build tools put into a name.
const HASH_CHARS_MIN: usize = 8;

/// Longer than any path of a built asset. The limit keeps matching cheap, whatever path is asked for.
const PATH_BYTES_MAX: usize = 1_024;

/// The most patterns. With more, one pattern that covers several serves better.
const PATTERNS_MAX: usize = 32;

/// Which paths are fingerprinted assets.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct AssetSettings {
    /// Whether a file name with a hash before its extension, as build tools write it, is a fingerprinted asset.
    pub detect: bool,
    /// More paths of fingerprinted assets. `*` stands for any characters: `/static/*` is everything below `/static/`.
    pub paths: Vec<String>,
    /// Whether the other routed releases are asked for an asset that a release does not have.
    pub fall_through: bool,
}

impl Default for AssetSettings {
    fn default() -> Self {
        Self { detect: true, paths: Vec::new(), fall_through: true }
    }
}

impl AssetSettings {
    /// Whether a request's target (a path, its query ignored) names a fingerprinted asset.
    pub fn is_fingerprinted(&self, target: impl AsRef<[u8]>) -> bool {
        let path = path_of(target.as_ref());
        path.len() <= PATH_BYTES_MAX
            && (self.detect && has_hashed_name(path)
                || self.paths.iter().any(|pattern| matches(pattern.as_bytes(), path)))
    }

    /// Whether HTML is a wrong answer for a target: its name has an extension, which is not that of a page. An app that
    /// answers every unknown path with its start page sends HTML for a missing asset too.
    pub fn is_html_unfit(target: impl AsRef<[u8]>) -> bool {
        let Some((_, extension)) = parts_of_name(path_of(target.as_ref())) else { return false };
        let is = |page: &&[u8]| extension.eq_ignore_ascii_case(page);
        !extension.is_empty() && ![&b"html"[..], b"htm", b"xhtml"].iter().any(is)
    }

    pub(super) fn check(&self) -> Result<(), SettingsError> {
        let allowed =
            |pattern: &&String| pattern.starts_with(['/', '*']) && (1..=200).contains(&pattern.len());
        if let Some(wrong) = self.paths.iter().find(|pattern| !allowed(pattern)) {
            return Err(SettingsError::entry("assets.paths", wrong));
        }
        if self.paths.len() > PATTERNS_MAX {
            return Err(SettingsError::value("assets.paths", self.paths.as_slice()));
        }
        Ok(())
    }
}

/// A target without its query.
fn path_of(target: &[u8]) -> &[u8] {
    memchr::memchr2(b'?', b'#', target).map_or(target, |end| &target[..end])
}

/// The name of a path's file, before its last dot and behind it; `None` if it has none.
fn parts_of_name(path: &[u8]) -> Option<(&[u8], &[u8])> {
    let name = memchr::memrchr(b'/', path).map_or(path, |at| &path[at + 1..]);
    memchr::memrchr(b'.', name).map(|at| (&name[..at], &name[at + 1..]))
}

/// `<name><. or - or _><hash>.<extension>`, with further extensions such as `.js.map` or `.chunk.css`.
fn has_hashed_name(path: &[u8]) -> bool {
    let Some((stem, extension)) = parts_of_name(path) else { return false };
    let known = (1..=8).contains(&extension.len()) && extension.iter().all(u8::is_ascii_alphanumeric);
    // The first part is the name of the file, even if it looks like a hash.
    known && stem.split(|byte| matches!(byte, b'.' | b'-' | b'_')).skip(1).any(is_hash)
}

fn is_hash(part: &[u8]) -> bool {
    let has = |kind: fn(&u8) -> bool| part.iter().any(kind);
    let letters_and_digits = part.iter().all(u8::is_ascii_alphanumeric);
    let dated = part.len() == 8 && part.iter().all(u8::is_ascii_digit);
    let mixed = has(u8::is_ascii_digit) || has(u8::is_ascii_lowercase) && has(u8::is_ascii_uppercase);
    part.len() >= HASH_CHARS_MIN && letters_and_digits && mixed && !dated
}

/// Whether a text matches a pattern in which `*` stands for any run of characters. Going back to the last `*` suffices, so
/// the cost is at most the product of both lengths.
pub(super) fn matches(pattern: &[u8], text: &[u8]) -> bool {
    let (mut at, mut star, mut resume) = (0, None, 0);
    let mut read = 0;
    while read < text.len() {
        if pattern.get(at) == Some(&b'*') {
            (star, resume) = (Some(at), read);
            at += 1;
        } else if pattern.get(at) == Some(&text[read]) {
            at += 1;
            read += 1;
        } else if let Some(star) = star {
            resume += 1;
            (at, read) = (star + 1, resume);
        } else {
            return false;
        }
    }
    pattern[at..].iter().all(|byte| *byte == b'*')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn knows_the_names_of_build_tools() {
        let assets = AssetSettings::default();
        for path in [
            "/assets/index-BX3k9dQ2.js",
            "/assets/index-DiwrgTda.css",
            "/static/js/main.3f2a9c1b.chunk.js",
            "/static/js/main.3f2a9c1b.js.map",
            "/_next/static/chunks/pages/_app-9a1b2c3d4e5f6071.js",
            "/app_0123456789abcdef0123456789abcdef.woff2?v=1",
            "/img/logo.d41d8cd98f00b204e9800998ecf8427e.svg#top",
        ] {
            assert!(assets.is_fingerprinted(path), "{path}");
        }
    }

    #[test]
    fn takes_no_page_for_an_asset() {
        let assets = AssetSettings::default();
        for path in [
            "/",
            "",
            "/index.html",
            "/js/page-component.js",
            "/js/jquery-3.7.1.min.js",
            "/reports/report-20261119.pdf",
            "/orders/9a1b2c3d4e5f6071",
            "/9a1b2c3d4e5f6071.js",
            "/a-3f2a9c1b.js/edit",
            "/v1.2-9a1b2c3d4e5f",
            "/search?file=/main.3f2a9c1b.js",
        ] {
            assert!(!assets.is_fingerprinted(path), "{path}");
        }
        assert!(!assets.is_fingerprinted(format!("/{}-3f2a9c1b.js", "a".repeat(2_000))));
    }

    #[test]
    fn html_is_no_answer_for_what_is_no_page() {
        for (target, unfit) in [
            ("/assets/index-BX3k9dQ2.js", true),
            ("/static/logo.d41d8cd9.svg?v=a.html", true),
            ("/static/page-BX3k9dQ2.HTML", false),
            ("/static/", false),
            ("/static/page", false),
            ("/static/page.", false),
        ] {
            assert_eq!(AssetSettings::is_html_unfit(target), unfit, "{target}");
        }
    }

    #[test]
    fn patterns_match_whole_paths() {
        let of = |pattern: &str| AssetSettings {
            detect: false,
            paths: vec![pattern.into()],
            ..AssetSettings::default()
        };
        for (pattern, path, fits) in [
            ("/static/*", "/static/a/b.js", true),
            ("/static/*", "/static/", true),
            ("/static/*", "/other/static/", false),
            ("/static/*.js", "/static/a.js.map", false),
            ("*.bundle.js", "/x/y.bundle.js", true),
            ("/a*b*c", "/aXbXbXc", true),
            ("/a*b*c", "/aXbXbXd", false),
            ("/exact", "/exact", true),
            ("/exact", "/exact/", false),
            ("/main.3f2a9c1b.js", "/main.3f2a9c1b.css", false),
        ] {
            assert_eq!(of(pattern).is_fingerprinted(path), fits, "{pattern} {path}");
        }
    }
}
