//! TLS towards clients: HTTP/2 and HTTP/1.1 by ALPN, TLS 1.2 and 1.3, session resumption, and a certificate that can be
//! replaced while connections are open.
//!
//! Session tickets contain their state, encrypted ([`tickets`](super::tickets)). So resuming costs no memory, however many clients
//! there are, and every worker of every router can do it.
//!
//! Keys are exchanged as the client prefers. Browsers prefer X25519MLKEM768, so that what is recorded today is not read by a quantum
//! computer later.
//!
//! Which certificate is shown depends on the name that the client asks for (SNI): an exact name comes before a wildcard. A client
//! that asks for no name gets the first certificate; one that asks for a name that none of several has is refused. Names of
//! files come before those of certificates that a CA has issued; of these there is one for each host, which is exact.
//!
//! Deliberately absent: early data, since it may be replayed and the router cannot know what a replay does.

use std::{collections::HashMap, io, sync::Arc};

use arc_swap::ArcSwap;
use rustls::{
    ServerConfig,
    crypto::aws_lc_rs,
    server::{ClientHello, ResolvesServerCert},
    sign::CertifiedKey,
    version::{TLS12, TLS13},
};

use super::{
    asking::{AskingHandshake, AskingHandshakes},
    tickets::FleetTickets,
};
use crate::{
    clock::Clock, live::certificates::LiveCertificates,
    proxy::downstream::certificate_names::CertificateNames, rollout::client_policy::ClientPolicy,
};

/// The protocol by which a CA sees that a host leads here (RFC 8737). Nothing is said in it beyond the handshake.
pub const ACME_PROTOCOL: &[u8] = b"acme-tls/1";

/// The certificates that new handshakes show. Replacing one does not touch open connections.
#[derive(Debug)]
pub struct Certificates {
    shown: ArcSwap<Shown>,
    /// Those of a CA.
    issued: Arc<LiveCertificates>,
    /// Whether certificates are ordered from a CA, so that a name without one is nobody's.
    orders: bool,
}

/// What is shown, by name.
#[derive(Debug, Clone, Default)]
struct Shown {
    /// In the order of the settings; none: it could not be read yet.
    all: Vec<Option<Arc<CertifiedKey>>>,
    /// The names of each of them.
    names: Vec<Arc<CertificateNames>>,
    exact: HashMap<String, Arc<CertifiedKey>>,
    /// By what follows the asterisk and its dot.
    wildcard: HashMap<String, Arc<CertifiedKey>>,
}

/// TLS on a listener.
#[derive(Debug, Clone)]
pub struct ListenerTls {
    /// How the handshake is made.
    pub config: Arc<ServerConfig>,
    /// The certificates that it shows, of which each connection has one. `None`: it is always the same.
    pub certificates: Option<Arc<Certificates>>,
    /// How clients are asked for a certificate.
    asking: Arc<AskingHandshakes>,
}

/// Who is asked for a certificate.
#[derive(Debug)]
struct Resolver {
    certificates: Arc<Certificates>,
    /// Whether a name that no certificate has gets the first one.
    shows_first: bool,
}

impl Certificates {
    /// So many of files, of which none can be shown yet, and those that a CA has issued. `orders`: whether it is asked.
    pub fn missing(count: usize, issued: Arc<LiveCertificates>, orders: bool) -> Self {
        let shown = ArcSwap::from_pointee(Shown { all: vec![None; count], ..Shown::default() });
        Self { shown, issued, orders }
    }

    /// What is told of certificates.
    pub fn live(&self) -> &Arc<LiveCertificates> {
        &self.issued
    }

    /// Whether one of them cannot be shown yet.
    pub fn is_missing(&self, index: usize) -> bool {
        self.shown.load().all.get(index).is_none_or(Option::is_none)
    }

    /// Shows another certificate in this place from now on.
    pub fn replace(&self, index: usize, certificate: CertifiedKey) {
        let certificate = Arc::new(certificate);
        self.shown.rcu(|shown| shown.with(index, &certificate));
    }

    /// Whether there are several to choose from, so that a name which none of them has is refused.
    fn are_several(&self, shown: &Shown) -> bool {
        shown.all.len() != 1 || self.orders || self.issued.has_issued()
    }

    fn find(&self, name: Option<&str>, shows_first: bool) -> Option<Arc<CertifiedKey>> {
        let shown = self.shown.load();
        let Some(name) = name.filter(|_| self.are_several(&shown)) else { return shown.first() };
        let found = shown.exact.get(name).cloned();
        let found = found.or_else(|| self.issued.issued_for(name)).or_else(|| shown.by_wildcard(name));
        if shows_first { found.or_else(|| shown.first()) } else { found }
    }
}

