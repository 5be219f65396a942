//! What the data plane shows, made from what the store holds.

use std::sync::Arc;

use rcgen::{CertificateParams, CustomExtension, KeyPair};
use rustls::{
    crypto::aws_lc_rs::{self, sign::any_supported_type},
    pki_types::{CertificateDer, PrivateKeyDer, PrivatePkcs8KeyDer, pem::PemObject},
    sign::CertifiedKey,
};
use sha2::{Digest as _, Sha256};
use webpki::EndEntityCert;

use super::stored::StoredCertificate;

/// A certificate for the handshakes of a host.
///
/// # Errors
/// In words: it cannot be read, its key is another's, or it is not for that host.
pub fn certified_key(host: &str, stored: &StoredCertificate) -> Result<Arc<CertifiedKey>, String> {
    let chain = CertificateDer::pem_slice_iter(stored.chain.as_bytes()).collect::<Result<Vec<_>, _>>();
    let chain = chain.map_err(|error| format!("the chain is not PEM: {error}"))?;
    // The error may quote the key.
    let key = PrivateKeyDer::from_pem_slice(stored.key.as_bytes()).map_err(|_| "the key is not PEM")?;
    let first = chain.first().ok_or("there is no certificate")?;
    let parsed = EndEntityCert::try_from(first).map_err(|error| format!("it cannot be read: {error}"))?;
    if !parsed.valid_dns_names().any(|name| name.eq_ignore_ascii_case(host)) {
        return Err(format!("it is not for {host}"));
    }
    let certified = CertifiedKey::from_der(chain, key, &aws_lc_rs::default_provider());
    certified.map(Arc::new).map_err(|error| error.to_string())
}

/// What is shown to a CA that asks for a host by `acme-tls/1`: a certificate of our own that holds the digest of the key
/// authorization (RFC 8737 section 3).
pub fn challenge_certificate(host: &str, key_authorization: &str) -> Result<Arc<CertifiedKey>, String> {
    let failed = |error: rcgen::Error| error.to_string();
    let digest = Sha256::digest(key_authorization.as_bytes());
    let mut wanted = CertificateParams::new(vec![host.to_owned()]).map_err(failed)?;
    wanted.custom_extensions = vec![CustomExtension::new_acme_identifier(&digest)];
    let key = KeyPair::generate().map_err(failed)?;
    let made = wanted.self_signed(&key).map_err(failed)?;
    let private = PrivateKeyDer::from(PrivatePkcs8KeyDer::from(key.serialize_der()));
    // Not by `from_der`, which refuses the extension that it is made for: no client is to take it for anything else.
    let signing = any_supported_type(&private).map_err(|error| error.to_string())?;
    Ok(Arc::new(CertifiedKey::new(vec![made.der().clone()], signing)))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The extension is critical, so what reads certificates refuses it, and the first way of making this failed over that.
    #[test]
    fn what_a_ca_is_shown_can_be_signed_with() {
        let shown = challenge_certificate("shop.test", "token.thumbprint").unwrap();
        assert_eq!(shown.cert.len(), 1);
        let digest = Sha256::digest(b"token.thumbprint");
        assert!(shown.cert[0].windows(digest.len()).any(|bytes| *bytes == *digest), "it holds the digest");
    }
}
