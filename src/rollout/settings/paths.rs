//! Path prefixes that an app claims: how they are written, and what follows from them.

use super::{app::Settings, error::SettingsError};
use crate::rollout::app::AppName;

/// The most path prefixes of one app. With more, a shorter prefix serves better.
const PATHS_MAX: usize = 100;
/// The longest prefix, in bytes.
const PATH_BYTES_MAX: usize = 200;
/// The most apps that may claim paths below an app's hosts.
const SHARERS_MAX: usize = 100;
/// The first segment of what the router itself answers on an app's hosts.
const RESERVED: &str = "_rolling";

impl Settings {
    /// The prefixes below which the app has each of its hosts: `/` stands for all paths.
    pub fn prefixes(&self) -> impl Iterator<Item = &str> {
        let whole = self.paths.is_empty().then_some("/");
        whole.into_iter().chain(self.paths.iter().map(String::as_str))
    }

    /// The longest prefix that all of the app's prefixes begin with: the `Path` of the router's cookies, which hold for all of
    /// them.
    pub fn cookie_path(&self) -> &str {
        let mut prefixes = self.prefixes();
        let first = prefixes.next().unwrap_or("/");
        prefixes.fold(first, common)
    }

    /// Whether the cookies' `Path` is a prefix of this app, and so of no other app on its hosts. Else their names tell apps apart.
    pub fn owns_cookie_path(&self) -> bool {
        self.prefixes().any(|prefix| prefix == self.cookie_path())
    }

    /// Whether another app may claim path prefixes on hosts of this one.
    pub fn shares_host_with(&self, app: &AppName) -> bool {
        self.share_host.iter().any(|name| name == app.as_str())
    }

    pub(super) fn canonicalise_paths(&mut self) {
        for path in &mut self.paths {
            if path.len() > 1 && path.ends_with('/') && !path.ends_with("//") {
                path.pop();
            }
        }
        self.paths.sort_unstable();
        self.paths.dedup();
        self.share_host.sort_unstable();
        self.share_host.dedup();
    }

    pub(super) fn check_paths(&self) -> Result<(), SettingsError> {
        if self.paths.len() > PATHS_MAX {
            let message = format!(
                "{} path prefixes are claimed; an app may claim at most {PATHS_MAX}",
                self.paths.len()
            );
            return Err(SettingsError::new("paths", message));
        }
        if let Some(path) = self.paths.iter().find(|path| !is_prefix(path)) {
            return Err(SettingsError::entry("paths", path));
        }
        if self.share_host.len() > SHARERS_MAX {
            return Err(SettingsError::value("share_host", self.share_host.clone()));
        }
        match self.share_host.iter().find(|name| name.parse::<AppName>().is_err()) {
            Some(name) => Err(SettingsError::entry("share_host", name)),
            None => Ok(()),
        }
    }
}

/// Whether a text is a path prefix in the one form in which prefixes are compared: whole segments of characters that every
/// server reads in the same way.
fn is_prefix(path: &str) -> bool {
    let Some(rest) = path.strip_prefix('/') else { return false };
    let allowed = |byte: u8| byte.is_ascii_alphanumeric() || b"-._~!$&'()*+,=:@".contains(&byte);
    let segment = |segment: &str| !matches!(segment, "" | "." | "..") && segment.bytes().all(allowed);
    path.len() <= PATH_BYTES_MAX
        && (rest.is_empty() || rest.split('/').all(segment))
        && rest.split('/').next() != Some(RESERVED)
}

/// The segments that two prefixes begin with.
fn common<'a>(one: &'a str, other: &str) -> &'a str {
    let segments = |path: &str| path.split('/').skip(1).map(str::len).collect::<Vec<_>>();
    let mut end = 0;
    for (length, name) in segments(one).into_iter().zip(other.split('/').skip(1)) {
        if &one[end + 1..end + 1 + length] != name || name.is_empty() {
            break;
        }
        end += 1 + length;
    }
    if end == 0 { "/" } else { &one[..end] }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn read(paths: &[&str]) -> Result<Settings, SettingsError> {
        Settings::parse(json!({ "paths": paths }).to_string().as_bytes())
    }

    #[test]
    fn prefixes_have_one_form() {
        let settings = read(&["/shop/", "/a/b", "/shop", "/"]).unwrap();
        assert_eq!(settings.paths, ["/", "/a/b", "/shop"]);
        for path in [
            "",
            "shop",
            "//",
            "//shop",
            "/shop//",
            "/a//b",
            "/.",
            "/..",
            "/a/../b",
            "/a/./b",
            "/a?b",
            "/a#b",
            "/%73hop",
            "/a%2fb",
            "/a;b",
            "/a\\b",
            "/a b",
            "/gr\u{fc}n",
            "/a\u{7}",
            "/_rolling",
            "/_rolling/x",
            "*",
        ] {
            let error = read(&[path]).unwrap_err();
            assert_eq!(error.field, "paths", "{path}");
            assert!(error.message.contains("is not a path"), "{path}: {error}");
        }
        assert!(read(&[&format!("/{}", "a".repeat(PATH_BYTES_MAX))]).is_err());
        let many: Vec<String> = (0..=PATHS_MAX).map(|number| format!("/{number}")).collect();
        assert!(
            read(&many.iter().map(String::as_str).collect::<Vec<_>>())
                .unwrap_err()
                .message
                .contains("at most 100")
        );
    }

    #[test]
    fn cookies_hold_for_all_prefixes() {
        for (paths, cookie_path) in [
            (&[][..], "/"),
            (&["/"], "/"),
            (&["/shop"], "/shop"),
            (&["/shop", "/basket"], "/"),
            (&["/shop/a", "/shop/b"], "/shop"),
            (&["/shop", "/shop/b"], "/shop"),
            (&["/shop", "/shopping"], "/"),
            (&["/a/b/c", "/a/b/d", "/a/bb"], "/a"),
            (&["/", "/a"], "/"),
        ] {
            let settings = read(paths).unwrap();
            assert_eq!(settings.cookie_path(), cookie_path, "{paths:?}");
            assert_eq!(
                settings.owns_cookie_path(),
                paths.is_empty() || paths.contains(&cookie_path),
                "{paths:?}"
            );
        }
    }

    #[test]
    fn names_of_apps_share_a_host() {
        let read = |names: &[&str]| Settings::parse(json!({ "share_host": names }).to_string().as_bytes());
        assert_eq!(read(&["b", "a", "b"]).unwrap().share_host, ["a", "b"]);
        assert_eq!(read(&["a", "no name"]).unwrap_err().field, "share_host");
    }
}
