//! What the TLS handshake of a connection found out about its client.

use std::sync::Arc;

use crate::rollout::client_policy::ClientPolicy;

/// The answer of a client that was asked for a certificate.
#[derive(Debug)]
pub struct ClientCertificate {
    /// What it was asked for.
    pub policy: Arc<ClientPolicy>,
    /// The header line that tells endpoints of its certificate, which is valid. None: it has none.
    pub line: Option<Box<[u8]>>,
}

/// What the handshake of a connection says of its client.
#[derive(Debug, Clone, Copy)]
pub enum Handshake<'a> {
    /// There was none: the connection is without TLS, or came by the admin port.
    None,
    /// The client was not asked for a certificate.
    Unasked,
    /// It was asked.
    Asked(&'a ClientCertificate),
}
