//! TLS as a client speaks it: certificates that each test makes, and connections that trust them alone.

use super::clock::PATIENCE;
use super::message::{Response, Source, read_response};
use rustls::pki_types::{CertificateDer, pem::PemObject};
use rustls::{ClientConfig, ClientConnection, RootCertStore, StreamOwned};
use std::fs;
use std::io::Write;
use std::net::{SocketAddr, TcpStream};
use std::path::PathBuf;
use std::sync::Arc;
use tempfile::TempDir;

/// A certificate and its key in files.
pub struct CertificateFiles {
    /// Where they lie.
    pub dir: TempDir,
    names: Vec<String>,
}

impl CertificateFiles {
    /// With a fresh certificate for these names; what is given with it trusts it.
    pub fn new(names: &[&str]) -> (Self, Arc<ClientConfig>) {
        let dir = tempfile::tempdir().expect("a temporary directory can be made");
        let files = Self { dir, names: names.iter().map(|&name| name.to_owned()).collect() };
        let trust = files.renew();
        (files, trust)
    }

    /// The certificate's file.
    pub fn certificate(&self) -> PathBuf {
        self.dir.path().join("certificate.pem")
    }

    /// The key's file.
    pub fn key(&self) -> PathBuf {
        self.dir.path().join("key.pem")
    }

    /// The flags that name both.
    pub fn flags(&self) -> [String; 2] {
        let flag = |name: &str, path: PathBuf| format!("--{name}={}", path.display());
        [flag("tls-certificate", self.certificate()), flag("tls-key", self.key())]
    }

    /// Puts another certificate and key in the place of the present ones.
    pub fn renew(&self) -> Arc<ClientConfig> {
        let made = rcgen::generate_simple_self_signed(self.names.clone()).expect("a certificate can be made");
        let pem = made.cert.pem();
        fs::write(self.certificate(), &pem).expect("the certificate can be written");
        fs::write(self.key(), made.signing_key.serialize_pem()).expect("the key can be written");
        Arc::new(trusting(&pem, rustls::ALL_VERSIONS))
    }
}

/// A client's settings that trust one certificate.
pub fn trusting(pem: &str, versions: &[&'static rustls::SupportedProtocolVersion]) -> ClientConfig {
    let roots = roots(pem);
    let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
    let builder = ClientConfig::builder_with_provider(provider).with_protocol_versions(versions);
    builder.expect("the provider knows them").with_root_certificates(roots).with_no_client_auth()
}

/// Trust in one certificate.
pub fn roots(pem: &str) -> RootCertStore {
    let mut roots = RootCertStore::empty();
    let certificate = CertificateDer::from_pem_slice(pem.as_bytes()).expect("it was made as PEM");
    roots.add(certificate).expect("it was made as a certificate");
    roots
}

/// A connection in TLS.
pub struct TlsClient(pub Source<StreamOwned<ClientConnection, TcpStream>>);

impl TlsClient {
    /// Shakes hands with who is asked for by this name; `None` if one side refuses.
    pub fn try_open(address: SocketAddr, name: &str, trust: &Arc<ClientConfig>) -> Option<Self> {
        Self::open_behind(address, name, trust, b"")
    }

    /// The same behind a proxy, which sends these bytes before the handshake.
    pub fn open_behind(
        address: SocketAddr,
        name: &str,
        trust: &Arc<ClientConfig>,
        before: &[u8],
    ) -> Option<Self> {
        let name = name.to_owned().try_into().expect("it is a name");
        let session = ClientConnection::new(Arc::clone(trust), name).expect("a session can begin");
        let mut stream = TcpStream::connect(address).expect("the router accepts connections");
        stream.write_all(before).expect("the router reads");
        stream.set_read_timeout(Some(PATIENCE)).expect("a time-out can be set");
        let mut stream = StreamOwned::new(session, stream);
        while stream.conn.is_handshaking() {
            stream.conn.complete_io(&mut stream.sock).ok()?;
        }
        Some(Self(Source::new(stream)))
    }

    /// What was agreed on.
    pub fn session(&self) -> &ClientConnection {
        &self.0.stream.conn
    }

    /// Sends bytes as they are.
    pub fn send(&mut self, bytes: impl AsRef<[u8]>) {
        self.0.stream.write_all(bytes.as_ref()).expect("the router takes it");
        self.0.stream.flush().expect("the router takes it");
    }

    /// Sends a GET; `None` if the other side ends the connection, as it does after a handshake that it refuses.
    pub fn try_exchange(&mut self, head: &str) -> Option<Response> {
        self.0.stream.write_all(head.as_bytes()).and_then(|()| self.0.stream.flush()).ok()?;
        read_response(&mut self.0, "GET").ok()
    }

    /// The response to a request by this method.
    pub fn response(&mut self, method: &str) -> Response {
        read_response(&mut self.0, method).unwrap_or_else(|fault| panic!("no response: {fault:?}"))
    }
}
