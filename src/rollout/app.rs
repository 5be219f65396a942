//! App names. The host names that apps claim are in their settings.

use std::{fmt, str::FromStr, sync::Arc};

use super::text_form::serde_as_text;

/// The thing being released: `[A-Za-z0-9][A-Za-z0-9._-]{0,62}`, neither `null` nor `router`. Cheap to clone.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct AppName(Arc<str>);

/// A text is not an app's name. The message says what is allowed.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error(
    "an app's name is a letter or digit, then at most 62 of letters, digits, `.`, `_` and `-`; `null` and `router` are reserved"
)]
pub struct AppNameError;

impl AppName {
    /// The name as text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl FromStr for AppName {
    type Err = AppNameError;

    fn from_str(text: &str) -> Result<Self, AppNameError> {
        let starts = text.bytes().next().is_some_and(|byte| byte.is_ascii_alphanumeric());
        let allowed = |byte: u8| byte.is_ascii_alphanumeric() || b"._-".contains(&byte);
        let taken = matches!(text, "null" | "router");
        if !starts || text.len() > 63 || !text.bytes().all(allowed) || taken {
            return Err(AppNameError);
        }
        Ok(Self(text.into()))
    }
}

impl fmt::Display for AppName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl fmt::Debug for AppName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl std::borrow::Borrow<str> for AppName {
    fn borrow(&self) -> &str {
        &self.0
    }
}

serde_as_text!(AppName, AppName::as_str);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn takes_names_that_fit_into_a_key_and_a_metric() {
        let longest = "a".repeat(63);
        for name in ["shop", "Shop-1.eu_2", "0", "nullable", &longest] {
            assert_eq!(name.parse::<AppName>().map(|app| app.to_string()), Ok(name.to_owned()));
        }
    }

    #[test]
    fn refuses_what_is_no_name() {
        let long = "a".repeat(64);
        for name in ["", "null", "router", ".", "..", "-a", "_a", "a/b", "a b", "\u{e4}", "a\n", &long] {
            assert_eq!(name.parse::<AppName>(), Err(AppNameError), "{name:?}");
        }
    }
}
