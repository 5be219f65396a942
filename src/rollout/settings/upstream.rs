//! How the endpoints of an app are spoken with.

use rustls::pki_types::CertificateDer;
use serde::{Deserialize, Serialize};

use super::{authorities, error::SettingsError};
use crate::rollout::host_name::is_host;

/// The protocol of an app's endpoints.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Upstream {
    /// HTTP/1.1.
    #[default]
    Http,
    /// HTTP/1.1 in TLS.
    Https,
    /// HTTP/2 by prior knowledge.
    H2c,
    /// HTTP/2 in TLS.
    H2,
}

impl Upstream {
    /// Whether TLS is around it.
    pub fn is_secure(self) -> bool {
        matches!(self, Self::Https | Self::H2)
    }

    /// Whether it is HTTP/2.
    pub fn is_http2(self) -> bool {
        matches!(self, Self::H2c | Self::H2)
    }
}

/// How endpoints prove in TLS who they are. Without a valid certificate nothing is sent to them.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Default, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct UpstreamTlsSettings {
    /// The name that their certificates must be for, which is also asked for (SNI). None: the app's first exact host, or else the
    /// endpoint's address.
    pub server_name: Option<String>,
    /// The certificates of the authorities that may have issued theirs, as PEM. None: those that the router's system trusts.
    pub ca: Option<Box<str>>,
    /// The name of the certificate that is shown to an endpoint which asks for one, in the router's folder of them. None: none is.
    pub certificate: Option<String>,
}

impl UpstreamTlsSettings {
    /// The authorities of its own, if it has some.
    pub fn authorities(&self) -> Option<Vec<CertificateDer<'static>>> {
        authorities::read(self.ca.as_deref()?)
    }

    pub(super) fn canonicalise(&mut self) {
        if let Some(name) = &mut self.server_name {
            name.make_ascii_lowercase();
        }
    }

    pub(super) fn check(&self) -> Result<(), SettingsError> {
        if let Some(name) = self.server_name.as_deref().filter(|name| !is_host(name)) {
            return Err(SettingsError::value("upstream_tls.server_name", name));
        }
        if let Some(name) = self.certificate.as_deref().filter(|name| !is_file_name(name)) {
            return Err(SettingsError::value("upstream_tls.certificate", name));
        }
        match self.ca.as_deref().filter(|pem| !authorities::are_valid(pem)) {
            Some(pem) => Err(SettingsError::value("upstream_tls.ca", pem)),
            None => Ok(()),
        }
    }
}

/// A name that stays in its folder.
fn is_file_name(name: &str) -> bool {
    let allowed = |byte: u8| byte.is_ascii_alphanumeric() || b"-_.".contains(&byte);
    (1..=64).contains(&name.len()) && !name.starts_with('.') && name.bytes().all(allowed)
}
