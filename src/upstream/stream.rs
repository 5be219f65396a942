//! The bytes of a connection to an endpoint, with or without TLS around them.

use std::{
    io,
    pin::Pin,
    task::{Context, Poll, Waker, ready},
};

use tokio::{
    io::{AsyncRead, AsyncWrite, ReadBuf},
    net::TcpStream,
};
use tokio_rustls::client::TlsStream;

/// A connection to an endpoint.
#[derive(Debug)]
pub enum Stream {
    /// Without TLS.
    Plain(TcpStream),
    /// With TLS. Boxed, so that a plain connection does not pay for the size of its state.
    Secure(Box<TlsStream<TcpStream>>),
}

impl Stream {
    /// Reads what has arrived. 0 is the end.
    #[inline]
    pub fn poll_read(&mut self, cx: &mut Context<'_>, space: &mut [u8]) -> Poll<io::Result<usize>> {
        let mut buffer = ReadBuf::new(space);
        match self {
            Self::Plain(stream) => ready!(Pin::new(stream).poll_read(cx, &mut buffer))?,
            Self::Secure(stream) => ready!(read_secure(stream, cx, &mut buffer))?,
        }
        Poll::Ready(Ok(buffer.filled().len()))
    }

    /// Ready when bytes wait to be read, or the end. They stay where they are.
    pub fn poll_peek(&self, cx: &mut Context<'_>) -> Poll<()> {
        let mut byte = [0];
        self.tcp().poll_peek(cx, &mut ReadBuf::new(&mut byte)).map(|_| ())
    }

    /// Ready when the endpoint has sent or closed something. It may turn out to be nothing.
    pub fn poll_readable(&self, cx: &mut Context<'_>) -> Poll<()> {
        self.tcp().poll_read_ready(cx).map(|_| ())
    }

    /// Writes what fits.
    #[inline]
    pub fn poll_write(&mut self, cx: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        match self {
            Self::Plain(stream) => Pin::new(stream).poll_write(cx, bytes),
            Self::Secure(stream) => Pin::new(stream.as_mut()).poll_write(cx, bytes),
        }
    }

    /// Tells the endpoint that nothing more will be written.
    pub fn poll_shutdown(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        match self {
            Self::Plain(stream) => Pin::new(stream).poll_shutdown(cx),
            Self::Secure(stream) => Pin::new(stream.as_mut()).poll_shutdown(cx),
        }
    }

    /// Whether it is usable for another request: the endpoint has neither closed it nor sent bytes without a request. Without TLS
    /// this costs no system call unless the runtime saw something arrive.
    pub fn is_open(&mut self) -> bool {
        let mut context = Context::from_waker(Waker::noop());
        match self {
            Self::Plain(stream) => match stream.poll_read_ready(&mut context) {
                Poll::Pending => true,
                // The socket may still count as readable since the last response, so only a read tells.
                Poll::Ready(_) => {
                    matches!(stream.try_read(&mut [0; 1]), Err(error) if error.kind() == io::ErrorKind::WouldBlock)
                }
            },
            // Tickets for sessions may come at any time, and are no bytes.
            Self::Secure(_) => self.poll_read(&mut context, &mut [0; 1]).is_pending(),
        }
    }

    fn tcp(&self) -> &TcpStream {
        match self {
            Self::Plain(stream) => stream,
            Self::Secure(stream) => stream.get_ref().0,
        }
    }
}

/// Reads, and sends before what TLS has kept back of a write that did not fit.
fn read_secure(
    stream: &mut TlsStream<TcpStream>,
    cx: &mut Context<'_>,
    buffer: &mut ReadBuf<'_>,
) -> Poll<io::Result<()>> {
    if stream.get_ref().1.wants_write() {
        // Should it fail, the endpoint may have answered before it closed.
        let _ = Pin::new(&mut *stream).poll_flush(cx);
    }
    Pin::new(stream).poll_read(cx, buffer)
}
