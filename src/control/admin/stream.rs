//! The bytes of a connection as the HTTP server of this port gets them: with or without TLS around them.
//!
//! A connection has its place in the table from the moment it is accepted. So one whose handshake never ends is closed as any
//! other that is still, and it keeps nobody out.

use std::{
    io::{self, IoSlice},
    pin::Pin,
    sync::Arc,
    task::{Context, Poll},
};

use rustls::ServerConfig;
use tokio::{
    io::{AsyncRead, AsyncWrite, ReadBuf},
    time::timeout,
};
use tokio_rustls::{TlsAcceptor, server::TlsStream};

use super::socket::{Socket, SocketIo};
use crate::control::limits::HANDSHAKE_MAX;

/// A connection's bytes.
#[derive(Debug)]
pub enum Stream {
    /// Without TLS.
    Plain(SocketIo),
    /// With TLS. Boxed, so that a plain connection does not pay for the size of its state.
    Tls(Box<TlsStream<SocketIo>>),
}

impl Stream {
    /// Makes the handshake, if this port speaks TLS; none if the client makes none, or not in time. Who speaks plain http all
    /// the same gets a stream without TLS, on which it can be told so.
    pub async fn open(socket: Arc<Socket>, tls: Option<&Arc<ServerConfig>>) -> Option<Self> {
        let Some(config) = tls else { return Some(Self::Plain(SocketIo(socket))) };
        let opened = timeout(HANDSHAKE_MAX, async {
            // The first byte of a handshake is no letter, and that of a request in plain http is one.
            if socket.first_byte().await?.is_ascii_alphabetic() {
                return Some(Self::Plain(SocketIo(socket)));
            }
            let handshake = TlsAcceptor::from(Arc::clone(config)).accept(SocketIo(socket));
            let stream = Box::pin(handshake).await;
            let stream = stream
                .inspect_err(|error| tracing::debug!(%error, "a TLS handshake with the admin port failed"));
            stream.ok().map(|stream| Self::Tls(Box::new(stream)))
        });
        opened.await.ok().flatten()
    }

    /// Whether it uses TLS.
    pub fn is_secure(&self) -> bool {
        matches!(self, Self::Tls(_))
    }

    /// The connection below it.
    pub fn socket(&self) -> &Socket {
        match self {
            Self::Plain(io) => &io.0,
            Self::Tls(stream) => &stream.get_ref().0.0,
        }
    }
}

impl AsyncRead for Stream {
    fn poll_read(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        match self.get_mut() {
            Self::Plain(io) => Pin::new(io).poll_read(cx, buffer),
            Self::Tls(stream) => Pin::new(stream.as_mut()).poll_read(cx, buffer),
        }
    }
}

impl AsyncWrite for Stream {
    fn poll_write(self: Pin<&mut Self>, cx: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        match self.get_mut() {
            Self::Plain(io) => Pin::new(io).poll_write(cx, bytes),
            Self::Tls(stream) => Pin::new(stream.as_mut()).poll_write(cx, bytes),
        }
    }

    fn poll_write_vectored(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        slices: &[IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        match self.get_mut() {
            Self::Plain(io) => Pin::new(io).poll_write_vectored(cx, slices),
            Self::Tls(stream) => Pin::new(stream.as_mut()).poll_write_vectored(cx, slices),
        }
    }

    fn is_write_vectored(&self) -> bool {
        true
    }

    fn poll_flush(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        match self.get_mut() {
            Self::Plain(io) => Pin::new(io).poll_flush(cx),
            Self::Tls(stream) => Pin::new(stream.as_mut()).poll_flush(cx),
        }
    }

    fn poll_shutdown(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        match self.get_mut() {
            Self::Plain(io) => Pin::new(io).poll_shutdown(cx),
            Self::Tls(stream) => Pin::new(stream.as_mut()).poll_shutdown(cx),
        }
    }
}
