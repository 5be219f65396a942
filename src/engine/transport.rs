//! How a call reaches an engine: a connection of its own over a socket, TCP or TLS.
//!
//! Calls are few, and some of them last for hours (events, logs). So nothing is pooled, and a call that is dropped closes its
//! connection, by which the engine notices that nobody reads any more.

use std::{io, sync::Arc, time::Duration};

use bollard::{BollardRequest, errors::Error};
use http::{HeaderValue, Uri, header::HOST};
use hyper::{Response, body::Incoming, client::conn::http1};
use hyper_util::rt::TokioIo;
use rustls::pki_types::ServerName;
use tokio::{
    io::{AsyncRead, AsyncWrite},
    net::{TcpStream, UnixStream},
};
use tokio_rustls::TlsConnector;

use super::limits::CONNECT_MS;
use super::{address::EngineAddress, options::EngineOptions};

/// A stream of bytes in both directions.
trait Stream: AsyncRead + AsyncWrite + Unpin + Send {}

impl<T: AsyncRead + AsyncWrite + Unpin + Send> Stream for T {}

/// What connects to one engine.
#[derive(Clone)]
pub(super) struct Connector {
    address: EngineAddress,
    tls: Option<TlsConnector>,
}

impl Connector {
    pub fn new(options: &EngineOptions) -> Self {
        let tls = options.tls.as_ref().map(|tls| TlsConnector::from(Arc::clone(&tls.0)));
        Self { address: options.address.clone(), tls }
    }

    /// Sends one request on a connection of its own.
    pub async fn send(self, mut request: BollardRequest) -> Result<Response<Incoming>, Error> {
        let limit = Duration::from_millis(CONNECT_MS);
        let stream = tokio::time::timeout(limit, self.connect()).await;
        let stream =
            stream.unwrap_or_else(|_| Err(io::Error::new(io::ErrorKind::TimedOut, "it does not accept")))?;
        let (mut sender, connection) = http1::handshake(TokioIo::new(stream)).await?;
        tokio::spawn(connection);
        // On a connection the target is a path, and the host stands in a header.
        let target = request.uri().path_and_query().cloned();
        *request.uri_mut() = target.map_or_else(Uri::default, Uri::from);
        request.headers_mut().insert(HOST, HeaderValue::from_static("docker"));
        Ok(sender.send_request(request).await?)
    }

    async fn connect(&self) -> io::Result<Box<dyn Stream>> {
        let (host, port) = match &self.address {
            EngineAddress::Unix(path) => return Ok(Box::new(UnixStream::connect(path).await?)),
            EngineAddress::Tcp { host, port } => (host.as_str(), *port),
        };
        let stream = TcpStream::connect((host, port)).await?;
        stream.set_nodelay(true)?;
        let Some(tls) = &self.tls else { return Ok(Box::new(stream)) };
        let name = ServerName::try_from(host.to_owned()).map_err(io::Error::other)?;
        Ok(Box::new(tls.connect(name, stream).await?))
    }
}
