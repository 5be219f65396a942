//! Settings of one app: a documented schema with defaults, parsed once (docs/design.md section 3).
//!
//! Stored as JSON at `rolling/<app>/settings`. Every field may be missing; an unknown one is an error, since a
//! misspelt setting that is silently without effect is found out in an incident. Nothing stands here that the
//! router would accept without acting on it.

mod allowed;
pub mod assets;
mod check;
pub mod health;
pub mod pin;
#[cfg(test)]
mod schema;
pub mod shielding;
pub mod testers;

use serde::{Deserialize, Serialize};

pub use self::assets::AssetSettings;
pub use self::check::is_host;
pub use self::health::HealthSettings;
pub use self::pin::PinSource;
pub use self::shielding::ShieldingSettings;
pub use self::testers::OverrideSettings;

/// All settings of an app, valid by construction. Missing fields take their defaults.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Settings {
    /// Host names the app claims: exact (`shop.example`) or `*.shop.example`. Empty: only by default.
    pub hosts: Vec<String>,
    /// How long after a release left its track a navigation moves its clients, in seconds. At most
    /// `drainmaxseconds`.
    pub drainseconds: u32,
    /// When a draining release retires whoever is left, in seconds. At most 30 days.
    pub drainmaxseconds: u32,
    /// How long open exchanges of an aborted or rolled-back release may go on, in seconds. At most an hour.
    pub abortseconds: u32,
    /// The pin cookie's Max-Age, in seconds: a minute to 400 days, which is the most that browsers keep a cookie.
    pub pinseconds: u32,
    /// What clients are known by.
    pub pin: PinSource,
    /// What a blend change does to pinned clients.
    pub transition: Transition,
    /// The pin cookie.
    pub cookie: CookieSettings,
    /// Whether responses get `private` while several releases are routed.
    pub cache: CacheMode,
    /// What becomes of trace context.
    pub traceparent: Traceparent,
    /// Which paths are fingerprinted assets.
    pub assets: AssetSettings,
    /// How endpoints are checked.
    pub health: HealthSettings,
    /// Whether stable answers what the candidate failed.
    pub shielding: ShieldingSettings,
    /// A header that sends requests from some networks to a release.
    #[serde(rename = "override")]
    pub overriding: OverrideSettings,
    /// The highest blend a `ci` token may set, in percent; none: no cap.
    pub ci_blend_max: Option<super::blend::Blend>,
}

/// What a blend change does to pinned clients.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Transition {
    /// Nothing.
    #[default]
    Keep,
    /// A top-level navigation is routed by bucket again.
    Navigate,
}

/// Whether the router guards responses against shared caches while several releases are routed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum CacheMode {
    /// It does.
    #[default]
    Guard,
    /// The app knows better.
    Trust,
}

/// What the router does about the trace a request belongs to (W3C Trace Context level 1).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Traceparent {
    /// It passes on what the client sent, whatever it is.
    #[default]
    Pass,
    /// It passes on a valid `traceparent`, and begins a sampled trace where there is none.
    Create,
}

/// The pin cookie's attributes. `Path=/` and `HttpOnly` are not for choice.
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
    /// Whether it is `Secure`; none: where http redirects to https.
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

impl Default for Settings {
    fn default() -> Self {
        Self {
            hosts: Vec::new(),
            drainseconds: 300,
            drainmaxseconds: 3_600,
            abortseconds: 10,
            pinseconds: 86_400,
            pin: PinSource::default(),
            transition: Transition::default(),
            cookie: CookieSettings::default(),
            cache: CacheMode::default(),
            traceparent: Traceparent::default(),
            assets: AssetSettings::default(),
            health: HealthSettings::default(),
            shielding: ShieldingSettings::default(),
            overriding: OverrideSettings::default(),
            ci_blend_max: None,
        }
    }
}

/// A setting that cannot be taken.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{field}: {message}")]
pub struct SettingsError {
    /// The field, as a path such as `cookie.name`; `.` for the whole.
    pub field: String,
    /// What is allowed.
    pub message: String,
}

/// The most bytes of JSON that are read as settings.
pub const SETTINGS_BYTES_MAX: usize = 64 * 1024;

impl Settings {
    /// Parses and checks the stored JSON.
    pub fn parse(json: &[u8]) -> Result<Self, SettingsError> {
        let whole = |message: String| SettingsError { field: ".".into(), message };
        if json.len() > SETTINGS_BYTES_MAX {
            return Err(whole(format!("settings have at most {SETTINGS_BYTES_MAX} bytes")));
        }
        if json.trim_ascii_start().first() != Some(&b'{') {
            return Err(whole("settings are a JSON object, such as {}".into()));
        }
        let no_json = |error: serde_json::Error| whole(format!("settings are one JSON object: {error}"));
        let mut reader = serde_json::Deserializer::from_slice(json);
        let read = serde_path_to_error::deserialize(&mut reader);
        let mut settings: Self = match read {
            Ok(settings) => settings,
            Err(error) => {
                // The whole of it: what is no JSON is so wherever its author looks first.
                let document = serde_json::from_slice(json).map_err(no_json)?;
                return Err(allowed::fault(&document, &error.path().to_string()));
            }
        };
        reader.end().map_err(no_json)?;
        settings.canonicalise();
        settings.check()?;
        Ok(settings)
    }

    /// Host names are compared in lower case.
    fn canonicalise(&mut self) {
        self.hosts.iter_mut().for_each(|host| host.make_ascii_lowercase());
        self.hosts.sort_unstable();
        self.hosts.dedup();
        if let Some(domain) = &mut self.cookie.domain {
            domain.make_ascii_lowercase();
        }
    }
}
