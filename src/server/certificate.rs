//! The certificate in use: read at the start, and again on SIGHUP. A router that served before starts without it, since plain
//! http need not wait for it; then it is looked for until it is there.

use std::{sync::Arc, time::Duration};

use rustls::sign::CertifiedKey;

use super::error::Error;
use crate::{clock::Clock, config, proxy::front::tls::Certificate};

/// How often a certificate is looked for that was missing at the start.
const LOOK_EVERY: Duration = Duration::from_secs(1);

/// The certificate in use, and where it came from.
#[derive(Clone)]
pub struct LiveCertificate {
    /// Where it came from.
    pub files: config::Tls,
    pub certificate: Arc<Certificate>,
}

impl LiveCertificate {
    /// Reads the certificate. Of a router that served before, one that cannot be read now is an outage.
    pub fn read(files: &config::Tls, served_before: bool) -> Result<Self, Error> {
        let certificate = match files.read() {
            Ok(certificate) => {
                warn_of_expiry(files, &certificate);
                Certificate::new(certificate)
            }
            Err(error) if served_before => {
                let admin =
                    if files.admin { "; so does the admin port, which speaks https alone" } else { "" };
                tracing::error!(
                    "TLS handshakes fail until the certificate can be read, which is tried every second; plain http is \
                     served{admin}: {error}"
                );
                Arc::default()
            }
            Err(error) => return Err(error.into()),
        };
        Ok(Self { files: files.clone(), certificate })
    }

    /// Looks for a certificate that was missing at the start until it can be read, and tells why it cannot.
    pub async fn wait_for_files(self, tell: impl Fn(Option<String>)) {
        while self.certificate.is_missing() {
            match self.files.read() {
                Ok(certificate) => {
                    warn_of_expiry(&self.files, &certificate);
                    self.certificate.replace(certificate);
                    tracing::info!("the certificate was read from {}", self.files.certificate.display());
                }
                Err(error) => {
                    tell(Some(format!("TLS is not served: {error}")));
                    tokio::time::sleep(LOOK_EVERY).await;
                }
            }
        }
        tell(None);
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
