//! TLS in front of an endpoint: what ends the encryption and passes the bytes on, as an application server does within itself.

use super::endpoint::Endpoint;
use super::http2::spawn;
use rustls::ServerConfig;
use rustls::pki_types::{CertificateDer, PrivateKeyDer, pem::PemObject};
use rustls::server::WebPkiClientVerifier;
use std::net::SocketAddr;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use tokio::io::copy_bidirectional;
use tokio::net::{TcpListener, TcpStream};
use tokio_rustls::TlsAcceptor;

/// An endpoint behind TLS, and what its clients asked for.
pub struct TlsFront {
    /// Where it listens.
    pub address: SocketAddr,
    /// Its certificate, which is its own authority, as PEM.
    pub pem: String,
    /// The endpoint, which sees what was inside.
    pub endpoint: Option<Endpoint>,
    seen: Arc<Seen>,
}

#[derive(Default)]
struct Seen {
    /// Handshakes that ended well.
    handshakes: AtomicUsize,
    /// The names that were asked for.
    names: Mutex<Vec<Option<String>>>,
}

impl TlsFront {
    /// In front of an endpoint, with a fresh certificate for these names. Names that are addresses are such names.
    pub fn before(endpoint: Endpoint, names: &[&str]) -> Self {
        let front = Self::over(endpoint.address, names, b"http/1.1");
        Self { endpoint: Some(endpoint), ..front }
    }

    /// The same, for clients that show this certificate.
    pub fn asking(endpoint: Endpoint, names: &[&str], client_pem: &str) -> Self {
        let front = Self::with(endpoint.address, names, b"http/1.1", Some(client_pem));
        Self { endpoint: Some(endpoint), ..front }
    }

    /// In front of an address, where a protocol is agreed on by ALPN.
    pub fn over(to: SocketAddr, names: &[&str], protocol: &[u8]) -> Self {
        Self::with(to, names, protocol, None)
    }

    fn with(to: SocketAddr, names: &[&str], protocol: &[u8], client_pem: Option<&str>) -> Self {
        let names: Vec<String> = names.iter().map(|&name| name.to_owned()).collect();
        let made = rcgen::generate_simple_self_signed(names).expect("a certificate can be made");
        let pem = made.cert.pem();
        let certificate = CertificateDer::from_pem_slice(pem.as_bytes()).expect("it was made as PEM");
        let key = made.signing_key.serialize_pem();
        let key = PrivateKeyDer::from_pem_slice(key.as_bytes()).expect("it was made as PEM");
        let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
        let builder = ServerConfig::builder_with_provider(Arc::clone(&provider))
            .with_protocol_versions(rustls::ALL_VERSIONS);
        let builder = builder.expect("the provider knows them");
        let builder = match client_pem {
            None => builder.with_no_client_auth(),
            Some(pem) => {
                let roots = Arc::new(super::tls::roots(pem));
                let verifier = WebPkiClientVerifier::builder_with_provider(roots, provider).build();
                builder.with_client_cert_verifier(verifier.expect("there is a root"))
            }
        };
        let mut config = builder.with_single_cert(vec![certificate], key).expect("they belong together");
        config.alpn_protocols = vec![protocol.to_vec()];
        let listener = std::net::TcpListener::bind("127.0.0.1:0").expect("a port is free");
        listener.set_nonblocking(true).expect("a listener takes it");
        let address = listener.local_addr().expect("a listener has an address");
        let seen = Arc::new(Seen::default());
        spawn(accept(listener, TlsAcceptor::from(Arc::new(config)), to, Arc::clone(&seen)));
        Self { address, pem, endpoint: None, seen }
    }

    /// How many connections came through to the endpoint.
    pub fn passed(&self) -> usize {
        self.endpoint.as_ref().map_or(0, Endpoint::connections)
    }

    /// How many handshakes ended well.
    pub fn handshakes(&self) -> usize {
        self.seen.handshakes.load(Ordering::SeqCst)
    }

    /// The names that were asked for in them.
    pub fn names(&self) -> Vec<Option<String>> {
        self.seen.names.lock().unwrap().clone()
    }
}

async fn accept(listener: std::net::TcpListener, acceptor: TlsAcceptor, to: SocketAddr, seen: Arc<Seen>) {
    let listener = TcpListener::from_std(listener).expect("it does not block");
    while let Ok((stream, _)) = listener.accept().await {
        let (acceptor, seen) = (acceptor.clone(), Arc::clone(&seen));
        tokio::spawn(async move {
            let Ok(mut outer) = acceptor.accept(stream).await else { return };
            let name = outer.get_ref().1.server_name().map(str::to_owned);
            seen.names.lock().unwrap().push(name);
            seen.handshakes.fetch_add(1, Ordering::SeqCst);
            let Ok(mut inner) = TcpStream::connect(to).await else { return };
            let _ = copy_bidirectional(&mut outer, &mut inner).await;
        });
    }
}
