//! TLS towards clients: HTTP/2 and HTTP/1.1 by ALPN, TLS 1.2 and 1.3, session resumption, and a certificate that can be
//! replaced while connections are open.
//!
//! Session tickets contain their state, encrypted with a key that only this process knows and changes every few hours. So
//! resuming costs no memory, however many clients there are, and every worker can do it.
//!
//! Which certificate is shown depends on the name that the client asks for (SNI): an exact name comes before a wildcard. A client
//! that asks for no name gets the first certificate; one that asks for a name that none of several has is refused.
//!
//! Deliberately absent: early data, since it may be replayed and the router cannot know what a replay does.

use std::{collections::HashMap, sync::Arc};

use arc_swap::ArcSwap;
use rustls::{
    ServerConfig,
    crypto::aws_lc_rs,
    server::{ClientHello, ResolvesServerCert},
    sign::CertifiedKey,
    version::{TLS12, TLS13},
};

use crate::proxy::downstream::certificate_names::CertificateNames;

/// The certificates that new handshakes show. Replacing one does not touch open connections.
#[derive(Debug)]
pub struct Certificates(ArcSwap<Shown>);

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
}

/// Who is asked for a certificate.
#[derive(Debug)]
struct Resolver {
    certificates: Arc<Certificates>,
    /// Whether a name that no certificate has gets the first one.
    shows_first: bool,
}

impl Certificates {
    /// So many, of which none can be shown yet.
    pub fn missing(count: usize) -> Self {
        Self(ArcSwap::from_pointee(Shown { all: vec![None; count], ..Shown::default() }))
    }

    /// Whether one of them cannot be shown yet.
    pub fn is_missing(&self, index: usize) -> bool {
        self.0.load().all.get(index).is_none_or(Option::is_none)
    }

    /// Shows another certificate in this place from now on.
    pub fn replace(&self, index: usize, certificate: CertifiedKey) {
        let certificate = Arc::new(certificate);
        self.0.rcu(|shown| shown.with(index, &certificate));
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

    fn find(&self, name: Option<&str>, shows_first: bool) -> Option<Arc<CertifiedKey>> {
        let first = || self.all.iter().flatten().next().cloned();
        let Some(name) = name.filter(|_| self.all.len() > 1) else { return first() };
        let by_wildcard = || self.wildcard.get(name.split_once('.')?.1);
        let found = self.exact.get(name).or_else(by_wildcard).cloned();
        if shows_first { found.or_else(first) } else { found }
    }
}

/// The names that a certificate is for, in lower case.
fn names(certificate: &CertifiedKey) -> Vec<String> {
    let Some(der) = certificate.cert.first() else { return Vec::new() };
    let Ok(parsed) = webpki::EndEntityCert::try_from(der) else { return Vec::new() };
    parsed.valid_dns_names().map(str::to_ascii_lowercase).collect()
}

impl ListenerTls {
    /// Which hosts belong on a connection whose client asked for this name. `None`: all, since there is nothing to choose.
    pub fn names_for(&self, name: Option<&str>) -> Option<Arc<CertificateNames>> {
        let shown = self.certificates.as_ref()?.0.load();
        if shown.all.len() < 2 {
            return None;
        }
        let found = shown.find(name, false)?;
        let same = |place: usize| shown.all[place].as_ref().is_some_and(|other| Arc::ptr_eq(other, &found));
        (0..shown.all.len()).find(|place| same(*place)).map(|place| Arc::clone(&shown.names[place]))
    }
}

impl From<Arc<ServerConfig>> for ListenerTls {
    /// For a listener that shows one certificate for every name.
    fn from(config: Arc<ServerConfig>) -> Self {
        Self { config, certificates: None }
    }
}

impl ResolvesServerCert for Resolver {
    /// With one certificate there is nothing to choose: a client that asks for a name that is not in it finds out by its own
    /// check.
    fn resolve(&self, hello: ClientHello<'_>) -> Option<Arc<CertifiedKey>> {
        self.certificates.0.load().find(hello.server_name(), self.shows_first)
    }
}

/// How the handshakes of a listener are made. `shows_first`: a name that none of several certificates has gets the first one.
/// `http2`: it is offered beside HTTP/1.1, and preferred.
///
/// # Errors
/// The system gives no random numbers for the ticket key.
pub fn server_config(
    certificates: Arc<Certificates>,
    shows_first: bool,
    http2: bool,
) -> Result<Arc<ServerConfig>, rustls::Error> {
    let builder = ServerConfig::builder_with_provider(Arc::new(aws_lc_rs::default_provider()));
    let builder = builder.with_protocol_versions(&[&TLS13, &TLS12])?.with_no_client_auth();
    let resolver = Arc::new(Resolver { certificates, shows_first });
    let mut config = builder.with_cert_resolver(resolver);
    config.alpn_protocols = vec![b"http/1.1".to_vec()];
    if http2 {
        config.alpn_protocols.insert(0, b"h2".to_vec());
    }
    config.ticketer = aws_lc_rs::Ticketer::new()?;
    Ok(Arc::new(config))
}
