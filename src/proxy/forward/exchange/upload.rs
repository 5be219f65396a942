//! The request on its way up: the head and the held part of the body in one write, the rest as it comes.

use std::task::{Context, Poll};

use super::Exchange;
use crate::proxy::{
    codec::{chunked::write_last_chunk, head::Framing},
    downstream::{BodyFault, BodyPart, Downstream, stream::Stream},
    forward::failure::{Failure, has_body},
    route::Plan,
};

/// How far the request is.
pub struct Upload {
    /// Bytes of the plan's text that were sent.
    sent: usize,
    /// A part of the body that was not all sent.
    part: Option<BodyPart>,
    /// All of the body was read.
    body_read: bool,
    /// All of the body was in the plan's text at the start.
    body_in_text: bool,
    /// Some of the body went by without being held.
    streamed: bool,
    /// Nothing more goes up.
    over: bool,
    /// The endpoint stopped taking it.
    broken: bool,
    /// The body comes in chunks of its own.
    chunked: bool,
    /// The endpoint takes whole reads.
    keeps_up: bool,
}

impl Upload {
    pub(super) fn new(plan: &Plan) -> Self {
        let whole = !has_body(plan.framing);
        Self {
            sent: 0,
            part: None,
            body_read: whole,
            body_in_text: whole,
            streamed: false,
            over: false,
            broken: false,
            chunked: plan.framing == Framing::Streamed,
            keeps_up: true,
        }
    }

    /// All of the body has been put into the plan's text.
    pub fn hold_all(&mut self) {
        self.body_read = true;
        self.body_in_text = true;
    }

    pub(super) fn restart(&mut self) {
        self.sent = 0;
        self.over = false;
        self.broken = false;
        self.body_read = self.body_in_text;
    }

    pub(super) fn sent_any(&self) -> bool {
        self.sent > 0
    }

    pub(super) fn is_held(&self) -> bool {
        !self.streamed
    }

    pub(super) fn is_whole(&self) -> bool {
        self.over && !self.broken
    }

    /// Whether all that there is has been sent, and the client has to bring more.
    pub(super) fn waits_for_client(&self) -> bool {
        !self.over && self.part.is_none() && !self.body_read
    }

    pub(super) fn is_over(&self) -> bool {
        self.over
    }

    /// From here on the client's bytes go up without framing.
    pub(super) fn become_tunnel(&mut self) {
        self.body_read = false;
        self.over = false;
        self.streamed = true;
        self.chunked = false;
    }

    /// Takes no more of the client's bytes.
    pub(super) fn give_up(&mut self) {
        self.over = true;
        self.broken = true;
        self.part = None;
    }
}

impl<D: Downstream> Exchange<'_, D> {
    /// Sends what there is to send.
    pub(super) fn poll_upload(&mut self, cx: &mut Context<'_>, link: &mut Stream) -> Result<(), Failure> {
        while !self.upload.over {
            let goes_on = if self.upload.part.is_some() {
                self.send_part(cx, link)
            } else if self.upload.sent < self.plan.out.bytes.len() {
                self.send_text(cx, link)
            } else if self.upload.body_read {
                self.end_upload(cx, link);
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
                true
            }
            Poll::Ready(_) => self.stop_upload(),
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
            Poll::Ready(_) => self.stop_upload(),
            Poll::Pending => {
                self.upload.keeps_up = false;
                false
            }
        }
    }

    /// The endpoint takes no more. It may have answered before it closed, so that is what is looked at next.
    #[cold]
    fn stop_upload(&mut self) -> bool {
        self.upload.give_up();
        false
    }

    fn end_upload(&mut self, cx: &mut Context<'_>, link: &mut Stream) {
        self.upload.over = true;
        if self.response.tunnel.is_some() {
            // The client closed its side; the endpoint may still have something to say.
            let _ = link.poll_shutdown(cx);
        }
    }

    #[inline(never)]
    fn read_part(&mut self, cx: &mut Context<'_>) -> Result<bool, Failure> {
        let mut part = match self.down.poll_body(cx, self.upload.keeps_up, self.plan.app.override_header()) {
            Poll::Pending => return Ok(false),
            Poll::Ready(Ok(part)) => part,
            Poll::Ready(Err(BodyFault::Malformed(what))) => return Err(Failure::RequestBody(what)),
            Poll::Ready(Err(BodyFault::Left)) => return Err(Failure::ClientGone),
        };
        self.upload.streamed = true;
        self.upload.body_read = part.last;
        self.outcome.received += (part.data.end - part.data.start) as u64;
        if self.response.tunnel.is_some() {
            // In a tunnel a client's bytes are a sign of life too.
            self.note_upstream();
        }
        if self.upload.chunked {
            let trailers = std::mem::take(&mut part.trailers);
            part = part.chunked(trailers.is_empty());
            write_last_chunk(&trailers, &mut self.plan.out.bytes);
        }
        if part.data.start < part.data.end {
            self.upload.part = Some(part);
        }
        Ok(true)
    }
}
