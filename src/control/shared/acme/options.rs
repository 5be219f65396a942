//! Which CA is asked for certificates, and how.

use serde::{Deserialize, Serialize};

/// How a CA sees that a host leads here.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum Challenge {
    /// By a path on port 80 (RFC 8555 section 8.3).
    #[serde(rename = "http-01")]
    Http01,
    /// By a handshake on port 443 (RFC 8737).
    #[serde(rename = "tls-alpn-01")]
    TlsAlpn01,
}

/// The CA that is asked.
#[derive(Clone)]
pub struct AcmeOptions {
    /// The URL of its directory.
    pub directory: String,
    /// Mail addresses.
    pub contact: Vec<String>,
    /// The key id and the HMAC key of an account with the CA.
    pub external_account: Option<(String, Vec<u8>)>,
    /// PEM: whom to trust as its server; none: whom the machine trusts.
    pub roots: Option<Vec<u8>>,
    /// At least one. Each attempt for a host takes the next one.
    pub challenges: Vec<Challenge>,
    /// Orders for a registered domain within seven days.
    pub orders_per_week: u32,
}

impl std::fmt::Debug for AcmeOptions {
    /// Without the key.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("AcmeOptions").field("directory", &self.directory).finish_non_exhaustive()
    }
}
