//! The bytes of a connection to an endpoint, with or without TLS around them, or what stands for such a connection.

use std::{
    fmt, io,
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
    /// One request on a connection of another protocol. It ends with its response. Boxed twice, since a pointer of two words would
    /// make every connection larger.
    Carried(Box<Box<dyn Carrier>>),
}

/// What takes the text of one request of HTTP/1.1 and gives that of its response, whatever goes over the wire.
pub trait Carrier: fmt::Debug {
    /// Reads what has arrived. 0 is the end. [`io::ErrorKind::ConnectionRefused`]: the endpoint has done nothing for the request.
    fn poll_read(&mut self, cx: &mut Context<'_>, space: &mut [u8]) -> Poll<io::Result<usize>>;

    /// Ready when there is something to read, or the end.
    fn poll_readable(&mut self, cx: &mut Context<'_>) -> Poll<()>;

    /// Takes what fits.
    fn poll_write(&mut self, cx: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>>;
}

impl Stream {
    /// Reads what has arrived. 0 is the end.
    #[inline]
    pub fn poll_read(&mut self, cx: &mut Context<'_>, space: &mut [u8]) -> Poll<io::Result<usize>> {
        let mut buffer = ReadBuf::new(space);
        match self {
            Self::Plain(stream) => ready!(Pin::new(stream).poll_read(cx, &mut buffer))?,
            Self::Secure(stream) => ready!(read_secure(stream, cx, &mut buffer))?,
            Self::Carried(carrier) => return carrier.poll_read(cx, space),
        }
        Poll::Ready(Ok(buffer.filled().len()))
    }

    /// Ready when bytes wait to be read, or the end. They stay where they are.
    pub fn poll_peek(&mut self, cx: &mut Context<'_>) -> Poll<()> {
        let mut byte = [0];
        let mut space = ReadBuf::new(&mut byte);
        match self {
            Self::Plain(stream) => stream.poll_peek(cx, &mut space).map(|_| ()),
            Self::Secure(stream) => stream.get_ref().0.poll_peek(cx, &mut space).map(|_| ()),
            Self::Carried(carrier) => carrier.poll_readable(cx),
        }
    }

    /// Ready when the endpoint has sent or closed something. It may turn out to be nothing.
    pub fn poll_readable(&mut self, cx: &mut Context<'_>) -> Poll<()> {
        match self {
            Self::Plain(stream) => stream.poll_read_ready(cx).map(|_| ()),
            Self::Secure(stream) => stream.get_ref().0.poll_read_ready(cx).map(|_| ()),
            Self::Carried(carrier) => carrier.poll_readable(cx),
        }
    }

    /// Writes what fits.
    #[inline]
    pub fn poll_write(&mut self, cx: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        match self {
            Self::Plain(stream) => Pin::new(stream).poll_write(cx, bytes),
            Self::Secure(stream) => Pin::new(stream.as_mut()).poll_write(cx, bytes),
            Self::Carried(carrier) => carrier.poll_write(cx, bytes),
        }
    }

    /// Tells the endpoint that nothing more will be written.
    pub fn poll_shutdown(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        match self {
            Self::Plain(stream) => Pin::new(stream).poll_shutdown(cx),
            Self::Secure(stream) => Pin::new(stream.as_mut()).poll_shutdown(cx),
            Self::Carried(_) => Poll::Ready(Ok(())),
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
            Self::Carried(_) => false,
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
