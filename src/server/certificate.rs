//! The certificate in use: read at the start, and again on SIGHUP.

use std::sync::Arc;

use rustls::sign::CertifiedKey;

use super::error::Error;
use crate::{clock::Clock, config, proxy::front::tls::Certificate};

/// The certificate in use, and where it came from.
pub struct LiveCertificate {
    /// Where it came from.
    pub files: config::Tls,
    pub certificate: Arc<Certificate>,
}

impl LiveCertificate {
    pub fn read(files: &config::Tls) -> Result<Self, Error> {
        let certificate = files.read()?;
        warn_of_expiry(files, &certificate);
        Ok(Self { files: files.clone(), certificate: Certificate::new(certificate) })
    }

    /// Takes a new certificate for the handshakes to come; one that cannot be used changes nothing.
    pub fn read_again(&self) {
        let file = self.files.certificate.display();
        match self.files.read() {
            Ok(certificate) => {
                warn_of_expiry(&self.files, &certificate);
                self.certificate.replace(certificate);
                tracing::info!("the certificate was read again from {file}");
            }
            Err(error) => tracing::error!("the certificate stays as it was: {error}"),
        }
    }
}

/// Says that clients refuse the certificate. It is shown all the same: one that they can look at is better than none.
fn warn_of_expiry(files: &config::Tls, certificate: &CertifiedKey) {
    if let Some(fault) = config::expiry(certificate, Clock::system().wall_ms()) {
        tracing::error!("{}: {fault}", files.certificate.display());
    }
}
