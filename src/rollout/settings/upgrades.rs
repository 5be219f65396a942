//! Protocols beside WebSockets to which connections may be switched (docs/http.md row 28).

use serde::{Deserialize, Serialize};

/// A protocol.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub enum Upgrade {
    /// Bytes without any form, as Docker's API has them.
    #[serde(rename = "tcp")]
    Tcp,
    /// What kubectl speaks with its API server.
    #[serde(rename = "SPDY/3.1")]
    Spdy,
}

impl Upgrade {
    /// Its name in an Upgrade header.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Tcp => "tcp",
            Self::Spdy => "SPDY/3.1",
        }
    }
}
