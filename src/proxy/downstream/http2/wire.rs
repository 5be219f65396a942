//! The bytes of a connection of HTTP/2. What the library writes is gathered for as long as it works, so that the frames of
//! several requests leave in one write; [`Wire::poll_send`] sends it. An idle connection holds no space for it.

use std::{
    cell::RefCell,
    io::{self, IoSlice},
    pin::Pin,
    rc::Rc,
    task::{Context, Poll, ready},
};

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};

use super::meter::FrameMeter;
use crate::{
    limits::{HTTP2_WRITE_BYTES, LINGER_BYTES_MAX},
    proxy::{
        downstream::{Departure, stream::Stream},
        worker::{
            buffers::{Buffers, Text},
            coarse,
        },
    },
};

/// The bytes of a connection, shared by the library and the requests.
#[derive(Clone)]
pub struct Wire(Rc<RefCell<Bytes>>);

struct Bytes {
    stream: Stream,
    /// What was read before it was known that this is HTTP/2.
    ahead: Vec<u8>,
    ahead_at: usize,
    meter: FrameMeter,
    buffers: Rc<Buffers>,
    /// What is gathered to be sent.
    out: Option<Text>,
    /// How much of it was sent.
    sent: usize,
    /// Since when the client takes nothing of it, monotonic ms.
    stuck_since: Option<u64>,
}

impl Wire {
    /// The wire of a stream of which `ahead` was read already.
    pub fn new(stream: Stream, ahead: Vec<u8>, buffers: Rc<Buffers>) -> Self {
        let meter = FrameMeter::new(coarse::now_ms());
        Self(Rc::new(RefCell::new(Bytes {
            stream,
            ahead,
            ahead_at: 0,
            meter,
            buffers,
            out: None,
            sent: 0,
            stuck_since: None,
        })))
    }

    /// Sends what was gathered. Pending: the client takes no more at present.
    pub fn poll_send(&self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.0.borrow_mut().poll_send(cx)
    }

    /// Reads and throws away what the client still sends, until it closes or has sent too much.
    pub fn poll_drop(&self, cx: &mut Context<'_>, dropped: &mut usize) -> Poll<()> {
        let bytes = &mut *self.0.borrow_mut();
        let mut lease = bytes.buffers.lend(false);
        loop {
            match ready!(bytes.stream.poll_read(cx, lease.space())) {
                Ok(read) if read > 0 && *dropped + read <= LINGER_BYTES_MAX => *dropped += read,
                _ => return Poll::Ready(()),
            }
        }
    }

    /// Whether the client sent too many frames that move nothing.
    pub fn is_flooded(&self) -> bool {
        self.0.borrow().meter.is_flooded()
    }

    /// Notes the head of a response, which the client may answer.
    pub fn sent_head(&self) {
        self.0.borrow_mut().meter.sent_head();
    }

    /// Notes a part of a response, as the endpoint sent it.
    pub fn sent_part(&self) {
        self.0.borrow_mut().meter.sent_part();
    }

    /// Since when a header block is not whole, monotonic ms.
    pub fn block_since(&self) -> Option<u64> {
        self.0.borrow().meter.block_since()
    }

    /// Since when the client takes nothing of what is sent, monotonic ms.
    pub fn stuck_since(&self) -> Option<u64> {
        self.0.borrow().stuck_since
    }

    /// How the client has gone, if it has. The kernel is asked.
    pub fn departure(&self) -> Option<Departure> {
        self.0.borrow().stream.departure()
    }

    /// Does something with the socket.
    pub fn with_stream<T>(&self, work: impl FnOnce(&Stream) -> T) -> T {
        work(&self.0.borrow().stream)
    }
}

impl Bytes {
    fn poll_send(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        while let Some(out) = &self.out {
            let rest = &out.bytes[self.sent..];
            if rest.is_empty() {
                (self.out, self.sent) = (None, 0);
                break;
            }
            let written = match self.stream.poll_write(cx, rest) {
                Poll::Ready(written) => written?,
                Poll::Pending => {
                    self.stuck_since.get_or_insert_with(coarse::now_ms);
                    return Poll::Pending;
                }
            };
            if written == 0 {
                return Poll::Ready(Err(io::ErrorKind::WriteZero.into()));
            }
            self.wrote(written);
            self.sent += written;
        }
        self.stream.poll_flush(cx)
    }

    fn wrote(&mut self, written: usize) {
        self.stuck_since = None;
        self.meter.wrote(written);
    }

    /// Keeps what is small, and sends what is large at once.
    fn poll_write(&mut self, cx: &mut Context<'_>, parts: &[IoSlice<'_>]) -> Poll<io::Result<usize>> {
        let length: usize = parts.iter().map(|part| part.len()).sum();
        let kept = self.out.as_ref().map_or(0, |out| out.bytes.len());
        if kept + length > HTTP2_WRITE_BYTES {
            ready!(self.poll_send(cx))?;
            if length > HTTP2_WRITE_BYTES / 2 {
                let written = ready!(self.stream.poll_write_vectored(cx, parts))?;
                self.wrote(written);
                return Poll::Ready(Ok(written));
            }
        }
        let out = self.out.get_or_insert_with(|| self.buffers.text());
        parts.iter().for_each(|part| out.bytes.extend_from_slice(part));
        Poll::Ready(Ok(length))
    }
}

impl AsyncRead for Wire {
    fn poll_read(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        space: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let bytes = &mut *self.0.borrow_mut();
        if bytes.meter.is_flooded() {
            // Nothing more is read. The connection notices it as soon as the library has nothing to do.
            return Poll::Pending;
        }
        let before = space.filled().len();
        let ahead = &bytes.ahead[bytes.ahead_at..];
        if ahead.is_empty() {
            ready!(bytes.stream.poll_read_into(cx, space))?;
        } else {
            let taken = ahead.len().min(space.remaining());
            space.put_slice(&ahead[..taken]);
            bytes.ahead_at += taken;
            if bytes.ahead_at == bytes.ahead.len() {
                (bytes.ahead, bytes.ahead_at) = (Vec::new(), 0);
            }
        }
        bytes.meter.read(&space.filled()[before..], coarse::now_ms());
        Poll::Ready(Ok(()))
    }
}

impl AsyncWrite for Wire {
    fn poll_write(self: Pin<&mut Self>, cx: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        self.0.borrow_mut().poll_write(cx, &[IoSlice::new(bytes)])
    }

    fn poll_write_vectored(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        parts: &[IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        self.0.borrow_mut().poll_write(cx, parts)
    }

    fn is_write_vectored(&self) -> bool {
        true
    }

    /// The library asks for it after each large frame. What is gathered leaves when it has no more to write.
    fn poll_flush(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }

    fn poll_shutdown(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        let bytes = &mut *self.0.borrow_mut();
        ready!(bytes.poll_send(cx))?;
        bytes.stream.poll_shutdown(cx)
    }
}
