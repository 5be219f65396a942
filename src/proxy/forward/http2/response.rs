//! A response on its way down: its head, data and trailers as text.

use std::{
    io::{self, Write as _},
    task::{Context, Poll, ready},
};

use bytes::{Buf as _, Bytes};
use h2::{Reason, RecvStream, client::ResponseFuture};
use http::{HeaderMap, Response, header};

use super::{error::io_error, request::Begun};
use crate::proxy::downstream::http2::fields;

/// What a chunk needs around its data, in bytes: a size of 8 digits and two ends of lines.
const CHUNK_BYTES: usize = 12;

/// The least space into which a chunk is written, in bytes.
const LEAST_SPACE_BYTES: usize = 64;

/// A response on its way.
#[derive(Debug, Default)]
pub struct Downward {
    stage: Stage,
    /// The method is HEAD.
    to_head: bool,
    /// Text that waits to be read.
    text: Vec<u8>,
    /// How much of it was read.
    at: usize,
    /// Data that waits to be read.
    data: Bytes,
    /// The body is told in chunks.
    chunked: bool,
}

#[derive(Debug, Default)]
enum Stage {
    /// The request is not sent yet.
    #[default]
    Before,
    /// The head is awaited.
    Head(ResponseFuture),
    /// The body is read.
    Body(RecvStream),
    /// It is whole.
    Whole,
    /// It failed.
    Failed(io::ErrorKind),
}

impl Downward {
    /// The request was sent, or could not be.
    pub fn begin(&mut self, begun: Begun) {
        self.to_head = begun.to_head;
        self.stage = match begun.response {
            Ok(response) => Stage::Head(response),
            Err(kind) => Stage::Failed(kind),
        };
    }

    /// Whether it can come.
    pub fn has_begun(&self) -> bool {
        !matches!(self.stage, Stage::Before)
    }

    /// Ready when there is something to read, or the end.
    pub fn poll_readable(&mut self, cx: &mut Context<'_>) -> Poll<()> {
        while self.at == self.text.len() && self.data.is_empty() {
            let advanced = match &mut self.stage {
                Stage::Before => return Poll::Pending,
                Stage::Whole | Stage::Failed(_) => return Poll::Ready(()),
                Stage::Head(response) => ready!(poll_head(response, cx)).map(|head| self.take_head(head)),
                Stage::Body(body) => ready!(poll_part(body, cx)).map(|part| self.take_part(part)),
            };
            if let Err(kind) = advanced {
                self.stage = Stage::Failed(kind);
            }
        }
        Poll::Ready(())
    }

    /// Reads what there is. 0 is the end.
    pub fn poll_read(&mut self, cx: &mut Context<'_>, space: &mut [u8]) -> Poll<io::Result<usize>> {
        ready!(self.poll_readable(cx));
        if self.at < self.text.len() {
            let length = space.len().min(self.text.len() - self.at);
            space[..length].copy_from_slice(&self.text[self.at..self.at + length]);
            self.at += length;
            if self.at == self.text.len() {
                (self.text, self.at) = (Vec::new(), 0);
            }
            return Poll::Ready(Ok(length));
        }
        match &mut self.stage {
            Stage::Failed(kind) => Poll::Ready(Err((*kind).into())),
            Stage::Body(body) if self.chunked && space.len() < LEAST_SPACE_BYTES => {
                // What is left of a space has no room for a chunk.
                let mut chunk = vec![0; CHUNK_BYTES + LEAST_SPACE_BYTES];
                let length = read_data(&mut self.data, body, true, &mut chunk);
                chunk.truncate(length);
                self.text = chunk;
                self.poll_read(cx, space)
            }
            Stage::Body(body) if !self.data.is_empty() => {
                Poll::Ready(Ok(read_data(&mut self.data, body, self.chunked, space)))
            }
            _ => Poll::Ready(Ok(0)),
        }
    }

