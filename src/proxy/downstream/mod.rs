//! The client's side: what forwarding needs of it ([`Downstream`]), and the servers of HTTP/1.1 ([`http1`]) and HTTP/2
//! ([`http2`]).
//!
//! [`super::forward`] reads a request's body from a [`Downstream`] and writes the answer into it. It does not know how either
//! is framed: HTTP/1.1 puts chunk sizes around the data, HTTP/2 frames. Heads cross this seam as bytes and positions
//! ([`super::codec::head`]). Data crosses it in buffers with room around it, so that neither side copies.

pub mod certificate_names;
pub mod decision;
pub mod follower;
pub mod handshake;
pub mod http1;
pub mod http2;
pub mod pause;
pub mod refuse;
pub mod stream;

use std::{
    ops::Range,
    task::{Context, Poll},
};

use super::{
    codec::{
        chunked::{LAST_CHUNK, write_size_before},
        head::Framing,
        protocol::Protocol,
    },
    worker::{buffers::Lease, deadlines::Deadline},
};
use crate::upstream::login::LoginLink;

/// A part of a body, in a lent buffer.
#[derive(Debug)]
pub struct BodyPart {
    /// The buffer.
    pub lease: Lease,
    /// Where the data is in the whole buffer: at least 24 bytes from its start, at least 16 from its end.
    pub data: Range<usize>,
    /// The body ends with it.
    pub last: bool,
    /// Trailer lines that may be passed on. Only the last part has any.
    pub trailers: Vec<u8>,
}

impl BodyPart {
    /// Puts a chunk's size before the data and its end behind it; with `close`, behind the last part the last chunk too.
    /// The buffer has room for that; trailers would have none, so they go with [`super::codec::chunked::write_last_chunk`].
    #[must_use]
    pub fn chunked(mut self, close: bool) -> Self {
        let (start, mut end) = (self.data.start, self.data.end);
        let all = self.lease.all();
        if start < end {
            self.data.start = write_size_before(all, start, end - start);
            all[end..end + 2].copy_from_slice(b"\r\n");
            end += 2;
        }
        if self.last && close {
            all[end..end + LAST_CHUNK.len()].copy_from_slice(LAST_CHUNK);
            end += LAST_CHUNK.len();
        }
        self.data.end = end;
        self
    }
}

/// Why a request's body cannot be read further.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum BodyFault {
    /// The client does not keep to the framing.
    #[error("{0}")]
    Malformed(&'static str),
    /// The client left.
    #[error("the client left while it was sending")]
    Left,
}

/// How a client went away while it was to wait for its answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Departure {
    /// It has closed its sending side. It may still wait.
    HalfClosed,
    /// It left.
    Left,
}

/// The client is gone, and nothing can be sent to it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the client left before the response was whole")]
pub struct ClientGone;

/// The head of a response, ready for a client.
#[derive(Debug, Clone, Copy)]
pub struct Answer<'a> {
    /// 200..=999, or 101 for a tunnel.
    pub status: u16,
    /// The reason, which HTTP/2 does not have.
    pub reason: &'a [u8],
    /// Header lines as text (`name: value\r\n`), nothing of framing or of the connection among them.
    pub fields: &'a [u8],
    /// How the body ends. [`Framing::UntilClose`]: its length is not known.
    pub framing: Framing,
    /// The length to state where no body follows (HEAD and 304).
    pub stated_length: Option<u64>,
    /// From now on bytes go both ways without framing, in this protocol.
    pub tunnel: Option<Protocol>,
    /// No further request is taken on this connection.
    pub close: bool,
}

impl Answer<'_> {
    /// The length that the head states, if it is known.
    pub fn length(&self) -> Option<u64> {
        match self.framing {
            Framing::Length(length) => Some(length),
            Framing::None => self.stated_length,
            Framing::Streamed | Framing::UntilClose => None,
        }
    }
}

/// A client that waits for an answer.
pub trait Downstream {
    /// Appends to `out` what was read of the body already, in chunks if `chunked`. `true` if that was all of it. A trailer of
    /// the name `private` is left out.
    fn buffered_body(
        &mut self,
        chunked: bool,
        private: Option<&str>,
        out: &mut Vec<u8>,
    ) -> Result<bool, BodyFault>;

    /// Reads more of the body, or once it is a tunnel, of its bytes. With `large` much is read at once. A part is empty only
    /// if it is the last. A trailer of the name `private` is left out.
    fn poll_body(
        &mut self,
        cx: &mut Context<'_>,
        large: bool,
        private: Option<&str>,
    ) -> Poll<Result<BodyPart, BodyFault>>;

    /// Sends an interim (1xx) response. Everything that was sent before must be flushed.
    fn interim(&mut self, cx: &mut Context<'_>, answer: &Answer<'_>);

    /// Sends the head of the response, and the first part of its body. Everything that was sent before must be flushed.
    fn answer(&mut self, cx: &mut Context<'_>, answer: &Answer<'_>, first: BodyPart);

    /// Sends another part of the body. Everything that was sent before must be flushed.
    fn send(&mut self, cx: &mut Context<'_>, part: BodyPart);

    /// Ready when everything that was sent is on its way, so that more can be sent.
    fn poll_flush(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), ClientGone>>;

    /// Resets the connection, so that the client cannot take the response for a whole one. What it has not got yet is lost.
    fn abort(&mut self);

    /// Sends no more, and closes once the client has what was sent.
    fn close_early(&mut self);

    /// Whether a response that [`Downstream::close_early`] cuts is seen to be cut: by a missing last chunk, or its length.
    fn shows_cut(&self) -> bool;

    /// Ready when the client has closed its sending side, or has left. Where something that it sent is still unread, nobody is
    /// woken: see [`Downstream::has_ahead`].
    fn poll_closed(&mut self, cx: &mut Context<'_>) -> Poll<Departure>;

    /// Whether bytes that the client sent after its request are unread.
    fn has_ahead(&self) -> bool;

    /// How the client has gone, if it has, whatever is still unread.
    fn departure(&self) -> Option<Departure>;

    /// Lets the client pause for so long, in ms, before it counts as vanished.
    fn tolerate_pause(&self, ms: u64);

    /// How many of the bytes that were sent are not on their way yet.
    fn unflushed(&self) -> usize;

    /// Whether the client takes whole reads, so that large ones are worth it.
    fn keeps_up(&self) -> bool;

    /// Where the connection to an endpoint waits that carries this client's login.
    fn login(&mut self) -> &mut Option<Box<LoginLink>>;

    /// The deadline of the request.
    fn deadline(&self) -> &Deadline;
}
