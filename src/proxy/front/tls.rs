//! TLS towards clients: HTTP/1.1 only, TLS 1.2 and 1.3, session resumption, and a certificate that can be replaced while
//! connections are open.
//!
//! Session tickets contain their state, encrypted with a key that only this process knows and changes every few hours. So
//! resuming costs no memory, however many clients there are, and every worker can do it.
//!
//! Deliberately absent: early data, since it may be replayed and the router cannot know what a replay does; one certificate
//! per name.

use std::sync::Arc;

use arc_swap::ArcSwapOption;
use rustls::{
    ServerConfig,
    crypto::aws_lc_rs,
    server::{ClientHello, ResolvesServerCert},
    sign::CertifiedKey,
    version::{TLS12, TLS13},
};

/// The certificate that new handshakes show. Replacing it does not touch open connections. Without one every handshake
/// fails.
#[derive(Debug, Default)]
pub struct Certificate(ArcSwapOption<CertifiedKey>);

impl Certificate {
    /// The first certificate.
    pub fn new(certificate: CertifiedKey) -> Arc<Self> {
        Arc::new(Self(ArcSwapOption::from_pointee(certificate)))
    }

    /// Whether none was shown yet.
    pub fn is_missing(&self) -> bool {
        self.0.load().is_none()
    }

    /// Shows another certificate from now on.
    pub fn replace(&self, certificate: CertifiedKey) {
        self.0.store(Some(Arc::new(certificate)));
    }
}

impl ResolvesServerCert for Certificate {
    /// There is one certificate for every name. A client that asks for a name that is not in it finds out by its own check.
    fn resolve(&self, _: ClientHello<'_>) -> Option<Arc<CertifiedKey>> {
        self.0.load_full()
    }
}

/// The TLS configuration of a listener.
///
/// # Errors
/// The system gives no random numbers for the ticket key.
pub fn server_config(certificate: Arc<Certificate>) -> Result<Arc<ServerConfig>, rustls::Error> {
    let builder = ServerConfig::builder_with_provider(Arc::new(aws_lc_rs::default_provider()));
    let builder = builder.with_protocol_versions(&[&TLS13, &TLS12])?.with_no_client_auth();
    let mut config = builder.with_cert_resolver(certificate);
    config.alpn_protocols = vec![b"http/1.1".to_vec()];
    config.ticketer = aws_lc_rs::Ticketer::new()?;
    Ok(Arc::new(config))
}
