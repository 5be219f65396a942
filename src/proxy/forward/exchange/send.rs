//! Sending the request to the endpoint: the head and the held part of the body in one write, the rest as it comes.

use std::task::{Context, Poll};

use super::state::Exchange;
use crate::{
    limits::HELD_BODY_BYTES_MAX,
    proxy::{
        codec::chunked::write_last_chunk,
        downstream::{BodyFault, Downstream},
        forward::failure::Failure,
    },
    upstream::stream::Stream,
};

impl<D: Downstream> Exchange<'_, D> {
    /// Sends what there is to send.
    pub(super) fn send_request(&mut self, cx: &mut Context<'_>, link: &mut Stream) -> Result<(), Failure> {
        while !self.upload.over {
            let goes_on = if self.upload.part.is_some() {
                self.send_part(cx, link)
            } else if self.upload.sent < self.plan.out.bytes.len() {
                self.send_text(cx, link)
            } else if self.upload.body_read {
                self.end_request(cx, link);
                true
            } else {
                self.read_part(cx)?
            };
            if !goes_on {
                break;
            }
        }
        Ok(())
    }

    fn send_text(&mut self, cx: &mut Context<'_>, link: &mut Stream) -> bool {
        match link.poll_write(cx, &self.plan.out.bytes[self.upload.sent..]) {
            Poll::Ready(Ok(sent)) if sent > 0 => {
                self.upload.sent += sent;
                self.note_upstream();
                self.asked_at_ms = self.upstream_at_ms;
                true
            }
            Poll::Ready(_) => self.stop_request(),
            Poll::Pending => false,
        }
    }

    #[inline(never)]
    fn send_part(&mut self, cx: &mut Context<'_>, link: &mut Stream) -> bool {
        let Some(part) = &mut self.upload.part else { return true };
        match link.poll_write(cx, part.lease.get(part.data.clone())) {
            Poll::Ready(Ok(sent)) if sent > 0 => {
                part.data.start += sent;
                self.upload.keeps_up = part.data.start == part.data.end;
                if self.upload.keeps_up {
                    self.upload.part = None;
                }
                self.note_upstream();
                true
            }
            Poll::Ready(_) => self.stop_request(),
            Poll::Pending => {
                self.upload.keeps_up = false;
                false
            }
        }
    }

    /// The endpoint takes no more. It may have answered before it closed, so its answer is read next.
    #[cold]
    fn stop_request(&mut self) -> bool {
        self.upload.give_up();
        false
    }

    fn end_request(&mut self, cx: &mut Context<'_>, link: &mut Stream) {
        self.upload.over = true;
        if self.download.tunnel.is_some() {
            // The client closed its side; the endpoint may still have something to say.
            let _ = link.poll_shutdown(cx);
        }
    }

    /// No buffer is left for the body. A transfer under way waits for one; a request of whose body nothing was read is refused
    /// like those that come now.
    #[cold]
    fn wait_for_buffer(&self) -> Result<bool, Failure> {
        if self.upload.streamed || self.has_answered() {
            return Ok(false);
        }
        self.worker.counters().limit_memory.add(1);
        Err(Failure::Resources)
    }

    #[inline(never)]
    fn read_part(&mut self, cx: &mut Context<'_>) -> Result<bool, Failure> {
        if !self.worker.buffers.may_lend() {
            return self.wait_for_buffer();
        }
        let mut part = match self.down.poll_body(cx, self.upload.keeps_up, self.plan.app.override_header()) {
            Poll::Pending => return Ok(false),
            Poll::Ready(Ok(part)) => part,
            Poll::Ready(Err(BodyFault::Malformed(what))) => return Err(Failure::RequestBody(what)),
            Poll::Ready(Err(BodyFault::Left)) => return Err(Failure::ClientGone),
        };
        self.upload.body_read = part.last;
        self.outcome.received += (part.data.end - part.data.start) as u64;
        self.check_body_bytes()?;
        if self.download.tunnel.is_some() {
            // In a tunnel a client's bytes are a sign of life too.
            self.note_upstream();
        }
        let trailers = std::mem::take(&mut part.trailers);
        if self.upload.chunked {
            part = part.chunked(trailers.is_empty());
        }
        if self.holds_more() {
            self.plan.out.bytes.extend_from_slice(part.lease.get(part.data.clone()));
            self.upload.body_in_text = part.last;
        } else {
            self.upload.streamed = true;
            self.upload.part = (part.data.start < part.data.end).then_some(part);
        }
        if self.upload.chunked {
            write_last_chunk(&trailers, &mut self.plan.out.bytes);
        }
        Ok(true)
    }

    /// Whether what comes of a call is held behind its head, so that the call can be sent again: its messages so far are short.
    fn holds_more(&self) -> bool {
        let short = self.outcome.received <= HELD_BODY_BYTES_MAX as u64;
        self.plan.grpc.is_some() && short && !self.upload.streamed
    }
}
