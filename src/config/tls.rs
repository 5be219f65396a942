//! TLS: where it is spoken, and the certificates that are shown there.
//!
//! Both files are read here. So `check` finds a broken certificate before a router does, and a router that reads them again
//! applies the same rules.

use std::{fs, net::SocketAddr, path::PathBuf};

use rustls::{
    crypto::aws_lc_rs,
    pki_types::{CertificateDer, PrivateKeyDer, pem::PemObject},
    sign::CertifiedKey,
};

use super::{
    certificate_dates::not_after,
    error::ConfigError,
    setting::{self, Setting},
};

/// What an expiry is told in.
const SECONDS_PER_DAY: u64 = 24 * 3_600;

/// Where TLS is spoken, and the certificates that are shown there.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Tls {
    /// Where end users are served; none: they are not. Port 0 takes any free one.
    pub listen: Vec<SocketAddr>,
    /// Whether the admin port speaks it.
    pub admin: bool,
    /// The certificates; at least one, unless a CA issues some. Who asks for no name is shown the first.
    pub pairs: Vec<CertificateFiles>,
}

/// A certificate and its key.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CertificateFiles {
    /// A PEM file: the certificate, then those that lead from it to a root.
    pub certificate: PathBuf,
    /// A PEM file: the certificate's private key, not encrypted.
    pub key: PathBuf,
}

impl Tls {
    /// From the settings: certificates with their keys, and at least one port that shows them, or none of them. `acme`: a CA
    /// issues certificates for the front.
    pub(super) fn from_settings(
        listen: Option<Vec<SocketAddr>>,
        admin: bool,
        certificates: Option<Vec<PathBuf>>,
        keys: Option<Vec<PathBuf>>,
        acme: bool,
    ) -> Result<Option<Self>, ConfigError> {
        let spoken = listen.is_some() || admin;
        let missing: Vec<String> = [
            (setting::LISTEN_TLS.name, !spoken),
            (setting::TLS_CERTIFICATE.name, certificates.is_none()),
            (setting::TLS_KEY.name, keys.is_none()),
        ]
        .into_iter()
        .filter(|(_, missing)| *missing)
        .map(|(name, _)| format!("`{name}`"))
        .collect();
        match (spoken, certificates, keys) {
            (true, Some(certificates), Some(keys)) => {
                let pairs = pairs(certificates, keys)?;
                Ok(Some(Self { listen: listen.unwrap_or_default(), admin, pairs }))
            }
            (true, None, None) if acme && !admin => {
                Ok(Some(Self { listen: listen.unwrap_or_default(), admin, pairs: Vec::new() }))
            }
            (false, None, None) => Ok(None),
            _ => Err(ConfigError::Contradiction(format!(
                "{} belong together: {} not given",
                match (listen.is_some(), admin) {
                    (false, true) => "`admin_tls`, `tls_certificate` and `tls_key`",
                    _ => "`listen_tls` (or `admin_tls`), `tls_certificate` and `tls_key`",
                },
                match &missing[..] {
                    [one] => format!("{one} is"),
                    many => format!("{} are", many.join(" and ")),
                }
            ))),
        }
    }
}

/// Each certificate with its key, which is named in the same place.
fn pairs(certificates: Vec<PathBuf>, keys: Vec<PathBuf>) -> Result<Vec<CertificateFiles>, ConfigError> {
    if certificates.len() != keys.len() {
        return Err(ConfigError::Contradiction(format!(
            "`tls_certificate` has {} and `tls_key` has {}: each certificate needs its key, in the same order",
            files(certificates.len()),
            files(keys.len())
        )));
    }
    let each = certificates.into_iter().zip(keys);
    Ok(each.map(|(certificate, key)| CertificateFiles { certificate, key }).collect())
}

fn files(count: usize) -> String {
    if count == 1 { "1 file".to_owned() } else { format!("{count} files") }
}

impl CertificateFiles {
    /// Reads both files: the chain and its key, known to belong together.
    ///
    /// # Errors
    /// A file cannot be read, does not hold what it should, or the key is another certificate's.
    pub fn read(&self) -> Result<CertifiedKey, ConfigError> {
        let certificate = |fault| refused(&setting::TLS_CERTIFICATE, &self.certificate, fault);
        let key = |fault| refused(&setting::TLS_KEY, &self.key, fault);
        let chain = read_chain(&self.certificate).map_err(certificate)?;
        let private = read_key(&self.key).map_err(key)?;
        CertifiedKey::from_der(chain, private, &aws_lc_rs::default_provider()).map_err(|error| match error {
            rustls::Error::InconsistentKeys(_) => key(format!(
                "the file has the key of another certificate than {}",
                self.certificate.display()
            )),
            rustls::Error::InvalidCertificate(why) => {
                certificate(format!("the file has a certificate that cannot be used: {why}"))
            }
            other => key(format!("the key cannot be used: {other}")),
        })
    }
}

/// When the first certificate of a chain ends, in Unix seconds; none: it cannot be told.
pub fn ends_at(certificate: &CertifiedKey) -> Option<u64> {
    certificate.cert.iter().filter_map(|der| not_after(der)).min()
}

/// What clients would say of a certificate at a time (Unix ms); none: nothing. They refuse one that has expired.
pub fn expiry(certificate: &CertifiedKey, wall_ms: u64) -> Option<String> {
    let ends = ends_at(certificate)?;
    let ago = (wall_ms / 1_000).checked_sub(ends)? / SECONDS_PER_DAY;
    Some(format!("the certificate expired {ago} days ago, and clients refuse it"))
}

fn refused(setting: &'static Setting, path: &std::path::Path, fault: String) -> ConfigError {
    ConfigError::Certificate { setting, path: path.into(), fault }
}

fn read_chain(path: &std::path::Path) -> Result<Vec<CertificateDer<'static>>, String> {
    let bytes = fs::read(path).map_err(|error| format!("the file cannot be read: {error}"))?;
    let chain = CertificateDer::pem_slice_iter(&bytes).collect::<Result<Vec<_>, _>>();
    let chain = chain.map_err(|error| format!("the file is not PEM: {error}"))?;
    if chain.is_empty() { Err("the file has no certificate".into()) } else { Ok(chain) }
}

fn read_key(path: &std::path::Path) -> Result<PrivateKeyDer<'static>, String> {
    use rustls::pki_types::pem::Error;
    let bytes = fs::read(path).map_err(|error| format!("the file cannot be read: {error}"))?;
    PrivateKeyDer::from_pem_slice(&bytes).map_err(|error| match error {
        Error::NoItemsFound => "the file has no private key that can be used; encrypted keys cannot".into(),
        // The error may quote the line where parsing stopped, and that line may be the key.
        _ => "the file is not PEM".into(),
    })
}