impl Shown {
    fn with(&self, index: usize, certificate: &Arc<CertifiedKey>) -> Self {
        let mut fresh = Self { all: self.all.clone(), ..Self::default() };
        if let Some(place) = fresh.all.get_mut(index) {
            *place = Some(Arc::clone(certificate));
        }
        let of = |place: &Option<Arc<CertifiedKey>>| place.as_deref().map_or_else(Vec::new, names);
        fresh.names = fresh.all.iter().map(|place| Arc::new(CertificateNames::new(of(place)))).collect();
        for certificate in fresh.all.iter().flatten() {
            for name in names(certificate) {
                // The first that has a name shows it.
                match name.strip_prefix("*.") {
                    Some(rest) => {
                        fresh.wildcard.entry(rest.to_owned()).or_insert_with(|| Arc::clone(certificate))
                    }
                    None => fresh.exact.entry(name).or_insert_with(|| Arc::clone(certificate)),
                };
            }
        }
        fresh
    }

    fn first(&self) -> Option<Arc<CertifiedKey>> {
        self.all.iter().flatten().next().cloned()
    }

    fn by_wildcard(&self, name: &str) -> Option<Arc<CertifiedKey>> {
        self.wildcard.get(name.split_once('.')?.1).cloned()
    }

    /// Which hosts belong on a connection that was shown this one.
    fn names_of(&self, certificate: &Arc<CertifiedKey>) -> Option<Arc<CertificateNames>> {
        let same = |place: &Option<Arc<CertifiedKey>>| {
            place.as_ref().is_some_and(|other| Arc::ptr_eq(other, certificate))
        };
        self.all.iter().position(same).map(|place| Arc::clone(&self.names[place]))
    }
}

/// The names that a certificate is for, in lower case.
pub fn names(certificate: &CertifiedKey) -> Vec<String> {
    let Some(der) = certificate.cert.first() else { return Vec::new() };
    let Ok(parsed) = webpki::EndEntityCert::try_from(der) else { return Vec::new() };
    parsed.valid_dns_names().map(str::to_ascii_lowercase).collect()
}

impl ListenerTls {
    /// For a listener that shows one of these certificates, by the name that is asked for.
    pub fn choosing(config: Arc<ServerConfig>, certificates: Arc<Certificates>) -> Self {
        Self { certificates: Some(certificates), ..config.into() }
    }

    /// How a client is asked for a certificate.
    ///
    /// # Errors
    /// There cannot be such a handshake.
    pub fn asking(&self, policy: Arc<ClientPolicy>) -> io::Result<Arc<AskingHandshake>> {
        let live = self.certificates.as_deref().map(Certificates::live);
        self.asking.by(policy, &self.config, live)
    }

    /// Which hosts belong on a connection whose client asked for this name. `None`: all, since there is nothing to choose.
    pub fn names_for(&self, name: Option<&str>) -> Option<Arc<CertificateNames>> {
        let certificates = self.certificates.as_ref()?;
        let shown = certificates.shown.load();
        if !certificates.are_several(&shown) {
            return None;
        }
        let found = certificates.find(name, false)?;
        Some(shown.names_of(&found).unwrap_or_else(|| Arc::new(CertificateNames::new(names(&found)))))
    }
}

impl From<Arc<ServerConfig>> for ListenerTls {
    /// For a listener that shows one certificate for every name.
    fn from(config: Arc<ServerConfig>) -> Self {
        Self { config, certificates: None, asking: Arc::default() }
    }
}

impl ResolvesServerCert for Resolver {
    /// With one certificate there is nothing to choose: a client that asks for a name that is not in it finds out by its own
    /// check.
    fn resolve(&self, hello: ClientHello<'_>) -> Option<Arc<CertifiedKey>> {
        let name = hello.server_name();
        if is_of_ca(&hello) {
            return self.certificates.issued.challenge_for(name?);
        }
        self.certificates.find(name, self.shows_first)
    }
}

/// Whether it is a CA that looks whether a host leads here: it offers that protocol alone (RFC 8737 section 3).
pub fn is_of_ca(hello: &ClientHello<'_>) -> bool {
    let mut offered = hello.alpn().into_iter().flatten();
    offered.next() == Some(ACME_PROTOCOL) && offered.next().is_none()
}

/// How the handshakes of a listener are made. `shows_first`: a name that none of several certificates has gets the first one.
/// `front`: it is for end users, who are offered HTTP/2 beside HTTP/1.1, and for a CA.
///
/// # Errors
/// The protocol versions are not known, which cannot be.
pub fn server_config(
    certificates: Arc<Certificates>,
    shows_first: bool,
    front: bool,
) -> Result<Arc<ServerConfig>, rustls::Error> {
    let builder = ServerConfig::builder_with_provider(Arc::new(aws_lc_rs::default_provider()));
    let builder = builder.with_protocol_versions(&[&TLS13, &TLS12])?.with_no_client_auth();
    let live = Arc::clone(&certificates.issued);
    let resolver = Arc::new(Resolver { certificates, shows_first });
    let mut config = builder.with_cert_resolver(resolver);
    config.alpn_protocols = vec![b"http/1.1".to_vec()];
    if front {
        config.alpn_protocols = [b"h2", &b"http/1.1"[..], ACME_PROTOCOL].map(<[u8]>::to_vec).to_vec();
    }
    config.ticketer = Arc::new(FleetTickets::new(live, Clock::system()));
    Ok(Arc::new(config))
}