    fn take_head(&mut self, head: Head) {
        let (response, body) = match head {
            Head::Interim(response) => (response, None),
            Head::Final(response, body) => (response, Some(body)),
        };
        let status = response.status();
        let reason = status.canonical_reason().unwrap_or_default();
        let _ = write!(self.text, "HTTP/1.1 {} {reason}\r\n", status.as_u16());
        fields::to_text(response.headers(), &mut self.text);
        if let Some(body) = body {
            let sized = response.headers().contains_key(header::CONTENT_LENGTH);
            let bodiless = self.to_head || matches!(status.as_u16(), 204 | 304);
            let empty = body.is_end_stream();
            self.chunked = !sized && !bodiless && !empty;
            if self.chunked {
                self.text.extend_from_slice(b"transfer-encoding: chunked\r\n");
            } else if !sized && !bodiless {
                self.text.extend_from_slice(b"content-length: 0\r\n");
            }
            self.stage = Stage::Body(body);
        }
        self.text.extend_from_slice(b"\r\n");
    }

    fn take_part(&mut self, part: Part) {
        match part {
            Part::Data(data) => self.data = data,
            Part::End(trailers) => {
                if self.chunked {
                    self.text.extend_from_slice(b"0\r\n");
                    fields::to_text(&trailers, &mut self.text);
                    self.text.extend_from_slice(b"\r\n");
                }
                self.stage = Stage::Whole;
            }
        }
    }
}

enum Head {
    Interim(Response<()>),
    Final(Response<()>, RecvStream),
}

enum Part {
    Data(Bytes),
    End(HeaderMap),
}

fn poll_head(future: &mut ResponseFuture, cx: &mut Context<'_>) -> Poll<Result<Head, io::ErrorKind>> {
    let kind = |error: &h2::Error| io_error(error).kind();
    match future.poll_informational(cx) {
        Poll::Ready(Some(Ok(interim))) => return Poll::Ready(Ok(Head::Interim(interim))),
        // The final head says what has happened.
        Poll::Ready(_) | Poll::Pending => {}
    }
    let done = ready!(std::pin::Pin::new(future).poll(cx));
    Poll::Ready(done.map_err(|error| kind(&error)).map(|response| {
        let (parts, body) = response.into_parts();
        Head::Final(Response::from_parts(parts, ()), body)
    }))
}

fn poll_part(body: &mut RecvStream, cx: &mut Context<'_>) -> Poll<Result<Part, io::ErrorKind>> {
    match ready!(body.poll_data(cx)) {
        Some(Ok(data)) => return Poll::Ready(Ok(Part::Data(data))),
        // The whole response was sent, and the endpoint wants no more of the request (RFC 9113 section 8.1).
        Some(Err(error))
            if error.is_reset() && error.reason() == Some(Reason::NO_ERROR) && body.is_end_stream() =>
        {
            return Poll::Ready(Ok(Part::End(HeaderMap::new())));
        }
        Some(Err(_)) => return Poll::Ready(Err(io::ErrorKind::ConnectionReset)),
        None => {}
    }
    let trailers = ready!(body.poll_trailers(cx));
    Poll::Ready(match trailers {
        Ok(trailers) => Ok(Part::End(trailers.unwrap_or_default())),
        Err(_) => Err(io::ErrorKind::ConnectionReset),
    })
}

/// Moves data into a space, and lets the endpoint send as much again.
fn read_data(data: &mut Bytes, body: &mut RecvStream, chunked: bool, space: &mut [u8]) -> usize {
    let around = if chunked { CHUNK_BYTES } else { 0 };
    let length = data.len().min(space.len().saturating_sub(around));
    let mut at = 0;
    if chunked {
        let size = format!("{length:x}\r\n");
        space[..size.len()].copy_from_slice(size.as_bytes());
        at = size.len();
    }
    space[at..at + length].copy_from_slice(&data[..length]);
    at += length;
    if chunked {
        space[at..at + 2].copy_from_slice(b"\r\n");
        at += 2;
    }
    data.advance(length);
    // It fails only where the stream has ended.
    let _ = body.flow_control().release_capacity(length);
    at
}
