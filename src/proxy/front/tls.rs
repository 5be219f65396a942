//! TLS towards clients: HTTP/1.1 only, TLS 1.2 and 1.3, sessions that resume, a certificate that can be exchanged
//! while connections are open.
//!
//! Session tickets hold their state themselves, sealed with a key that only this process knows and changes every few
//! hours: resuming costs no memory, whatever the number of clients, and all workers can do it.
//!
//! Deliberately absent: early data, since it may be replayed and a router cannot know what a replay does; one
//! certificate per name.

use std::sync::Arc;

use arc_swap::ArcSwap;
use rustls::{
    ServerConfig,
    crypto::aws_lc_rs,
    server::{ClientHello, ResolvesServerCert},
    sign::CertifiedKey,
    version::{TLS12, TLS13},
};

/// The certificate that handshakes show from now on; replacing it leaves open connections alone.
#[derive(Debug)]
pub struct Certificate(ArcSwap<CertifiedKey>);

impl Certificate {
    /// Starts with this one.
    pub fn new(certificate: CertifiedKey) -> Arc<Self> {
        Arc::new(Self(ArcSwap::from_pointee(certificate)))
    }

    /// Goes on with another one.
    pub fn replace(&self, certificate: CertifiedKey) {
        self.0.store(Arc::new(certificate));
    }
}

impl ResolvesServerCert for Certificate {
    /// There is one for every name, so who asks by a name that it does not hold is told by their own check.
    fn resolve(&self, _: ClientHello<'_>) -> Option<Arc<CertifiedKey>> {
        Some(self.0.load_full())
    }
}

/// What a listener needs.
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
