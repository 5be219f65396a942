//! The bytes of a connection on their way to the HTTP server of this port, which reads more leniently than the front does.
//!
//! Each request is read by the front's rules first ([`crate::live::request_follower`]), and passed on only when its head is
//! whole and has one meaning. In place of one that is refused stands a request that is answered with the refusal, so it gets
//! its answer in its turn, and nothing behind it is read. A body that turns out wrong ends in an error for whoever reads it,
//! and the refusal takes the place of what they answer.

use std::{
    io,
    pin::Pin,
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    task::{Context, Poll, Waker, ready},
};

use axum::http::StatusCode;
use bytes::{Buf as _, BytesMut};
use futures_util::task::AtomicWaker;
use parking_lot::Mutex;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};

use super::stream::Stream;
use crate::{
    control::shared::error::{ApiError, Kind},
    live::request_follower::{Part, RequestFollower, RequestFollowers, UnreadableRequest},
};

/// What one read asks for, in bytes: a usual head.
const READ_BYTES: usize = 4 << 10;

/// What is passed on in place of a request that is refused.
const STAND_IN: &[u8] = b"GET / HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n";

/// What those who read a connection and those who answer on it tell each other. Requests are counted from 1, and answered
/// in their order.
#[derive(Debug, Default)]
pub struct Turns {
    begun: AtomicU64,
    answered: AtomicU64,
    refused: Mutex<Option<(u64, UnreadableRequest)>>,
    reader: AtomicWaker,
}

impl Turns {
    /// The turn of the next request.
    pub fn begin(&self) -> u64 {
        self.begun.fetch_add(1, Ordering::Relaxed) + 1
    }

    /// Whether a first request was read.
    pub fn has_begun(&self) -> bool {
        self.begun.load(Ordering::Relaxed) > 0
    }

    /// Why a request is refused, if so much of it was read that this is known.
    pub fn refusal(&self, turn: u64) -> Option<ApiError> {
        let (refused, unreadable) = (*self.refused.lock())?;
        let status = StatusCode::from_u16(unreadable.status).unwrap_or(StatusCode::BAD_REQUEST);
        (refused == turn).then(|| ApiError::new(Kind::Unreadable(status), unreadable.detail))
    }

    /// What is answered to a request is decided.
    pub fn end(&self, turn: u64) {
        self.answered.fetch_max(turn, Ordering::Release);
        self.reader.wake();
    }

    /// Whether it is decided what is answered to a request; else the reader is woken when it is.
    fn has_ended(&self, turn: u64, reader: &Waker) -> bool {
        self.reader.register(reader);
        self.answered.load(Ordering::Acquire) >= turn
    }
}

/// The bytes of a connection, for the HTTP server.
#[derive(Debug)]
pub struct StrictIo {
    io: Stream,
    /// None: requests are passed on as they come.
    reader: Option<Reader>,
    turns: Arc<Turns>,
}

/// What was read and is not passed on yet.
#[derive(Debug)]
struct Reader {
    follower: Box<dyn RequestFollower>,
    held: BytesMut,
    /// So many of the bytes held may be passed on.
    passable: usize,
    /// Requests passed on.
    requests: u64,
    /// The last request asks for a WebSocket, so what follows may be anything.
    asks_for_websocket: bool,
    is_refused: bool,
}

impl StrictIo {
    pub fn new(io: Stream, followers: Option<&RequestFollowers>, turns: Arc<Turns>) -> Self {
        let reader = followers.map(|followers| Reader {
            follower: followers.begin(),
            held: BytesMut::new(),
            passable: 0,
            requests: 0,
            asks_for_websocket: false,
            is_refused: false,
        });
        Self { io, reader, turns }
    }
}

impl Reader {
    /// Passes on what may be passed on; whether there was any.
    fn pass(&mut self, buffer: &mut ReadBuf<'_>) -> bool {
        let count = self.passable.min(buffer.remaining());
        if count == 0 {
            return false;
        }
        buffer.put_slice(&self.held[..count]);
        self.held.advance(count);
        self.passable -= count;
        if self.held.is_empty() {
            // A connection that waits for its next request holds nothing.
            self.held = BytesMut::new();
        }
        true
    }

    /// Looks what the bytes held begin with; whether some of them may be passed on.
    fn follow(&mut self, turns: &Turns) -> Result<bool, UnreadableRequest> {
        match self.follower.follow(&self.held) {
            Ok(Part::Partial) => return Ok(false),
            Ok(Part::Body(length)) => self.passable = length,
            Ok(Part::Head { length, websocket }) => {
                self.passable = length;
                self.requests += 1;
                self.asks_for_websocket = websocket;
            }
            Err(unreadable) => {
                self.is_refused = true;
                self.requests += u64::from(!unreadable.in_body);
                *turns.refused.lock() = Some((self.requests, unreadable));
                if unreadable.in_body {
                    return Err(unreadable);
                }
                self.held = BytesMut::from(STAND_IN);
                self.passable = STAND_IN.len();
            }
        }
        Ok(true)
    }
}

impl AsyncRead for StrictIo {
    fn poll_read(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let Self { io, reader, turns } = self.get_mut();
        let Some(reader) = reader else { return Pin::new(io).poll_read(cx, buffer) };
        loop {
            if reader.pass(buffer) {
                return Poll::Ready(Ok(()));
            }
            if reader.is_refused {
                // The connection ends with the answer to it.
                return Poll::Pending;
            }
            if reader.asks_for_websocket {
                if !turns.has_ended(reader.requests, cx.waker()) {
                    return Poll::Pending;
                }
                if io.socket().is_upgraded() {
                    return Pin::new(io).poll_read(cx, buffer);
                }
                reader.asks_for_websocket = false;
            }
            if !reader.held.is_empty() {
                let damaged = |unreadable: UnreadableRequest| {
                    io::Error::new(io::ErrorKind::InvalidData, unreadable.detail)
                };
                if reader.follow(turns).map_err(damaged)? {
                    continue;
                }
            }
            let mut space = [0; READ_BYTES];
            let mut read = ReadBuf::new(&mut space);
            ready!(Pin::new(&mut *io).poll_read(cx, &mut read))?;
            if read.filled().is_empty() {
                return Poll::Ready(Ok(()));
            }
            reader.held.extend_from_slice(read.filled());
        }
    }
}

impl AsyncWrite for StrictIo {
    fn poll_write(self: Pin<&mut Self>, cx: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.get_mut().io).poll_write(cx, bytes)
    }

    fn poll_write_vectored(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        slices: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.get_mut().io).poll_write_vectored(cx, slices)
    }

    fn is_write_vectored(&self) -> bool {
        self.io.is_write_vectored()
    }

    fn poll_flush(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.get_mut().io).poll_flush(cx)
    }

    fn poll_shutdown(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.get_mut().io).poll_shutdown(cx)
    }
}
