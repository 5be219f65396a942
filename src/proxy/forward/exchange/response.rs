//! The response on its way down: its head rewritten in place in front of its body, so that both leave in one write.

use std::task::{Context, Poll};

use super::{Exchange, Incoming, tunnel::Tunnel};
use crate::{
    limits::{HEADROOM_BYTES, INTERIM_RESPONSES_MAX},
    proxy::{
        codec::{
            body::BodyDecoder,
            fault::Malformed,
            head::Framing,
            lines::Progress,
            response::{ResponseHead, read_response},
            trailers,
        },
        downstream::{Answer, BodyPart, Downstream, stream::Stream},
        forward::{failure::Failure, skew::Skew},
        rewrite::response::{Caching, Changes, write},
        worker::phase::Phase,
    },
    rollout::{assign::PinChange, set_cookie::SetCookie},
};

/// What is kept of a head once its lines are written.
struct HeadFacts {
    status: u16,
    framing: Framing,
    content_length: Option<u64>,
    keep_alive: bool,
    length: usize,
    /// How much of the written text is the reason.
    reason_bytes: usize,
    websocket: bool,
}

impl From<Malformed> for Failure {
    fn from(malformed: Malformed) -> Self {
        Self::Malformed(malformed.0)
    }
}

impl<D: Downstream> Exchange<'_, D> {
    /// Reads what the endpoint sent and hands it on. Everything before is flushed.
    pub(super) fn poll_response(&mut self, cx: &mut Context<'_>, link: &mut Stream) -> Result<(), Failure> {
        if self.response.decoder.is_some() {
            return self.poll_response_body(cx, link);
        }
        let mut incoming = match self.response.incoming.take() {
            Some(incoming) if !incoming.partial => incoming,
            held => match self.read_head(cx, link, held)? {
                Some(incoming) => incoming,
                None => return Ok(()),
            },
        };
        let facts = match self.understand(&mut incoming) {
            Ok(Some(facts)) => facts,
            Ok(None) => {
                incoming.partial = true;
                self.response.incoming = Some(incoming);
                return Ok(());
            }
            Err(failure) => {
                // It may be looked at again.
                self.response.incoming = Some(incoming);
                return Err(failure);
            }
        };
        self.moved = true;
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
        held: Option<Incoming>,
    ) -> Result<Option<Incoming>, Failure> {
        let fresh = held.is_none();
        let mut incoming = held.unwrap_or_else(|| Incoming {
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
                self.response.incoming = if fresh { None } else { Some(incoming) };
                Ok(None)
            }
            Poll::Ready(Ok(0)) | Poll::Ready(Err(_)) if incoming.start == incoming.end => Err(Failure::Reset),
            Poll::Ready(Ok(0)) | Poll::Ready(Err(_)) => {
                Err(Failure::Malformed("the connection ended inside the response's header"))
            }
            Poll::Ready(Ok(read)) => {
                incoming.end += read;
                incoming.partial = false;
                // The endpoint's time goes on until its head is whole, so that it cannot be drawn out byte by byte.
                self.moved = true;
                Ok(Some(incoming))
            }
        }
    }

    /// Makes room for more of a head: what interim responses took is free again, and a large buffer holds the
    /// longest head that is allowed.
    #[cold]
    fn grow(&self, incoming: &mut Incoming) -> Result<(), Failure> {
        let mut larger = self.worker.buffers.lend(true);
        let length = incoming.end - incoming.start;
        if larger.space().len() <= length {
            return Err(Failure::Resources);
        }
        larger.space()[..length].copy_from_slice(&incoming.lease.space()[incoming.start..incoming.end]);
        *incoming = Incoming { lease: larger, start: 0, end: length, partial: true };
        Ok(())
    }

    /// Reads the head and writes its lines, as the client is to see them, into the worker's text.
    fn understand(&mut self, incoming: &mut Incoming) -> Result<Option<HeadFacts>, Failure> {
        let mut lines = self.worker.lines.borrow_mut();
        let bytes = &incoming.lease.space()[incoming.start..incoming.end];
        let read = read_response(bytes, &mut lines, self.worker.limits(), self.plan.to_head)?;
        let Progress::Complete(head) = read else { return Ok(None) };
        if matches!(head.status, 502..=504) {
            self.doubt(head.status)?;
        }
        self.judge(&head)?;
        let mut fields = self.worker.fields.borrow_mut();
        fields.clear();
        fields.extend_from_slice(head.reason);
        self.write_fields(&head, &mut fields);
        Ok(Some(HeadFacts {
            status: head.status,
            framing: head.framing,
            content_length: head.content_length,
            keep_alive: head.keep_alive,
            length: head.length,
            reason_bytes: head.reason.len(),
            websocket: head.websocket,
        }))
    }

    fn write_fields(&self, head: &ResponseHead<'_>, fields: &mut Vec<u8>) {
        let app = &self.plan.app;
        let interim = head.status < 200 && head.status != 101;
        let change = if interim { PinChange::Keep } else { self.plan.assignment.pin };
        let tested = self.plan.is_overridden() && !interim;
        let guarded = app.guarded && !interim;
        let concerned = change != PinChange::Keep || guarded;
        let asset = concerned && self.plan.is_asset();
        let pin = self.pin(change, asset);
        let SetCookie { before, after } = &app.routes.set_cookie;
        let changes = Changes {
            pin_cookie: &app.routes.settings.cookie.name,
            pin: pin.as_ref().map(|pin| (before.as_ref(), &pin[..], after.as_ref())),
            caching: match !asset && (guarded || pin.is_some() && !app.trusts_cache()) {
                _ if tested || self.skew == Skew::Nobody && !interim => Caching::NoStore,
                true => Caching::Private,
                false => Caching::AsSent,
            },
            release: tested.then(|| app.routes.release(self.plan.assignment.target.release).id.as_str()),
            strangers: self.is_siblings(),
        };
        let findings = write(head, &changes, fields);
        let counters = self.worker.counters();
        counters.pin_cookies_dropped.add(findings.cookies_dropped);
        counters.responses_guarded.add(u64::from(findings.guarded));
        if findings.undated && !interim {
            self.worker.write_date(fields);
        }
    }

    /// The pin to be sent, encoded.
    fn pin(&self, change: PinChange, asset: bool) -> Option<[u8; crate::rollout::pin::PIN_CHARS]> {
        let plan = &self.plan;
        let mut pin = change.pin_to_send(plan.navigation, plan.has_destination, asset)?;
        let release = plan.release();
        if let PinChange::First(_) = change {
            release.state.cell(self.worker.index).pins_issued.add(1);
        }
        if !matches!(change, PinChange::Refresh(_)) {
            // After a repeat another endpoint answered than the one that was drawn.
            pin.endpoint = plan.endpoint().route.tag;
        }
        Some(plan.app.routes.pins.encode(&pin))
    }

    #[cold]
    fn pass_interim(
        &mut self,
        cx: &mut Context<'_>,
        incoming: Incoming,
        facts: &HeadFacts,
    ) -> Result<(), Failure> {
        self.response.interims += 1;
        if self.response.interims > INTERIM_RESPONSES_MAX {
            return Err(Failure::Malformed("too many interim responses"));
        }
        // A client that did not ask for it would take a 100 for the answer; HTTP/1.0 knows none of them.
        let wanted = self.plan.minor_version > 0
            && (facts.status != 100 || self.plan.expects_continue)
            && !self.is_siblings();
        if wanted {
            let fields = self.worker.fields.borrow();
            let (reason, fields) = fields.split_at(facts.reason_bytes);
            self.response.begun = true;
            self.down.interim(cx, &answer_of(facts, reason, fields));
        }
        if facts.status == 100 {
            self.plan.expects_continue = false;
        }
        let start = incoming.start + facts.length;
        if start < incoming.end {
            self.response.incoming = Some(Incoming { start, partial: false, ..incoming });
        }
        Ok(())
    }

    #[cold]
    fn upgrade(
        &mut self,
        cx: &mut Context<'_>,
        incoming: Incoming,
        facts: &HeadFacts,
    ) -> Result<(), Failure> {
        if !self.plan.websocket || !facts.websocket {
            return Err(Failure::Malformed(
                "the endpoint answered 101 to a request that did not ask for an upgrade",
            ));
        }
        let mut incoming = incoming;
        let at = incoming.start + facts.length;
        let mut tunnel = Box::new(Tunnel::default());
        tunnel.frames.follow(&incoming.lease.space()[at..incoming.end], false);
        self.response.tunnel = Some(tunnel);
        self.response.decoder = Some(BodyDecoder::UntilClose);
        self.upload.become_tunnel();
        self.begin_tunnel();
        let data = HEADROOM_BYTES + at..HEADROOM_BYTES + incoming.end;
        let part = BodyPart { lease: incoming.lease, data, last: false, trailers: Vec::new() };
        let tunnelled = HeadFacts { framing: Framing::UntilClose, ..*facts };
        self.send_answer(cx, &tunnelled, part, true);
        Ok(())
    }

    fn answer(&mut self, cx: &mut Context<'_>, incoming: Incoming, facts: &HeadFacts) -> Result<(), Failure> {
        let mut incoming = incoming;
        let at = incoming.start + facts.length;
        let mut decoder = BodyDecoder::new(facts.framing, self.worker.limits().chunk_extension_bytes_max);
        let available = incoming.end - at;
        let piece = decoder.decode(&mut incoming.lease.space()[at..incoming.end]);
        let piece = piece.map_err(|Malformed(what)| Failure::Malformed(what))?;
        let start = HEADROOM_BYTES + at;
        let part = BodyPart {
            data: start + piece.data.start..start + piece.data.end,
            last: piece.done || decoder.is_done(),
            trailers: self.trailers(&mut decoder)?,
            lease: incoming.lease,
        };
        // Bytes behind the response belong to nobody: the connection they came on is not used again.
        self.response.reusable = facts.keep_alive && piece.consumed == available;
        self.response.done = part.last;
        self.response.decoder = Some(decoder);
        self.send_answer(cx, facts, part, false);
        Ok(())
    }

    fn send_answer(&mut self, cx: &mut Context<'_>, facts: &HeadFacts, part: BodyPart, tunnel: bool) {
        let fields = self.worker.fields.borrow();
        let (reason, fields) = fields.split_at(facts.reason_bytes);
        // A request whose body nobody will read any more cannot be followed by another one.
        let unread = !tunnel && facts.status >= 400 && !self.upload.is_whole();
        let answer = Answer {
            stated_length: facts.content_length.filter(|_| self.plan.to_head || facts.status == 304),
            tunnel,
            close: tunnel || unread || self.worker.shared.phase() != Phase::Serving,
            ..answer_of(facts, reason, fields)
        };
        self.response.begun = true;
        self.outcome.status = facts.status;
        self.outcome.sent += (part.data.end - part.data.start) as u64;
        self.down.answer(cx, &answer, part);
    }

    fn poll_response_body(&mut self, cx: &mut Context<'_>, link: &mut Stream) -> Result<(), Failure> {
        if self.response.done {
            return Ok(());
        }
        let mut lease = self.worker.buffers.lend(self.down.keeps_up());
        let read = match link.poll_read(cx, lease.space()) {
            Poll::Pending => return Ok(()),
            Poll::Ready(Err(_)) => return Err(Failure::BodyCut),
            Poll::Ready(Ok(read)) => read,
        };
        self.moved = true;
        self.note_upstream();
        let Some(decoder) = &mut self.response.decoder else { return Ok(()) };
        let mut part =
            BodyPart { lease, data: HEADROOM_BYTES..HEADROOM_BYTES, last: false, trailers: Vec::new() };
        if read == 0 {
            decoder.end_of_connection().map_err(|_| Failure::BodyCut)?;
            part.last = true;
        } else {
            let piece = decoder.decode(&mut part.lease.space()[..read]);
            let piece = piece.map_err(|_| Failure::BodyCut)?;
            part.data = HEADROOM_BYTES + piece.data.start..HEADROOM_BYTES + piece.data.end;
            part.last = piece.done;
            self.response.reusable &= piece.consumed == read;
        }
        if part.last {
            part.trailers = self.take_trailers().map_err(|_| Failure::BodyCut)?;
        }
        self.response.done = part.last;
        self.follow_frames(&mut part);
        self.outcome.sent += (part.data.end - part.data.start) as u64;
        self.down.send(cx, part);
        Ok(())
    }

    fn take_trailers(&mut self) -> Result<Vec<u8>, Failure> {
        let Some(mut decoder) = self.response.decoder.take() else { return Ok(Vec::new()) };
        let trailers = self.trailers(&mut decoder);
        self.response.decoder = Some(decoder);
        trailers
    }

    fn trailers(&self, decoder: &mut BodyDecoder) -> Result<Vec<u8>, Failure> {
        let section = decoder.take_trailers();
        let mut out = Vec::new();
        if !section.is_empty() && decoder.is_done() {
            trailers::pass_on(&section, None, &mut self.worker.lines.borrow_mut(), &mut out)?;
        }
        Ok(out)
    }
}

fn answer_of<'a>(facts: &HeadFacts, reason: &'a [u8], fields: &'a [u8]) -> Answer<'a> {
    Answer {
        status: facts.status,
        reason,
        fields,
        framing: facts.framing,
        stated_length: None,
        tunnel: false,
        close: false,
    }
}
