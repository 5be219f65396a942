//! Settings of one app: a documented schema with defaults, parsed once (docs/design.md section 3).
//!
//! They are stored as JSON at `rolling/<app>/settings`. Every field may be missing. An unknown field is an error: a misspelt
//! setting would otherwise have no effect, and somebody would find that out in an incident. The router acts on every setting
//! that it accepts.

mod allowed;
mod app;
pub mod assets;
mod authorities;
mod certificate;
mod client_certificates;
pub mod compression;
mod cookie;
mod error;
pub mod error_pages;
pub mod headers;
pub mod health;
pub mod hsts;
mod names;
mod parse;
mod paths;
pub mod pin;
mod proxy_protocol;
#[cfg(test)]
mod schema;
pub mod shadow;
pub mod shielding;
pub mod testers;
#[cfg(test)]
mod tests;
pub mod timeouts;
mod upgrades;
mod upstream;
pub mod verdict;

pub use self::{
    app::{CacheMode, Settings, Traceparent, Transition},
    assets::AssetSettings,
    certificate::CertificateSource,
    client_certificates::{ClientCertificateMode, ClientCertificateSettings},
    compression::CompressionSettings,
    cookie::{CookieSettings, SameSite, SchemeAttributes},
    error::SettingsError,
    health::HealthSettings,
    parse::{SETTINGS_BYTES_MAX, remove_unknown},
    pin::PinSource,
    shadow::ShadowSettings,
    shielding::ShieldingSettings,
    testers::OverrideSettings,
    timeouts::{Timeout, TimeoutSettings},
    upgrades::Upgrade,
    upstream::{Upstream, UpstreamTlsSettings},
    verdict::{FailingStatuses, OnWorse, VerdictSettings},
};
