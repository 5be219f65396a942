//! Whether clients of an app show a certificate (docs/design.md section 14).

use serde::{Deserialize, Serialize};

use super::{authorities, error::SettingsError};

/// Whether a certificate is asked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum ClientCertificateMode {
    /// Nobody is asked.
    #[default]
    Off,
    /// Clients are asked, and may have none. One that is not valid is refused.
    Optional,
    /// Without a valid one nothing is served.
    Required,
}

/// Whether clients show a certificate in the TLS handshake, and who may have issued it.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct ClientCertificateSettings {
    /// Whether they are asked.
    pub mode: ClientCertificateMode,
    /// The certificates of the authorities that may have issued theirs, as PEM. Clients are not asked without.
    pub ca: Option<Box<str>>,
}

impl ClientCertificateSettings {
    pub(super) fn check(&self) -> Result<(), SettingsError> {
        match self.ca.as_deref() {
            Some(pem) if !authorities::are_valid(pem) => {
                Err(SettingsError::value("client_certificates.ca", pem))
            }
            None if self.mode != ClientCertificateMode::Off => {
                let message =
                    "it needs to be known who may have issued them: set `client_certificates.ca` as well";
                Err(SettingsError::new("client_certificates.mode", message))
            }
            _ => Ok(()),
        }
    }
}
