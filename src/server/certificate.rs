//! The certificates in use: read at the start, again when their files change, and on SIGHUP. A router that served before starts
//! without one that is missing, since plain http need not wait for it; then it is looked for until it is there.

use std::{sync::Arc, time::Duration};

use parking_lot::Mutex;
use rustls::sign::CertifiedKey;

use super::error::Error;
use crate::{
    clock::Clock,
    config::{self, CertificateFiles, ConfigError},
    file_stamp::{Stamp, stamp},
    live::{self, certificates::FileCertificate},
    proxy::front::tls::{Certificates, names},
};

/// How often a certificate is looked for that was missing at the start.
const LOOK_EVERY: Duration = Duration::from_secs(1);
/// How often it is looked whether files have changed: who renews certificates does so weeks before they end.
const WATCH_EVERY: Duration = Duration::from_secs(5);

/// The certificates in use, and where they came from.
#[derive(Clone)]
pub struct LiveCertificates {
    /// Where they came from.
    pub files: config::Tls,
    pub shown: Arc<Certificates>,
    /// The files of each as they were read last.
    read: Arc<Mutex<Vec<[Stamp; 2]>>>,
}

impl LiveCertificates {
    /// Reads the certificates. Of a router that served before, one that cannot be read now is an outage.
    /// `issued`: those of a CA, which is asked if it `orders`.
    pub fn read(
        files: &config::Tls,
        served_before: bool,
        issued: Arc<live::certificates::LiveCertificates>,
        orders: bool,
    ) -> Result<Self, Error> {
        let count = files.pairs.len();
        let shown = Arc::new(Certificates::missing(count, issued, orders));
        let live = Self { files: files.clone(), shown, read: Arc::new(Mutex::new(vec![[None; 2]; count])) };
        for index in 0..count {
            match live.take(index) {
                Err(error) if served_before => {
                    let admin =
                        if files.admin { "; so does the admin port, which speaks https alone" } else { "" };
                    tracing::error!(
                        "TLS handshakes fail until the certificate can be read, which is tried every second; plain http is \
                         served{admin}: {error}"
                    );
                }
                taken => taken?,
            }
        }
        Ok(live)
    }

    /// Looks for certificates that were missing at the start until they can be read, and tells why they cannot.
    pub async fn wait_for_files(self, tell: impl Fn(Option<String>)) {
        loop {
            let missing: Vec<usize> = self.indexes().filter(|index| self.shown.is_missing(*index)).collect();
            let mut fault = None;
            for index in missing {
                match self.take(index) {
                    Ok(()) => tracing::info!("the certificate was read from {}", self.name(index)),
                    Err(error) => fault = Some(format!("TLS is not served: {error}")),
                }
            }
            let Some(fault) = fault else { break };
            tell(Some(fault));
            tokio::time::sleep(LOOK_EVERY).await;
        }
        tell(None);
    }

    /// Takes each certificate anew whose files change, for ever.
    pub async fn watch_files(self) {
        loop {
            tokio::time::sleep(WATCH_EVERY).await;
            let changed = |index: &usize| self.stamps(*index) != self.read.lock()[*index];
            self.indexes()
                .filter(|index| !self.shown.is_missing(*index))
                .filter(changed)
                .for_each(|index| self.renew(index));
        }
    }

    /// Takes new certificates for the handshakes to come; one that cannot be used changes nothing.
    pub fn read_again(&self) {
        self.indexes().for_each(|index| self.renew(index));
    }

    fn renew(&self, index: usize) {
        match self.take(index) {
            Ok(()) => tracing::info!("the certificate was read again from {}", self.name(index)),
            Err(error) => {
                self.shown.live().note_failed_read();
                tracing::error!("the certificate stays as it was: {error}");
            }
        }
    }

    /// Reads one of them, and shows it.
    fn take(&self, index: usize) -> Result<(), ConfigError> {
        // Before the files are read: what changes meanwhile is read again.
        self.read.lock()[index] = self.stamps(index);
        let pair = &self.files.pairs[index];
        let read = pair.read();
        self.tell(index, read.as_ref());
        let certificate = read?;
        warn_of_expiry(pair, &certificate);
        self.shown.replace(index, certificate);
        Ok(())
    }

    /// Notes what is known of one of them, for those who ask. Of files that cannot be used, what they were before stays.
    fn tell(&self, index: usize, read: Result<&CertifiedKey, &ConfigError>) {
        let live = self.shown.live();
        let file = match read {
            Ok(read) => FileCertificate {
                file: self.name(index),
                names: names(read),
                ends_at: config::ends_at(read),
                fault: None,
            },
            Err(error) => {
                let known = live.files().get(index).cloned();
                let unread = || FileCertificate {
                    file: self.name(index),
                    names: Vec::new(),
                    ends_at: None,
                    fault: None,
                };
                FileCertificate { fault: Some(error.to_string()), ..known.unwrap_or_else(unread) }
            }
        };
        live.set_file(index, &file);
    }

    fn stamps(&self, index: usize) -> [Stamp; 2] {
        let CertificateFiles { certificate, key } = &self.files.pairs[index];
        [stamp(certificate), stamp(key)]
    }

    fn indexes(&self) -> impl Iterator<Item = usize> + use<> {
        0..self.files.pairs.len()
    }

    fn name(&self, index: usize) -> String {
        self.files.pairs[index].certificate.display().to_string()
    }
}

/// Says that clients refuse the certificate. It is shown all the same: one that they can look at is better than none.
fn warn_of_expiry(pair: &CertificateFiles, certificate: &CertifiedKey) {
    if let Some(fault) = config::expiry(certificate, Clock::system().wall_ms()) {
        tracing::error!("{}: {fault}", pair.certificate.display());
    }
}
