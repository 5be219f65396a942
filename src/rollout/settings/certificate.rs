//! Where the certificates of an app's hosts come from.

use serde::{Deserialize, Serialize};

/// Where the certificates of an app's hosts come from.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum CertificateSource {
    /// Files of each router.
    #[default]
    Files,
    /// A CA, by ACME (RFC 8555): one for each exact host.
    Acme,
}
