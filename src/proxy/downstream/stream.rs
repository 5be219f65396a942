//! The bytes of a connection, with or without TLS around them.

use std::{
    io,
    pin::Pin,
    sync::Arc,
    task::{Context, Poll, ready},
    time::Duration,
};

use rustix::event::{PollFd, PollFlags, Timespec, poll};
use socket2::SockRef;
use tokio::{
    io::{AsyncRead, AsyncWrite, ReadBuf},
    net::TcpStream,
};
use tokio_rustls::server::TlsStream;

use super::{Departure, handshake::HandshakeFacts};

/// That the other side has closed its sending side, whether or not all that it sent was read.
#[cfg(target_os = "linux")]
const CLOSED: PollFlags = PollFlags::RDHUP;
#[cfg(not(target_os = "linux"))]
const CLOSED: PollFlags = PollFlags::HUP;

/// A connection to a client or an endpoint.
#[derive(Debug)]
pub enum Stream {
    /// Without TLS.
    Plain(TcpStream),
    /// With TLS. Boxed, so that a plain connection does not pay for the size of its state.
    Tls(Box<Secured>),
}

/// The bytes of a connection with TLS around them.
#[derive(Debug)]
pub struct Secured {
    /// The session.
    pub session: TlsStream<TcpStream>,
    /// What the handshake decided about requests. `None`: nothing.
    pub facts: Option<Arc<HandshakeFacts>>,
}

impl Stream {
    /// Reads what has arrived. 0 is the end.
    pub fn poll_read(&mut self, cx: &mut Context<'_>, space: &mut [u8]) -> Poll<io::Result<usize>> {
        let mut buffer = ReadBuf::new(space);
        ready!(self.poll_read_into(cx, &mut buffer))?;
        Poll::Ready(Ok(buffer.filled().len()))
    }

    /// Reads what has arrived. Nothing is the end.
    #[inline]
    pub fn poll_read_into(&mut self, cx: &mut Context<'_>, buffer: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        match self {
            Self::Plain(stream) => Pin::new(stream).poll_read(cx, buffer),
            Self::Tls(stream) => Pin::new(&mut stream.session).poll_read(cx, buffer),
        }
    }

    /// Ready when bytes wait to be read, or the end. They stay where they are.
    pub fn poll_peek(&self, cx: &mut Context<'_>) -> Poll<()> {
        let (mut byte, plain) = ([0], self.plain());
        plain.poll_peek(cx, &mut ReadBuf::new(&mut byte)).map(|_| ())
    }

    /// How the other side has gone, if it has, also while bytes of it are unread. The kernel is asked.
    pub fn departure(&self) -> Option<Departure> {
        let mut asked = [PollFd::new(self.plain(), CLOSED)];
        poll(&mut asked, Some(&Timespec::default())).ok()?;
        let told = asked[0].revents();
        if told.intersects(PollFlags::ERR | PollFlags::HUP) {
            Some(Departure::Left)
        } else {
            told.contains(CLOSED).then_some(Departure::HalfClosed)
        }
    }

    /// Writes what fits.
    pub fn poll_write(&mut self, cx: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        match self {
            Self::Plain(stream) => Pin::new(stream).poll_write(cx, bytes),
            Self::Tls(stream) => Pin::new(&mut stream.session).poll_write(cx, bytes),
        }
    }

    /// Writes what fits of several parts.
    pub fn poll_write_vectored(
        &mut self,
        cx: &mut Context<'_>,
        parts: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        match self {
            Self::Plain(stream) => Pin::new(stream).poll_write_vectored(cx, parts),
            Self::Tls(stream) => Pin::new(&mut stream.session).poll_write_vectored(cx, parts),
        }
    }

    /// Whether the client and the router have agreed on HTTP/2 in the handshake (ALPN).
    pub fn speaks_http2(&self) -> bool {
        match self {
            Self::Plain(_) => false,
            Self::Tls(stream) => stream.session.get_ref().1.alpn_protocol() == Some(b"h2"),
        }
    }

    /// Ready when the kernel has everything that was written. Only TLS keeps something back.
    pub fn poll_flush(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        match self {
            Self::Plain(_) => Poll::Ready(Ok(())),
            Self::Tls(stream) => Pin::new(&mut stream.session).poll_flush(cx),
        }
    }

    /// Tells the other side that nothing more will be written.
    pub fn poll_shutdown(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        match self {
            Self::Plain(stream) => Pin::new(stream).poll_shutdown(cx),
            Self::Tls(stream) => Pin::new(&mut stream.session).poll_shutdown(cx),
        }
    }

    /// What the TLS handshake decided about requests.
    pub fn handshake_facts(&self) -> Option<&Arc<HandshakeFacts>> {
        match self {
            Self::Plain(_) => None,
            Self::Tls(stream) => stream.facts.as_ref(),
        }
    }

    /// Whether it uses TLS.
    pub fn secure(&self) -> bool {
        matches!(self, Self::Tls(_))
    }

    /// Makes the close a reset, so that the client cannot take what it got for a whole response.
    pub fn reset_on_close(&self) {
        // Should it fail, the close is an ordinary one, and the client sees a body that is too short.
        let _ = self.socket().set_linger(Some(Duration::ZERO));
    }

    /// The socket, for its options.
    pub fn socket(&self) -> SockRef<'_> {
        SockRef::from(self.plain())
    }

    fn plain(&self) -> &TcpStream {
        match self {
            Self::Plain(stream) => stream,
            Self::Tls(stream) => stream.session.get_ref().0,
        }
    }
}
