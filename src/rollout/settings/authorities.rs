//! Lists of certificate authorities in settings.

use rustls::pki_types::{CertificateDer, pem::PemObject};

/// The longest list, in bytes: a few dozen certificates.
const BYTES_MAX: usize = 32 * 1024;

/// The certificates in a list; none if it cannot be read.
pub(super) fn read(pem: &str) -> Option<Vec<CertificateDer<'static>>> {
    CertificateDer::pem_slice_iter(pem.as_bytes()).collect::<Result<_, _>>().ok()
}

/// Whether a list has certificates of authorities, and nothing else.
pub(super) fn are_valid(pem: &str) -> bool {
    let is_authority = |der: &CertificateDer<'_>| webpki::anchor_from_trusted_cert(der).is_ok();
    let all = if pem.len() <= BYTES_MAX { read(pem) } else { None };
    all.is_some_and(|all| !all.is_empty() && all.iter().all(is_authority))
}
