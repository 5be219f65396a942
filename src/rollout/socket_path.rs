//! Paths of sockets in the file system that are endpoints (`unix:/run/app/web.sock`).
//!
//! Nothing but the spelling is checked here. What a path leads to is found out with each connection, since links may change.

use std::{fmt, str::FromStr};

use crate::interned::{INTERNED_MAX, interned};

/// How an endpoint of this kind begins.
pub const UNIX: &str = "unix:";
/// The longest path that the kernel takes for a socket (unix(7)).
pub const SOCKET_PATH_BYTES_MAX: usize = 107;
/// The path of a socket, without `unix:`.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct SocketPath(&'static str);

/// Why a text is no such path. The message says what is allowed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum SocketPathError {
    /// It is relative, too long, or has a part or a character that is not allowed.
    #[error(
        "a socket is `unix:` and its absolute path of at most {SOCKET_PATH_BYTES_MAX} bytes, in letters, digits and `._+@=~-`, \
         without `.`, `..` or an empty part, such as unix:/run/app/web.sock"
    )]
    Malformed,
    /// So many were met before.
    #[error(
        "the router has met {INTERNED_MAX} different sockets since it started, which is the most that it keeps"
    )]
    TooMany,
}

impl SocketPath {
    /// The path.
    pub const fn as_str(self) -> &'static str {
        self.0
    }

    /// Whether a path is below this one, as it is spelled.
    pub fn has_below(self, path: &str) -> bool {
        path.strip_prefix(self.0).is_some_and(|rest| rest.starts_with('/'))
    }
}

/// Whether a text is spelled like the path of a socket or of a folder of them: there is one spelling of each.
pub fn is_plain_path(text: &str) -> bool {
    let is_part = |part: &str| {
        !matches!(part, "" | "." | "..")
            && part.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"._+@=~-".contains(&byte))
    };
    text.len() <= SOCKET_PATH_BYTES_MAX
        && text.strip_prefix('/').is_some_and(|parts| parts.split('/').all(is_part))
}

impl FromStr for SocketPath {
    type Err = SocketPathError;

    fn from_str(text: &str) -> Result<Self, SocketPathError> {
        if !is_plain_path(text) {
            return Err(SocketPathError::Malformed);
        }
        interned(text).map(Self).ok_or(SocketPathError::TooMany)
    }
}

impl fmt::Display for SocketPath {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.0)
    }
}

impl fmt::Debug for SocketPath {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(self.0, f)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_path_has_one_spelling() {
        let path: SocketPath = "/run/app-1/web.sock".parse().unwrap();
        assert_eq!(path.to_string(), "/run/app-1/web.sock");
        assert_eq!(
            path.as_str().as_ptr(),
            "/run/app-1/web.sock".parse::<SocketPath>().unwrap().as_str().as_ptr()
        );
        let longest = format!("/{}", "x".repeat(SOCKET_PATH_BYTES_MAX - 1));
        assert!(longest.parse::<SocketPath>().is_ok());
        let long = format!("{longest}x");
        for wrong in [
            "",
            "/",
            "run/a",
            "/run/",
            "/run//a",
            "/run/./a",
            "/run/../a",
            "/..",
            "/run/a b",
            "/run/a\0",
            "/run/a\n",
            "/run/%2e%2e/a",
            "/run/a,b",
            "/run/\u{e9}",
            "\0abstract",
            "@abstract",
            &long,
        ] {
            assert_eq!(wrong.parse::<SocketPath>(), Err(SocketPathError::Malformed), "{wrong:?}");
        }
    }
}
