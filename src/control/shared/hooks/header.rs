//! A header that a hook's receiver asks for, such as `Authorization`. Its value is a secret: it is written, and shown nowhere.

use std::fmt;

use reqwest::header::{HeaderName, HeaderValue};
use serde::{Deserialize, Serialize};

/// The longest value, in bytes: tokens of cloud services have up to 2,000.
const VALUE_BYTES_MAX: usize = 4_096;

/// What stands in the place of the value.
const SECRET: &str = "(secret)";
/// So much of a secret tells something of it: a shorter piece stands in any text by chance.
const TELLING_BYTES: usize = 6;

/// What the router or HTTP says itself. Beside these, whatever begins with `webhook-`.
const OWN: [&str; 11] = [
    "connection",
    "content-length",
    "content-type",
    "expect",
    "host",
    "keep-alive",
    "te",
    "trailer",
    "transfer-encoding",
    "upgrade",
    "user-agent",
];

/// A header as it is stored and sent.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct HookHeader {
    name: String,
    value: String,
}

/// What is wrong with a header.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum HookHeaderError {
    #[error(
        "allowed is the name of a header, such as Authorization, that is neither HTTP's own (Host, Content-Type, ...) nor \
         begins with webhook-"
    )]
    Name,
    #[error("allowed are 1 to {VALUE_BYTES_MAX} visible ASCII characters and blanks, none at the ends")]
    Value,
}

impl HookHeader {
    /// Checks one.
    pub fn new(name: &str, value: &str) -> Result<Self, HookHeaderError> {
        let known = HeaderName::from_bytes(name.as_bytes()).map_err(|_| HookHeaderError::Name)?;
        if OWN.contains(&known.as_str()) || known.as_str().starts_with("webhook-") {
            return Err(HookHeaderError::Name);
        }
        let visible = value.bytes().all(|byte| (b' '..=b'~').contains(&byte));
        if value.trim() != value || value.is_empty() || value.len() > VALUE_BYTES_MAX || !visible {
            return Err(HookHeaderError::Value);
        }
        Ok(Self { name: known.to_string(), value: value.to_owned() })
    }

    /// Its name, in lower case.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// As it is sent; the client shows its value in no log. `None` if it was stored by something else and cannot be sent.
    pub fn to_line(&self) -> Option<(HeaderName, HeaderValue)> {
        let name = HeaderName::from_bytes(self.name.as_bytes()).ok()?;
        let mut value = HeaderValue::from_str(&self.value).ok()?;
        value.set_sensitive(true);
        Some((name, value))
    }

    /// A receiver's answer less the value, which a receiver may repeat. The answer was cut off somewhere.
    pub fn hide_in(&self, answer: &str) -> String {
        let token = self.value.rsplit(' ').next().unwrap_or_default();
        let mut shown = answer.replace(&self.value, SECRET);
        if token.len() >= TELLING_BYTES {
            shown = shown.replace(token, SECRET);
        }
        for secret in [self.value.as_str(), token] {
            let cut = (0..shown.len()).find(|at| shown.get(*at..).is_some_and(|end| secret.starts_with(end)));
            if let Some(at) = cut.filter(|at| shown.len() - at >= TELLING_BYTES) {
                shown.replace_range(at.., SECRET);
            }
        }
        shown
    }
}

impl fmt::Debug for HookHeader {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("HookHeader").field("name", &self.name).finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_http_or_the_router_says_itself_is_no_header_of_a_hook() {
        let name = |name| HookHeader::new(name, "x").map(|header| header.name);
        assert_eq!(name("Authorization"), Ok("authorization".into()));
        assert_eq!(name("X-Auth_Token"), Ok("x-auth_token".into()));
        for wrong in [
            "",
            "a b",
            "a:b",
            "a\r\nb",
            "Host",
            "Content-Length",
            "Webhook-Signature",
            "Transfer-Encoding",
            "ä",
        ] {
            assert_eq!(name(wrong), Err(HookHeaderError::Name), "{wrong:?}");
        }
        for wrong in ["", " x", "x ", "a\r\nHost: b", "a\0", "ä", &"x".repeat(VALUE_BYTES_MAX + 1)] {
            assert_eq!(HookHeader::new("a", wrong).map(drop), Err(HookHeaderError::Value), "{wrong:?}");
        }
    }

    #[test]
    fn its_value_is_shown_by_no_accident() {
        let header = HookHeader::new("Authorization", "Bearer hunter2").unwrap();
        assert!(!format!("{header:?} {:?}", header.to_line()).contains("hunter2"));
        for (answer, shown) in [
            ("you sent Bearer hunter2, ok", "you sent (secret), ok"),
            (r#"{"token":"hunter2"}"#, r#"{"token":"(secret)"}"#),
            ("cut off: Bearer hunt", "cut off: (secret)"),
            ("cut off: hunter", "cut off: (secret)"),
            ("thanks, Bear", "thanks, Bear"),
            ("", ""),
        ] {
            assert_eq!(header.hide_in(answer), shown);
        }
    }
}
