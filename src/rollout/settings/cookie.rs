//! The pin cookie's name and attributes.

use serde::{Deserialize, Serialize};

use super::{
    error::SettingsError,
    names::{is_host, is_token},
};

/// The pin cookie's attributes. `Path=/` and `HttpOnly` are always set.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct CookieSettings {
    /// Its name: a token (RFC 6265 section 4.1.1). `__Secure-` needs `secure: true`; `__Host-` needs that, and no
    /// `domain`.
    pub name: String,
    /// Its `Domain`, if any: a host name without a leading dot.
    pub domain: Option<String>,
    /// Its `SameSite`. `None` needs `secure: true`.
    pub samesite: SameSite,
    /// Whether it is `Partitioned`. Needs `secure: true`.
    pub partitioned: bool,
    /// Whether it is `Secure`. None: it is where http redirects to https.
    pub secure: Option<bool>,
}

/// A cookie's `SameSite` attribute.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
pub enum SameSite {
    /// Sent with navigations from other sites.
    #[default]
    Lax,
    /// Never sent from other sites.
    Strict,
    /// Always sent.
    None,
}

impl SameSite {
    /// As it is written in a Set-Cookie header.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Lax => "Lax",
            Self::Strict => "Strict",
            Self::None => "None",
        }
    }
}

impl Default for CookieSettings {
    fn default() -> Self {
        Self {
            name: "rolling_pin".into(),
            domain: None,
            samesite: SameSite::default(),
            partitioned: false,
            secure: None,
        }
    }
}

impl CookieSettings {
    pub(super) fn check(&self) -> Result<(), SettingsError> {
        if !is_token(&self.name) || self.name.len() > 100 {
            return Err(SettingsError::value("cookie.name", self.name.as_str()));
        }
        if let Some(domain) = &self.domain
            && (!is_host(domain) || domain.parse::<std::net::Ipv4Addr>().is_ok())
        {
            return Err(SettingsError::value("cookie.domain", domain.as_str()));
        }
        if self.secure != Some(true) {
            let message = |what: &str| {
                format!("{what} needs `cookie.secure` to be true: browsers drop the cookie otherwise")
            };
            if self.samesite == SameSite::None {
                return Err(SettingsError::new("cookie.samesite", message("`None`")));
            }
            if self.partitioned {
                return Err(SettingsError::new("cookie.partitioned", message("a partitioned cookie")));
            }
            if has_prefix(&self.name, "__secure-") || has_prefix(&self.name, "__host-") {
                let message = message("a name that begins with `__Secure-` or `__Host-`");
                return Err(SettingsError::new("cookie.name", message));
            }
        }
        if has_prefix(&self.name, "__host-") && self.domain.is_some() {
            let message = "a cookie whose name begins with `__Host-` may have no domain: set it to null";
            return Err(SettingsError::new("cookie.domain", message));
        }
        Ok(())
    }
}

fn has_prefix(name: &str, prefix: &str) -> bool {
    name.get(..prefix.len()).is_some_and(|start| start.eq_ignore_ascii_case(prefix))
}
