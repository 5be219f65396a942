//! Writing to a client: responses, framed for HTTP/1.1 or 1.0.

use std::{
    ops::Range,
    task::{Context, Poll},
};

use super::Connection;
use crate::{
    limits::HEADROOM_BYTES,
    proxy::{
        codec::{body::BodyDecoder, chunked::write_last_chunk, head::Framing, number::write_number},
        downstream::{Answer, BodyFault, BodyPart, ClientGone, Departure, Downstream},
        worker::{buffers::Lease, deadlines::Deadline},
    },
    upstream::{login::LoginLink, vanished::tolerate_pause},
};

impl Downstream for Connection {
    fn buffered_body(
        &mut self,
        chunked: bool,
        private: Option<&str>,
        out: &mut Vec<u8>,
    ) -> Result<bool, BodyFault> {
        self.take_buffered_body(chunked, private, out)
    }

    fn poll_body(
        &mut self,
        cx: &mut Context<'_>,
        large: bool,
        private: Option<&str>,
    ) -> Poll<Result<BodyPart, BodyFault>> {
        self.poll_request_body(cx, large, private)
    }

    fn interim(&mut self, cx: &mut Context<'_>, answer: &Answer<'_>) {
        let mut text = self.worker.buffers.text();
        write_status_line(answer, &mut text.bytes);
        text.bytes.extend_from_slice(b"\r\n");
        self.write_text(cx, &text.bytes);
    }

    fn answer(&mut self, cx: &mut Context<'_>, answer: &Answer<'_>, first: BodyPart) {
        self.out.begun = true;
        if answer.tunnel.is_some() {
            self.request.tunnel = true;
            self.request.body = BodyDecoder::UntilClose;
        }
        let unframed =
            matches!(answer.framing, Framing::Streamed | Framing::UntilClose) && answer.tunnel.is_none();
        self.out.chunked = unframed && self.request.minor_version > 0;
        self.out.framed = self.out.chunked || matches!(answer.framing, Framing::Length(_));
        self.request.keep_alive &= !answer.close && (!unframed || self.out.chunked);
        let mut text = self.worker.buffers.text();
        write_status_line(answer, &mut text.bytes);
        self.write_framing(answer, &mut text.bytes);
        self.send_behind(cx, &text.bytes, first);
    }

    fn send(&mut self, cx: &mut Context<'_>, part: BodyPart) {
        self.send_behind(cx, &[], part);
    }

    fn poll_flush(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), ClientGone>> {
        self.poll_out(cx)
    }

    fn abort(&mut self) {
        self.out.aborted = true;
        self.out.pending = None;
        self.out.then = Vec::new();
    }

    fn close_early(&mut self) {
        self.request.keep_alive = false;
        self.out.pending = None;
        self.out.then = Vec::new();
    }

    fn shows_cut(&self) -> bool {
        self.out.framed
    }

    fn poll_closed(&mut self, cx: &mut Context<'_>) -> Poll<Departure> {
        self.look_ahead(cx)
    }

    fn has_ahead(&self) -> bool {
        self.unread_at < self.unread.len()
    }

    fn departure(&self) -> Option<Departure> {
        self.stream.departure()
    }

    fn tolerate_pause(&self, ms: u64) {
        if ms > self.worker.limits().body_grace_ms {
            // Should it fail, a longer pause ends the connection.
            let _ = tolerate_pause(&self.stream.socket(), ms);
        }
    }

    fn unflushed(&self) -> usize {
        let pending = self.out.pending.as_ref().map_or(0, |(_, range)| range.len());
        pending + self.out.then.len()
    }

    fn keeps_up(&self) -> bool {
        self.out.keeps_up
    }

    fn login(&mut self) -> &mut Option<Box<LoginLink>> {
        &mut self.login
    }

    fn deadline(&self) -> &Deadline {
        &self.deadline
    }
}

fn write_status_line(answer: &Answer<'_>, out: &mut Vec<u8>) {
    out.extend_from_slice(b"HTTP/1.1 ");
    write_number(answer.status.into(), out);
    out.push(b' ');
    out.extend_from_slice(answer.reason);
    out.extend_from_slice(b"\r\n");
    out.extend_from_slice(answer.fields);
}

