//! TLS towards the endpoints of an app: what is shown and asked for, and whom the router believes (docs/design.md section 14).
//!
//! An endpoint's certificate is always verified: by the app's own authorities if it has some, else by those that the system
//! trusts, and for the app's server name. Nothing is sent to an endpoint that fails that. Apps with equal settings share one
//! client with its sessions, which resume. The system's authorities are read once, when the first app needs them.
//!
//! Where an app's settings name a certificate, the router shows it to endpoints that ask for one ([`identity`]), and sends nothing
//! while it does not have it.
//!
//! Deliberately absent: a way to skip the verification.

pub mod identity;

use std::{
    collections::HashMap,
    io,
    sync::{
        Arc, LazyLock,
        atomic::{AtomicU32, Ordering},
    },
};

use parking_lot::Mutex;
use rustls::{
    CertificateError, ClientConfig, Error, RootCertStore,
    client::Resumption,
    crypto::aws_lc_rs,
    pki_types::ServerName,
    version::{TLS12, TLS13},
};
use tokio::net::TcpStream;
use tokio_rustls::{TlsConnector, client::TlsStream};

use identity::Identity;

use crate::rollout::{
    address::Address,
    settings::{Settings, UpstreamTlsSettings},
};

/// How many clients are kept that no app uses at the moment: a change of settings and back finds its sessions.
const UNUSED_MAX: usize = 64;

/// HTTP/2, as a handshake names it.
const HTTP2: &[u8] = b"h2";
/// The handshake went well, but for HTTP/1.1.
const NO_HTTP2: HandshakeFault = HandshakeFault("it does not offer HTTP/2");

/// A path in the file system is no name that a certificate has.
const NO_NAME: HandshakeFault =
    HandshakeFault("an endpoint at a socket has no name to verify: set `upstream_tls.server_name`");

/// There is nothing to show, so nothing is tried.
const NO_IDENTITY: HandshakeFault =
    HandshakeFault("the router has no client certificate of the name in `upstream_tls.certificate`");

/// The authorities that the system trusts.
static SYSTEM: LazyLock<Arc<RootCertStore>> = LazyLock::new(|| {
    let found = rustls_native_certs::load_native_certs();
    let mut store = RootCertStore::empty();
    let (taken, _) = store.add_parsable_certificates(found.certs);
    if taken == 0 {
        tracing::warn!(
            "the system has no certificate authorities: endpoints by https need `upstream_tls.ca`"
        );
    }
    Arc::new(store)
});

/// The clients in use, by what their apps ask for.
static CLIENTS: LazyLock<Mutex<HashMap<Asked, Arc<TlsClient>>>> = LazyLock::new(Mutex::default);
/// The number of the last one.
static LAST: AtomicU32 = AtomicU32::new(0);

/// What makes two clients the same.
#[derive(Debug, PartialEq, Eq, Hash)]
struct Asked {
    settings: UpstreamTlsSettings,
    server_name: Option<String>,
}

/// The client side of TLS for the endpoints of an app.
#[derive(Debug)]
pub struct TlsClient {
    /// Its number, from 1: connections of different clients are never taken for each other.
    pub number: u32,
    http1: Arc<ClientConfig>,
    http2: Arc<ClientConfig>,
    /// What is shown to an endpoint that asks for it.
    identity: Option<Arc<Identity>>,
    /// `None`: the address of the endpoint.
    server_name: Option<ServerName<'static>>,
}

/// Why a handshake failed. What it prints stands in the API, `status`, the GUI and the access log.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct HandshakeFault(pub &'static str);

impl TlsClient {
    /// The client for an app, or none if its endpoints are not spoken with in TLS.
    pub fn for_app(settings: &Settings) -> Option<Arc<Self>> {
        settings.upstream.is_secure().then(|| {
            let server_name = settings.server_name().map(str::to_owned);
            let asked = Asked { settings: settings.upstream_tls.clone(), server_name };
            let mut clients = CLIENTS.lock();
            if let Some(known) = clients.get(&asked) {
                return Arc::clone(known);
            }
            if clients.len() >= UNUSED_MAX {
                clients.retain(|_, client| Arc::strong_count(client) > 1);
            }
            let client = Arc::new(Self::new(&asked));
            clients.insert(asked, Arc::clone(&client));
            client
        })
    }

