//! What clients are known by: the pin cookie, or, for clients that keep no cookies, a header or their address.

use std::{fmt, str::FromStr};

use super::names::is_token;
use crate::rollout::text_form::serde_as_text;

/// The longest name of a header that clients may be known by.
const HEADER_CHARS_MAX: usize = 100;

/// What a client is known by (docs/design.md section 5). In the last two cases nothing is stored with the client: its place
/// follows from a keyed hash of what it is known by.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub enum PinSource {
    /// The pin cookie.
    #[default]
    Cookie,
    /// The value of this header, whose name is in lower case. A request without it counts by its address.
    Header(Box<str>),
    /// Its address. Of an IPv6 address only the network counts, since a client has many addresses in it.
    Address,
}

/// What is allowed as a source, in words.
pub(super) const ALLOWED: &str = "`cookie`, `address`, or `header:` and the name of a header other than Cookie, such as header:x-device-id";

/// A text is not a source.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{ALLOWED}")]
pub struct PinSourceError;

impl FromStr for PinSource {
    type Err = PinSourceError;

    fn from_str(text: &str) -> Result<Self, PinSourceError> {
        let name = match text {
            "cookie" => return Ok(Self::Cookie),
            "address" => return Ok(Self::Address),
            _ => text.strip_prefix("header:").ok_or(PinSourceError)?.to_ascii_lowercase(),
        };
        // The Cookie header holds all cookies; the source `cookie` finds the pin among them.
        if !is_token(&name) || name.len() > HEADER_CHARS_MAX || name == "cookie" {
            return Err(PinSourceError);
        }
        Ok(Self::Header(name.into()))
    }
}

serde_as_text!(PinSource);

impl fmt::Display for PinSource {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Cookie => f.write_str("cookie"),
            Self::Address => f.write_str("address"),
            Self::Header(name) => write!(f, "header:{name}"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_written_is_what_is_read() {
        for text in ["cookie", "address", "header:x-device-id", "header:authorization"] {
            assert_eq!(text.parse::<PinSource>().map(|source| source.to_string()), Ok(text.to_owned()));
        }
        assert_eq!("header:X-Device-Id".parse(), Ok(PinSource::Header("x-device-id".into())));
        let long = format!("header:{}", "a".repeat(101));
        for text in
            ["", "Cookie", "header", "header:", "header:a b", "header:Cookie", "header:a:b", "ip", &long]
        {
            assert_eq!(text.parse::<PinSource>(), Err(PinSourceError), "{text}");
        }
    }
}