impl Connection {
    fn write_framing(&self, answer: &Answer<'_>, out: &mut Vec<u8>) {
        if let Some(length) = answer.length() {
            out.extend_from_slice(b"content-length: ");
            write_number(length, out);
            out.extend_from_slice(b"\r\n");
        }
        if self.out.chunked {
            out.extend_from_slice(b"transfer-encoding: chunked\r\n");
        }
        if let Some(protocol) = answer.tunnel {
            protocol.write(out);
        } else if !self.request.keep_alive {
            out.extend_from_slice(b"connection: close\r\n");
        } else if self.request.minor_version == 0 {
            out.extend_from_slice(b"connection: keep-alive\r\n");
        }
        out.extend_from_slice(b"\r\n");
    }

    /// Sends a part with a text in front of it, in one write if the buffer has room for the text.
    fn send_behind(&mut self, cx: &mut Context<'_>, text: &[u8], part: BodyPart) {
        let mut part = part;
        if self.out.chunked {
            let trailers = std::mem::take(&mut part.trailers);
            part = part.chunked(trailers.is_empty());
            write_last_chunk(&trailers, &mut self.out.then);
        }
        let BodyPart { mut lease, mut data, .. } = part;
        if let Some(start) = data.start.checked_sub(text.len()) {
            lease.all()[start..data.start].copy_from_slice(text);
            data.start = start;
            self.write(cx, lease, data);
            return;
        }
        self.send_apart(cx, text, lease.get(data));
    }

    /// Sends a text and data apart: a head that is too long to fit in front of its body.
    #[cold]
    fn send_apart(&mut self, cx: &mut Context<'_>, text: &[u8], data: &[u8]) {
        self.out.then = [text, data, &self.out.then].concat();
        self.out.keeps_up = false;
        let _ = self.poll_out(cx);
    }

    fn write_text(&mut self, cx: &mut Context<'_>, text: &[u8]) {
        self.out.then.extend_from_slice(text);
        let _ = self.poll_out(cx);
    }

    /// Writes what the socket takes, and keeps the rest.
    fn write(&mut self, cx: &mut Context<'_>, lease: Lease, range: Range<usize>) {
        if range.is_empty() {
            return;
        }
        match self.stream.poll_write(cx, lease.get(range.clone())) {
            Poll::Ready(Ok(written)) if written == range.len() => self.out.keeps_up = true,
            Poll::Ready(Ok(written)) => {
                self.out.keeps_up = false;
                self.out.pending = Some((lease, range.start + written..range.end));
            }
            Poll::Ready(Err(_)) => self.out.gone = true,
            Poll::Pending => {
                self.out.keeps_up = false;
                self.out.pending = Some((lease, range));
            }
        }
    }

    fn poll_out(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), ClientGone>> {
        if self.out.gone {
            return Poll::Ready(Err(ClientGone));
        }
        while let Some((lease, range)) = self.out.pending.take() {
            match self.stream.poll_write(cx, lease.get(range.clone())) {
                Poll::Ready(Ok(written)) if written > 0 => {
                    if written < range.len() {
                        self.out.pending = Some((lease, range.start + written..range.end));
                    }
                }
                Poll::Ready(_) => return self.lost(),
                Poll::Pending => {
                    self.out.pending = Some((lease, range));
                    return Poll::Pending;
                }
            }
        }
        while !self.out.then.is_empty() {
            match self.stream.poll_write(cx, &self.out.then) {
                Poll::Ready(Ok(written)) if written > 0 => {
                    self.out.then.drain(..written);
                }
                Poll::Ready(_) => return self.lost(),
                Poll::Pending => return Poll::Pending,
            }
        }
        if self.out.flush {
            return match self.stream.poll_flush(cx) {
                Poll::Ready(Err(_)) => self.lost(),
                other => other.map(|_| Ok(())),
            };
        }
        Poll::Ready(Ok(()))
    }

    fn lost(&mut self) -> Poll<Result<(), ClientGone>> {
        self.out.gone = true;
        Poll::Ready(Err(ClientGone))
    }
}

/// The room that [`BodyPart::data`] promises.
const _: () = assert!(HEADROOM_BYTES > 24);
