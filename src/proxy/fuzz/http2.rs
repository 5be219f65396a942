//! A connection of HTTP/2 whose every byte comes from outside: what the library makes a request of is one head of HTTP/1.1 to
//! the codec, or none.

use std::{
    io,
    pin::{Pin, pin},
    task::{Context, Poll, Waker},
};

use bytes::Bytes;
use http::request::Parts;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};

use crate::{
    limits::Limits,
    proxy::{
        codec::{lines::Progress, request::read_request},
        downstream::http2::{
            body::RequestBody,
            connection::builder,
            head::{self, KnownBody},
            meter::FrameMeter,
        },
    },
};

/// What a client says first (RFC 9113 section 3.4): the preface, and its settings.
const BEGINNING: &[u8] = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n\0\0\0\x04\0\0\0\0\0";

/// The frames that follow a client's settings.
pub fn http2_frames(bytes: &[u8]) {
    count_frames(bytes);
    let cx = &mut Context::from_waker(Waker::noop());
    let client = Client { sends: [BEGINNING, bytes].concat(), read: 0 };
    let mut handshake = pin!(builder(&Limits::default()).handshake::<_, Bytes>(client));
    let Poll::Ready(Ok(mut connection)) = handshake.as_mut().poll(cx) else { return };
    // Kept, so that the streams stay open.
    let mut requests = Vec::new();
    while let Poll::Ready(Some(Ok((request, respond)))) = connection.poll_accept(cx) {
        let (parts, body) = request.into_parts();
        let mut body = RequestBody::new(body);
        write_head(&parts, body.look_ahead());
        requests.push((respond, body));
    }
}

/// The head ends where it ends: what a client wrote into a field never begins another request, or a body.
fn write_head(parts: &Parts, body: KnownBody) {
    let mut head = Vec::new();
    if head::write(parts, body, || [0; 16], &mut head).is_err() {
        return;
    }
    let (limits, mut lines) = (Limits::default(), Vec::new());
    match read_request(&head, &mut lines, &limits) {
        Ok(Progress::Complete(request)) => {
            assert_eq!(request.length, head.len());
            let method = if head::opens_websocket(parts) { "GET" } else { parts.method.as_str() };
            assert_eq!(request.head.method, method.as_bytes());
        }
        Ok(Progress::Partial) => panic!("a head without an end: {}", head.escape_ascii()),
        Err(_) => {}
    }
}

/// Frames are found however they are split, and so are floods.
fn count_frames(bytes: &[u8]) {
    let count = |step: usize| {
        let mut meter = FrameMeter::new(0);
        meter.read(BEGINNING, 0);
        bytes.chunks(step).for_each(|part| meter.read(part, 0));
        (meter.is_flooded(), meter.block_since())
    };
    let whole = count(bytes.len().max(1));
    for step in [1, 7] {
        assert_eq!(count(step), whole);
    }
}

/// A client that has sent all, and reads all.
struct Client {
    sends: Vec<u8>,
    read: usize,
}

impl AsyncRead for Client {
    fn poll_read(
        mut self: Pin<&mut Self>,
        _: &mut Context<'_>,
        space: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let rest = &self.sends[self.read..];
        let taken = rest.len().min(space.remaining());
        space.put_slice(&rest[..taken]);
        self.read += taken;
        Poll::Ready(Ok(()))
    }
}

impl AsyncWrite for Client {
    fn poll_write(self: Pin<&mut Self>, _: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        Poll::Ready(Ok(bytes.len()))
    }

    fn poll_flush(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }

    fn poll_shutdown(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }
}
