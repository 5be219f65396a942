//! Handshakes that ask clients for a certificate: one configuration for each policy that hosts have.
//!
//! A session that is resumed brings the certificate along that was shown when it began. So tickets are bound to the policy by which
//! they were given ([`tickets`](super::tickets)), no session is kept in memory, and a certificate is verified again when its
//! session is resumed: it may have ended since.
//!
//! Deliberately absent: lists of revoked certificates. Authorities that issue for a short time need none, and changing the
//! authorities ends all sessions.

use std::{collections::HashMap, io, sync::Arc, time::Duration};

use base64::{Engine as _, engine::general_purpose::STANDARD};
use parking_lot::Mutex;
use rustls::{
    HandshakeKind, RootCertStore, ServerConfig, ServerConnection,
    crypto::aws_lc_rs,
    pki_types::{CertificateDer, UnixTime, pem::PemObject},
    server::{NoServerSessionStorage, WebPkiClientVerifier, danger::ClientCertVerifier},
    version::{TLS12, TLS13},
};

use super::tickets::FleetTickets;
use crate::{
    clock::Clock,
    limits::CLIENT_CERTIFICATE_BYTES_MAX,
    live::certificates::LiveCertificates,
    proxy::worker::{client_certificate::ClientCertificate, coarse},
    rollout::client_policy::ClientPolicy,
};

/// How many policies are kept that may be nobody's any more.
const KEPT_MAX: usize = 64;

/// What a listener asks with, by policy.
#[derive(Debug, Default)]
pub struct AskingHandshakes {
    known: Mutex<HashMap<Arc<ClientPolicy>, Arc<AskingHandshake>>>,
}

/// How a policy's handshake is made.
#[derive(Debug)]
pub struct AskingHandshake {
    /// Its configuration.
    pub config: Arc<ServerConfig>,
    policy: Arc<ClientPolicy>,
    verifier: Arc<dyn ClientCertVerifier>,
}

impl AskingHandshakes {
    /// The handshake of a policy, which is else like `base`. `live`: has the secrets of the tickets that are given; none: none are.
    pub fn by(
        &self,
        policy: Arc<ClientPolicy>,
        base: &ServerConfig,
        live: Option<&Arc<LiveCertificates>>,
    ) -> io::Result<Arc<AskingHandshake>> {
        let mut known = self.known.lock();
        if let Some(handshake) = known.get(&policy) {
            return Ok(Arc::clone(handshake));
        }
        if known.len() >= KEPT_MAX {
            known.clear();
        }
        let handshake =
            Arc::new(AskingHandshake::new(Arc::clone(&policy), base, live).map_err(io::Error::other)?);
        known.insert(policy, Arc::clone(&handshake));
        Ok(handshake)
    }
}

impl AskingHandshake {
    fn new(
        policy: Arc<ClientPolicy>,
        base: &ServerConfig,
        live: Option<&Arc<LiveCertificates>>,
    ) -> Result<Self, Box<dyn std::error::Error + Send + Sync>> {
        let provider = Arc::new(aws_lc_rs::default_provider());
        let mut roots = RootCertStore::empty();
        for authority in CertificateDer::pem_slice_iter(policy.authorities().as_bytes()) {
            roots.add(authority?)?;
        }
        let verifier = WebPkiClientVerifier::builder_with_provider(Arc::new(roots), Arc::clone(&provider));
        let verifier =
            if policy.is_required { verifier } else { verifier.allow_unauthenticated() }.build()?;
        let builder =
            ServerConfig::builder_with_provider(provider).with_protocol_versions(&[&TLS13, &TLS12])?;
        let builder = builder.with_client_cert_verifier(Arc::clone(&verifier));
        let mut config = builder.with_cert_resolver(Arc::clone(&base.cert_resolver));
        config.alpn_protocols.clone_from(&base.alpn_protocols);
        config.session_storage = Arc::new(NoServerSessionStorage {});
        if let Some(live) = live {
            let tickets = FleetTickets::new(Arc::clone(live), Clock::system());
            config.ticketer = Arc::new(tickets.bound_to(&policy.label()));
        }
        Ok(Self { config: Arc::new(config), policy, verifier })
    }

    /// What the client showed in a handshake that went well.
    pub fn outcome(&self, connection: &ServerConnection) -> io::Result<ClientCertificate> {
        let policy = Arc::clone(&self.policy);
        let line = match connection.peer_certificates() {
            Some([own, others @ ..]) => {
                if connection.handshake_kind() == Some(HandshakeKind::Resumed) {
                    let now = UnixTime::since_unix_epoch(Duration::from_millis(coarse::wall_ms()));
                    let verified = self.verifier.verify_client_cert(own, others, now);
                    verified.map_err(io::Error::other)?;
                }
                Some(line(own)?)
            }
            _ if policy.is_required => return Err(io::Error::other("the client has shown no certificate")),
            _ => None,
        };
        Ok(ClientCertificate { policy, line })
    }
}

/// The header line that tells endpoints of a certificate (RFC 9440).
fn line(certificate: &CertificateDer<'_>) -> io::Result<Box<[u8]>> {
    if certificate.len() > CLIENT_CERTIFICATE_BYTES_MAX {
        return Err(io::Error::other("the client's certificate is too long for a header"));
    }
    let line = format!("client-cert: :{}:\r\n", STANDARD.encode(certificate));
    Ok(line.into_bytes().into())
}
