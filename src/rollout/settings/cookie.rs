//! The pin cookie's name and attributes.

use serde::{Deserialize, Serialize};

use super::{error::SettingsError, names::is_token};
use crate::rollout::host_name::is_host;

/// The pin cookie's attributes. `HttpOnly` is always set; the `Path` is `/`, or what
/// the app's `paths` have in common. What is not set depends on how a request came: a
/// cookie that was set by https is for https alone, and has a name of its own, so that neither shadows the other.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct CookieSettings {
    /// Its name by http: a token (RFC 6265 section 4.1.1). By https `_s` is appended. `__Secure-` needs `secure: true`;
    /// `__Host-` needs that, and no `domain`.
    pub name: String,
    /// Its `Domain`, if any: a host name without a leading dot.
    pub domain: Option<String>,
    /// Its `SameSite`. Not set: `None` by https, else `Lax`. To set `None` needs `secure: true`.
    pub samesite: Option<SameSite>,
    /// Whether it is `Partitioned`. Not set: by https, where it is `SameSite=None`. To set it needs `secure: true`.
    pub partitioned: Option<bool>,
    /// Whether it is `Secure`. Not set: by https.
    pub secure: Option<bool>,
    /// Whether it has no Max-Age, so that browsers drop it when they end.
    pub session: bool,
}

/// A cookie's `SameSite` attribute.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum SameSite {
    /// Sent with navigations from other sites.
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

/// The attributes that depend on how a request came.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct SchemeAttributes {
    /// `SameSite`.
    pub samesite: SameSite,
    /// `Secure`.
    pub secure: bool,
    /// `Partitioned`.
    pub partitioned: bool,
}

impl Default for CookieSettings {
    fn default() -> Self {
        Self {
            name: "rolling_pin".into(),
            domain: None,
            samesite: None,
            partitioned: None,
            secure: None,
            session: false,
        }
    }
}

impl CookieSettings {
    /// The attributes for requests that came by https, or by http.
    pub fn attributes(&self, https: bool) -> SchemeAttributes {
        let secure = self.secure.unwrap_or(https);
        let usual = if https && secure { SameSite::None } else { SameSite::Lax };
        let samesite = self.samesite.unwrap_or(usual);
        let usual = https && samesite == SameSite::None;
        SchemeAttributes { samesite, secure, partitioned: self.partitioned.unwrap_or(usual) }
    }

    /// `path`: the cookies' `Path`.
    pub(super) fn check(&self, path: &str) -> Result<(), SettingsError> {
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
            if self.samesite == Some(SameSite::None) {
                return Err(SettingsError::new("cookie.samesite", message("`None`")));
            }
            if self.partitioned == Some(true) {
                return Err(SettingsError::new("cookie.partitioned", message("a partitioned cookie")));
            }
            if has_prefix(&self.name, "__secure-") || has_prefix(&self.name, "__host-") {
                let message = message("a name that begins with `__Secure-` or `__Host-`");
                return Err(SettingsError::new("cookie.name", message));
            }
        }
        if has_prefix(&self.name, "__host-") && path != "/" {
            let message = format!(
                "a cookie whose name begins with `__Host-` is for all paths, and the app's `paths` make it one for {path}: \
                 choose another name"
            );
            return Err(SettingsError::new("cookie.name", message));
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
