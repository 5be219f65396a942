//! What the TLS handshake of a connection decides about its requests.

use std::sync::Arc;

use super::certificate_names::CertificateNames;
use crate::proxy::worker::client_certificate::ClientCertificate;

/// What the handshake decided. Connections for whose requests it decided nothing have none of this.
#[derive(Debug)]
pub struct HandshakeFacts {
    /// Which hosts belong on the connection. `None`: all.
    pub names: Option<Arc<CertificateNames>>,
    /// What the client showed. `None`: it was not asked.
    pub certificate: Option<ClientCertificate>,
}

impl HandshakeFacts {
    /// What was found, if anything was.
    pub fn new(
        names: Option<Arc<CertificateNames>>,
        certificate: Option<ClientCertificate>,
    ) -> Option<Arc<Self>> {
        (names.is_some() || certificate.is_some()).then(|| Arc::new(Self { names, certificate }))
    }
}
