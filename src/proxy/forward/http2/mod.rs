//! A request to an endpoint that speaks HTTP/2 (RFC 9113). The exchange writes and reads HTTP/1.1, so that whatever holds for one
//! protocol holds for both: here the text becomes frames, and frames become text.
//!
//! | part | what it is |
//! |---|---|
//! | [`request`] | from the text of a request to a head, data and trailers |
//! | [`response`] | from a head, data and trailers to the text of a response |
//! | [`error`] | what an error of a stream means for the exchange |
//!
//! Deliberately absent: WebSockets (RFC 8441). They go by HTTP/1.1 to the same endpoint.

mod error;
mod request;
mod response;

use std::{
    io,
    task::{Context, Poll, ready},
};

use self::{request::Upward, response::Downward};
use crate::upstream::{http2::Http2Seat, stream::Carrier};

/// One request and its response.
#[derive(Debug)]
pub struct Http2Carrier {
    up: Upward,
    down: Downward,
    /// Its place on the connection.
    _seat: Http2Seat,
}

impl Http2Carrier {
    /// A request that is not sent yet. `scheme` is that of the endpoint.
    pub fn new(seat: Http2Seat, scheme: &'static str, extension_bytes_max: u32) -> Self {
        Self {
            up: Upward::new(seat.sender(), scheme, extension_bytes_max),
            down: Downward::default(),
            _seat: seat,
        }
    }
}

impl Carrier for Http2Carrier {
    fn poll_read(&mut self, cx: &mut Context<'_>, space: &mut [u8]) -> Poll<io::Result<usize>> {
        // What the endpoint had no room for yet. Should it fail, it may have answered before.
        let _ = self.up.poll_send(cx);
        ready!(self.poll_readable(cx));
        self.down.poll_read(cx, space)
    }

    fn poll_write(&mut self, cx: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        self.up.poll_write(cx, bytes)
    }

    fn poll_readable(&mut self, cx: &mut Context<'_>) -> Poll<()> {
        match self.up.take_response() {
            Some(begun) => self.down.begin(begun),
            None if !self.down.has_begun() => return Poll::Pending,
            None => {}
        }
        self.down.poll_readable(cx)
    }
}
