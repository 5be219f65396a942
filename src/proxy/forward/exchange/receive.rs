//! Receiving the response from the endpoint: its head, then its body, handed on as it comes.

use std::{
    io,
    task::{Context, Poll},
};

use super::{download::UnreadBytes, state::Exchange};
use crate::{
    limits::HEADROOM_BYTES,
    proxy::{
        codec::{body::BodyDecoder, fault::Malformed, trailers},
        downstream::{BodyPart, Downstream},
        forward::failure::Failure,
        route::grpc::http_status,
    },
    upstream::stream::Stream,
};

impl<D: Downstream> Exchange<'_, D> {
    /// Reads what the endpoint sent and hands it on. Everything before is flushed.
    pub(super) fn receive_response(
        &mut self,
        cx: &mut Context<'_>,
        link: &mut Stream,
    ) -> Result<(), Failure> {
        if self.download.decoder.is_some() {
            if self.download.compressed.is_some() {
                return self.receive_compressed(cx, link);
            }
            return self.receive_body(cx, link);
        }
        let mut incoming = match self.download.incoming.take() {
            Some(incoming) if !incoming.partial => incoming,
            held => match self.read_head(cx, link, held)? {
                Some(incoming) => incoming,
                None => return Ok(()),
            },
        };
        let facts = match self.rewrite_head(&mut incoming) {
            Ok(Some(facts)) => facts,
            Ok(None) => {
                incoming.partial = true;
                self.download.incoming = Some(incoming);
                return Ok(());
            }
            Err(failure @ Failure::Malformed(_)) if self.is_lenient() => {
                if self.mend_head(&mut incoming, failure)? {
                    self.went_on = true;
                } else {
                    incoming.partial = true;
                }
                self.download.incoming = Some(incoming);
                return Ok(());
            }
            Err(failure) => {
                // It is read again if the request does not go to a sibling or to stable after all.
                self.download.incoming = Some(incoming);
                return Err(failure);
            }
        };
        self.went_on = true;
        self.note_upstream();
        match facts.status {
            101 => self.upgrade(cx, incoming, &facts),
            100..200 => self.pass_interim(cx, incoming, &facts),
            _ => self.answer(cx, incoming, &facts),
        }
    }

    /// Reads more of a head; `None` if nothing came.
    fn read_head(
        &mut self,
        cx: &mut Context<'_>,
        link: &mut Stream,
        held: Option<UnreadBytes>,
    ) -> Result<Option<UnreadBytes>, Failure> {
        let fresh = held.is_none();
        if fresh && !self.worker.buffers.may_lend() {
            return self.end_without_buffer(cx, link);
        }
        let mut incoming = held.unwrap_or_else(|| UnreadBytes {
            lease: self.worker.buffers.lend(self.down.keeps_up()),
            start: 0,
            end: 0,
            partial: false,
        });
        if incoming.end == incoming.lease.space().len() {
            self.grow(&mut incoming)?;
        }
        match link.poll_read(cx, &mut incoming.lease.space()[incoming.end..]) {
            Poll::Pending => {
                // Nothing is kept for an endpoint that has not begun to answer.
                self.download.incoming = if fresh { None } else { Some(incoming) };
                Ok(None)
            }
            Poll::Ready(Err(error)) if incoming.start == incoming.end => Err(self.fail_before(&error)),
            Poll::Ready(Ok(0)) if incoming.start == incoming.end => Err(Failure::Reset),
            Poll::Ready(Ok(0)) | Poll::Ready(Err(_)) => {
                Err(Failure::Malformed("the connection ended inside the response's header"))
            }
            Poll::Ready(Ok(read)) => {
                incoming.end += read;
                incoming.partial = false;
                // The deadline for the first byte stays until the head is whole: an endpoint that sends its head byte by
                // byte does not move it.
                self.went_on = true;
                Ok(Some(incoming))
            }
        }
    }

    /// The connection ended before a byte of the response.
    #[cold]
    fn fail_before(&mut self, error: &io::Error) -> Failure {
        if error.kind() != io::ErrorKind::ConnectionRefused {
            return Failure::Reset;
        }
        self.upload.note_refused();
        Failure::Refused
    }

    /// No buffer is left for an answer. A request was let in while there was one, and is refused like those that come now: who
    /// holds the others may hold them for long. As long as there is no answer there is time.
    #[cold]
    fn end_without_buffer(
        &self,
        cx: &mut Context<'_>,
        link: &mut Stream,
    ) -> Result<Option<UnreadBytes>, Failure> {
        if link.poll_peek(cx).is_pending() {
            return Ok(None);
        }
        self.worker.counters().limit_memory.add(1);
        Err(Failure::Resources)
    }

    /// Makes room for more of a head: the space of interim responses is free again, and a large buffer holds the longest
    /// head that is allowed.
    #[cold]
    fn grow(&self, incoming: &mut UnreadBytes) -> Result<(), Failure> {
        let mut larger = self.worker.buffers.lend(true);
        let length = incoming.end - incoming.start;
        if larger.space().len() <= length {
            return Err(Failure::Resources);
        }
        larger.space()[..length].copy_from_slice(&incoming.lease.space()[incoming.start..incoming.end]);
        *incoming = UnreadBytes { lease: larger, start: 0, end: length, partial: true };
        Ok(())
    }

    fn receive_body(&mut self, cx: &mut Context<'_>, link: &mut Stream) -> Result<(), Failure> {
        if self.download.done {
            return Ok(());
        }
        if !self.worker.buffers.may_lend() {
            return Ok(());
        }
        let large = self.down.keeps_up();
        let Some(mut part) = self.read_body_part(cx, link, large)? else { return Ok(()) };
        self.download.done = part.last;
        self.follow_frames(&mut part);
        self.outcome.sent += (part.data.end - part.data.start) as u64;
        self.down.send(cx, part);
        Ok(())
    }

    /// Reads a part of the body; `None` if nothing came.
    #[inline]
    pub(super) fn read_body_part(
        &mut self,
        cx: &mut Context<'_>,
        link: &mut Stream,
        large: bool,
    ) -> Result<Option<BodyPart>, Failure> {
        let mut lease = self.worker.buffers.lend(large);
        let read = match link.poll_read(cx, lease.space()) {
            Poll::Pending => return Ok(None),
            Poll::Ready(Err(_)) => return Err(Failure::BodyCut("its connection was reset")),
            Poll::Ready(Ok(read)) => read,
        };
        self.went_on = true;
        self.note_upstream();
        let Some(decoder) = &mut self.download.decoder else { return Ok(None) };
        let mut part =
            BodyPart { lease, data: HEADROOM_BYTES..HEADROOM_BYTES, last: false, trailers: Vec::new() };
        if read == 0 {
            decoder.end_of_connection().map_err(|Malformed(what)| Failure::BodyCut(what))?;
            part.last = true;
        } else {
            let piece = decoder.decode(&mut part.lease.space()[..read]);
            let piece = piece.map_err(|Malformed(what)| Failure::BodyCut(what))?;
            part.data = HEADROOM_BYTES + piece.data.start..HEADROOM_BYTES + piece.data.end;
            part.last = piece.done;
            self.download.reusable &= piece.consumed == read;
        }
        if part.last {
            part.trailers = self.take_trailers()?;
        }
        if part.last && self.is_lenient() {
            self.tell_lenient_body();
        }
        Ok(Some(part))
    }

    fn take_trailers(&mut self) -> Result<Vec<u8>, Failure> {
        let Some(mut decoder) = self.download.decoder.take() else { return Ok(Vec::new()) };
        let trailers = self.trailers(&mut decoder);
        self.download.decoder = Some(decoder);
        trailers.map_err(|Malformed(what)| Failure::BodyCut(what))
    }

    pub(super) fn trailers(&mut self, decoder: &mut BodyDecoder) -> Result<Vec<u8>, Malformed> {
        let section = decoder.take_trailers();
        let mut out = Vec::new();
        if !section.is_empty() && decoder.is_done() {
            trailers::pass_on(&section, None, &mut self.worker.lines.borrow_mut(), &mut out)?;
            if self.plan.grpc.is_some() {
                self.outcome.grpc_failed = failed_status(&out);
            }
        }
        Ok(out)
    }
}

/// The failure that the trailers of a call say, as a status of HTTP; 0: none.
#[cold]
fn failed_status(trailers: &[u8]) -> u16 {
    let name = b"grpc-status:";
    let is_own = |line: &&[u8]| line.get(..name.len()).is_some_and(|found| found.eq_ignore_ascii_case(name));
    let own = trailers.split(|byte| *byte == b'\n').find(is_own);
    match own.map_or(200, |line| http_status(line[name.len()..].trim_ascii())) {
        200 => 0,
        failed => failed,
    }
}
