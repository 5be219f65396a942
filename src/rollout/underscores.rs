//! Header names with `_`, which some servers read as `-`: they could pass for headers that the router sets (docs/design.md
//! section 14).

use serde::{Deserialize, Serialize};

/// What becomes of them in requests.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Underscores {
    /// They are dropped.
    #[default]
    Drop,
    /// They go on, but for those that read like a header which the router sets or keeps to itself.
    Pass,
}

/// Headers that the router sets or that belong to one connection. Those without `-` have no spelling with `_`; those that begin
/// with `x-forwarded-` are all among them.
const OWN: [&str; 14] = [
    "cdn-loop",
    "client-cert",
    "client-cert-chain",
    "content-length",
    "http2-settings",
    "keep-alive",
    "proxy-authenticate",
    "proxy-authorization",
    "proxy-connection",
    "sec-websocket-key",
    "sec-websocket-version",
    "transfer-encoding",
    "x-real-ip",
    "x-request-id",
];

/// Why a header with `_` in its name is dropped.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum DropReason {
    /// The app's setting says so.
    Setting,
    /// It reads like a header which the router sets or keeps to itself.
    Collision,
}

impl Underscores {
    /// Why the header of this name is dropped; `None` if it goes on. `private` is a header for the router alone.
    pub fn drops(self, name: &[u8], private: Option<&str>) -> Option<DropReason> {
        let reads_like = |own: &str| {
            let same =
                |(one, own): (&u8, u8)| own == if *one == b'_' { b'-' } else { one.to_ascii_lowercase() };
            name.len() == own.len()
                && name.iter().zip(own.bytes().map(|byte| byte.to_ascii_lowercase())).all(same)
        };
        let forwarded = || {
            name.get(..12).is_some_and(|start| {
                let dashed =
                    start.iter().map(|byte| if *byte == b'_' { b'-' } else { byte.to_ascii_lowercase() });
                dashed.eq(b"x-forwarded-".iter().copied())
            })
        };
        match self {
            Self::Drop => Some(DropReason::Setting),
            Self::Pass if OWN.into_iter().chain(private).any(reads_like) || forwarded() => {
                Some(DropReason::Collision)
            }
            Self::Pass => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_reads_like_a_header_of_the_routers_never_passes() {
        let passes = |name: &str| Underscores::Pass.drops(name.as_bytes(), Some("X-Release")).is_none();
        for name in ["user_id", "X_User-Id", "_", "x_release_", "content_length_", "x_forwarded"] {
            assert!(passes(name), "{name}");
            assert_eq!(Underscores::Drop.drops(name.as_bytes(), None), Some(DropReason::Setting));
        }
        for name in [
            "Content_Length",
            "TRANSFER_ENCODING",
            "X_Forwarded_For",
            "x-forwarded_anything",
            "X_REAL-IP",
            "cdn_loop",
            "x_release",
        ] {
            assert!(!passes(name), "{name}");
        }
    }
}
