//! Whether clients of an app show a certificate in the TLS handshake, and who may have issued it (docs/design.md section 14).
//!
//! The handshake knows the host that a client asks for, and not the path. Where several apps share a host, its policy is made of
//! theirs: the certificate is asked for if one of them asks, and demanded only if all of them do.

use std::{
    fmt,
    hash::{Hash, Hasher},
    sync::Arc,
};

use sha2::{Digest as _, Sha256};

use super::settings::{ClientCertificateMode, ClientCertificateSettings};

/// What a client has to show. Two are equal if the same certificates satisfy them.
#[derive(Clone)]
pub struct ClientPolicy {
    /// Without a certificate the handshake fails.
    pub is_required: bool,
    /// Tells these authorities from others: the digest of `authorities`.
    id: [u8; 32],
    /// The certificates of the authorities, as PEM.
    authorities: Box<str>,
}

impl PartialEq for ClientPolicy {
    fn eq(&self, other: &Self) -> bool {
        self.is_required == other.is_required && self.id == other.id
    }
}

impl Eq for ClientPolicy {}

impl Hash for ClientPolicy {
    fn hash<H: Hasher>(&self, state: &mut H) {
        (self.is_required, self.id).hash(state);
    }
}

impl fmt::Debug for ClientPolicy {
    /// Without the certificates.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ClientPolicy").field("is_required", &self.is_required).finish_non_exhaustive()
    }
}

impl ClientPolicy {
    /// The policy of these settings; none: nobody is asked.
    pub fn of(settings: &ClientCertificateSettings) -> Option<Arc<Self>> {
        let authorities = settings.ca.as_deref().filter(|_| settings.mode != ClientCertificateMode::Off)?;
        let is_required = settings.mode == ClientCertificateMode::Required;
        let id = Sha256::digest(authorities.as_bytes()).into();
        Some(Arc::new(Self { is_required, id, authorities: authorities.into() }))
    }

    /// The same, but a client may have no certificate.
    #[must_use]
    pub fn optional(&self) -> Self {
        Self { is_required: false, ..self.clone() }
    }

    /// The certificates of the authorities, as PEM.
    pub fn authorities(&self) -> &str {
        &self.authorities
    }

    /// Whether both believe the same authorities.
    pub fn has_authorities_of(&self, other: &Self) -> bool {
        self.id == other.id
    }

    /// Tells it from every other policy: what session tickets are bound to.
    pub fn label(&self) -> [u8; 33] {
        let mut label = [u8::from(self.is_required); 33];
        label[1..].copy_from_slice(&self.id);
        label
    }
}