    fn new(asked: &Asked) -> Self {
        let roots =
            asked.settings.authorities().map_or_else(|| Arc::clone(&SYSTEM), |own| Arc::new(store(own)));
        let builder = ClientConfig::builder_with_provider(Arc::new(aws_lc_rs::default_provider()))
            .with_protocol_versions(&[&TLS13, &TLS12])
            .expect("the provider has suites for both versions");
        let builder = builder.with_root_certificates(roots);
        let identity = asked.settings.certificate.as_deref().map(Identity::named).map(Arc::new);
        let mut config = match &identity {
            Some(identity) => {
                let mut config = builder.with_client_cert_resolver(Arc::<Identity>::clone(identity));
                // A session that is resumed goes on with what was shown when it began, whatever the file has now.
                config.resumption = Resumption::disabled();
                config
            }
            None => builder.with_no_client_auth(),
        };
        config.alpn_protocols = vec![b"http/1.1".to_vec()];
        let mut http2 = config.clone();
        http2.alpn_protocols = vec![HTTP2.to_vec()];
        let name = asked.server_name.as_deref().and_then(|name| ServerName::try_from(name.to_owned()).ok());
        let number = LAST.fetch_add(1, Ordering::Relaxed) + 1;
        Self { number, http1: Arc::new(config), http2: Arc::new(http2), identity, server_name: name }
    }

    /// Shakes hands on a new connection to this address. `http2`: the endpoint must agree on HTTP/2 (ALPN).
    ///
    /// # Errors
    /// The endpoint does not prove who it is, or does not speak TLS.
    pub async fn handshake(
        &self,
        stream: TcpStream,
        address: Address,
        http2: bool,
    ) -> Result<TlsStream<TcpStream>, HandshakeFault> {
        if self.identity.as_ref().is_some_and(|identity| identity.current().is_none()) {
            return Err(NO_IDENTITY);
        }
        let name = self.server_name.clone().or_else(|| address.ip().map(ServerName::from)).ok_or(NO_NAME)?;
        let connector = TlsConnector::from(Arc::clone(if http2 { &self.http2 } else { &self.http1 }));
        let session = connector.connect(name, stream).await.map_err(|error| fault_of(&error))?;
        let agreed = session.get_ref().1.alpn_protocol() == Some(HTTP2);
        if http2 && !agreed { Err(NO_HTTP2) } else { Ok(session) }
    }
}

fn store(certificates: Vec<rustls::pki_types::CertificateDer<'static>>) -> RootCertStore {
    let mut store = RootCertStore::empty();
    store.add_parsable_certificates(certificates);
    store
}

fn fault_of(error: &io::Error) -> HandshakeFault {
    let inner = error.get_ref().and_then(|inner| inner.downcast_ref::<Error>());
    HandshakeFault(match inner {
        None => "it closed the connection",
        Some(Error::InvalidCertificate(certificate)) => fault_of_certificate(certificate),
        Some(Error::NoCertificatesPresented) => "it shows no certificate",
        Some(Error::AlertReceived(_)) => "it refused the handshake",
        Some(Error::InvalidMessage(_)) => "it does not speak TLS",
        Some(Error::PeerIncompatible(_)) => "it speaks no version or cipher that the router allows",
        Some(Error::NoApplicationProtocol) => "it does not offer the protocol of the setting `upstream`",
        Some(_) => "it breaks the rules of TLS",
    })
}

fn fault_of_certificate(error: &CertificateError) -> &'static str {
    match error {
        CertificateError::Expired | CertificateError::ExpiredContext { .. } => "its certificate has expired",
        CertificateError::NotValidYet | CertificateError::NotValidYetContext { .. } => {
            "its certificate is not valid yet"
        }
        CertificateError::NotValidForName | CertificateError::NotValidForNameContext { .. } => {
            "its certificate is for another name"
        }
        CertificateError::UnknownIssuer => "its certificate is from an unknown authority",
        CertificateError::Revoked => "its certificate is revoked",
        _ => "its certificate is not valid",
    }
}
