//! HTTP Strict Transport Security (RFC 6797): browsers that were told so ask for the app by https alone.

use serde::{Deserialize, Serialize};

use super::error::{SettingsError, check_range};

/// The longest time, in seconds: two years, which is what sites that stay use.
const MAX_AGE_MAX: u32 = 63_072_000;
/// The shortest time with which a site is taken into the lists of browsers, in seconds: a year.
const PRELOAD_MAX_AGE_MIN: u32 = 31_536_000;

/// What browsers are told by https. Nothing by http, where anybody could say it.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct HstsSettings {
    /// How long they keep to https, in seconds. 0: no longer. None: they are told nothing.
    pub max_age: Option<u32>,
    /// All names below the host as well.
    pub include_subdomains: bool,
    /// The site asks to be in the lists that browsers are built with.
    pub preload: bool,
}

impl HstsSettings {
    /// Appends the header line, if there is one.
    pub fn write(&self, out: &mut Vec<u8>) {
        let Some(max_age) = self.max_age else { return };
        out.extend_from_slice(format!("strict-transport-security: max-age={max_age}").as_bytes());
        if self.include_subdomains {
            out.extend_from_slice(b"; includeSubDomains");
        }
        if self.preload {
            out.extend_from_slice(b"; preload");
        }
        out.extend_from_slice(b"\r\n");
    }

    pub(super) fn check(&self) -> Result<(), SettingsError> {
        if let Some(max_age) = self.max_age {
            check_range("hsts.max_age", max_age, 0..=MAX_AGE_MAX)?;
        }
        let long = self.max_age.is_some_and(|max_age| max_age >= PRELOAD_MAX_AGE_MIN);
        if self.preload && !(long && self.include_subdomains) {
            let message = format!(
                "true needs include_subdomains, and a max_age of at least {PRELOAD_MAX_AGE_MIN} seconds; browsers list no other site"
            );
            return Err(SettingsError::new("hsts.preload", message));
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_line_says_what_is_set() {
        let line = |max_age, include_subdomains, preload| {
            let mut out = Vec::new();
            HstsSettings { max_age, include_subdomains, preload }.write(&mut out);
            String::from_utf8(out).unwrap()
        };
        assert_eq!(line(None, true, true), "");
        assert_eq!(line(Some(0), false, false), "strict-transport-security: max-age=0\r\n");
        assert_eq!(
            line(Some(MAX_AGE_MAX), true, true),
            "strict-transport-security: max-age=63072000; includeSubDomains; preload\r\n"
        );
    }
}
