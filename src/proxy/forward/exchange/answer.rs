//! Answering the client: the head of the endpoint's response, rewritten in place in front of its body, so that both leave
//! in one write.

use std::task::Context;

use super::{download::UnreadBytes, state::Exchange, tunnel::Tunnel};
use crate::{
    limits::HEADROOM_BYTES,
    proxy::{
        codec::{
            body::BodyDecoder,
            fault::Malformed,
            head::Framing,
            lines::Progress,
            protocol::Protocol,
            response::{ResponseHead, read_response},
        },
        downstream::{Answer, BodyPart, Downstream},
        forward::{
            account::count_failure,
            failure::{Failure, SendState},
            skew::AssetSource,
        },
        rewrite::{
            compression::Compression,
            page_lines::{PageLines, moves_at},
            response::{Caching, Changes, SentPin, write},
        },
        route::grpc::http_status,
        worker::{coarse, local::RequestDraw, phase::Phase},
    },
    rollout::{
        assign::{PinChange, another_endpoint},
        pin::PinText,
    },
};

/// What is kept of a response's head once its lines are written.
pub(super) struct HeadFacts {
    pub(super) status: u16,
    framing: Framing,
    content_length: Option<u64>,
    keep_alive: bool,
    length: usize,
    /// How much of the written text is the reason.
    reason_bytes: usize,
    upgrade: Option<Protocol>,
}

impl<D: Downstream> Exchange<'_, D> {
    /// Reads the head, and writes its lines as the client is to see them into the worker's space for fields. `None` if the
    /// head is not whole.
    pub(super) fn rewrite_head(&mut self, incoming: &mut UnreadBytes) -> Result<Option<HeadFacts>, Failure> {
        let mut lines = self.worker.lines.borrow_mut();
        let bytes = &incoming.lease.space()[incoming.start..incoming.end];
        let read = read_response(bytes, &mut lines, self.worker.limits(), self.plan.to_head)?;
        let Progress::Complete(head) = read else { return Ok(None) };
        if head.repeats_framing {
            self.worker.counters().repeated_framing.add(1);
        }
        let said = if self.plan.grpc.is_some() { grpc_status(&head) } else { head.status };
        self.check_race(said)?;
        if matches!(said, 502..=504) {
            if self.plan.grpc.is_some() && is_unavailable(&head) {
                self.give_up_call()?;
            }
            self.note_gateway_error(said)?;
        }
        self.outcome.grpc_failed = if said == head.status { 0 } else { said };
        self.asset_source.check(self.worker, &self.plan, &head)?;
        let mut fields = self.worker.fields.borrow_mut();
        fields.clear();
        fields.extend_from_slice(head.reason);
        let compression = self.choose_compression(&head);
        let login = self.write_fields(&head, compression, &mut fields) || head.binds_login;
        self.download.binds_login |= login;
        Ok(Some(HeadFacts {
            status: head.status,
            framing: head.framing,
            content_length: head.content_length.filter(|_| compression.coding().is_none()),
            keep_alive: head.keep_alive,
            length: head.length,
            reason_bytes: head.reason.len(),
            upgrade: head.upgrade,
        }))
    }

    /// The endpoint is unavailable, and has sent no message. Gives its answer up if all of the call is held and another endpoint will be
    /// asked: one of its release once, or stable instead of the candidate.
    #[cold]
    fn give_up_call(&mut self) -> Result<(), Failure> {
        let state = SendState { sent: false, ..self.send_state() };
        if !self.upload.body_read || !state.may_repeat() {
            return Ok(());
        }
        let agreed = self.shield.stable_agrees(self.worker, &self.plan, state);
        if agreed || self.outcome.retries == 0 && self.has_another_endpoint() {
            self.upload.note_refused();
            return Err(Failure::Unavailable);
        }
        Ok(())
    }

    /// Whether the release has another endpoint that takes requests.
    fn has_another_endpoint(&self) -> bool {
        let (worker, plan) = (self.worker, &self.plan);
        let random = || worker.random();
        let mut draw = RequestDraw { app: &plan.app, random: &random };
        let tried = [plan.endpoint().route.slot];
        let release = plan.assignment.target.release;
        another_endpoint(&plan.app.routes, release, &tried, plan.app.as_ref(), &mut draw).is_some()
    }

    /// The endpoint answered 502, 503 or 504, which counts as its failure. Gives the answer up if stable will be asked.
    #[cold]
    fn note_gateway_error(&mut self, status: u16) -> Result<(), Failure> {
        let failure = Failure::Status(status);
        if self.stable_agrees() {
            return Err(failure);
        }
        count_failure(self.worker, &self.plan, failure);
        Ok(())
    }

    /// Writes the lines. `true` if they ask for a login that the client is not told of.
    fn write_fields(&self, head: &ResponseHead<'_>, compression: Compression, fields: &mut Vec<u8>) -> bool {
        let app = &self.plan.app;
        let interim = head.status < 200 && head.status != 101;
        let change = if interim { PinChange::Keep } else { self.plan.assignment.pin };
        let tested = self.plan.is_overridden() && !interim;
        let guarded = app.guarded && !interim;
        // Whether it is an asset matters only to pins and to the guard, so it is not asked otherwise.
        let asset = (change != PinChange::Keep || guarded) && self.plan.is_asset();
        let pin = self.pin(change, asset);
        let cookie = app.routes.pin_cookies.by(self.plan.client.secure);
        let plan_hsts = &app.routes.settings.hsts;
        let changes = Changes {
            pin_cookie: &app.routes.settings.cookie.name,
            pin: pin.as_ref().map(|pin| SentPin { cookie, pin, leftover: self.plan.leftover }),
            cuts_max_age: self.plan.preflight.is_some() && app.routes.releases.len() > 1,
            caching: match !asset && (guarded || pin.is_some() && !app.trusts_cache()) {
                _ if tested || self.lacks_asset() && !interim => Caching::NoStore,
                true => Caching::Private,
                false => Caching::AsSent,
            },
            prefix: self.plan.stripped(),
            hsts: (plan_hsts.max_age.is_some() && self.plan.client.secure && !interim).then_some(plan_hsts),
            rules: if interim { &[] } else { &app.routes.settings.headers.response },
            compression,
            release: tested.then(|| app.routes.release(self.plan.assignment.target.release).id.as_str()),
            page: if app.routes.settings.release_headers && !interim { self.page_lines() } else { None },
            from_sibling: self.asks_sibling(),
            hides_logins: self.plan.hides_logins,
        };
        let findings = write(head, &changes, fields);
        let counters = self.worker.counters();
        counters.pin_cookies_dropped.add(findings.cookies_dropped);
        counters.responses_guarded.add(u64::from(findings.guarded));
        if findings.undated && !interim {
            self.worker.write_date(fields);
        }
        findings.login_hidden
    }

    /// What the page is told of its release. Caches keep assets for clients of every release.
    #[cold]
    fn page_lines(&self) -> Option<PageLines<'_>> {
        let routes = &self.plan.app.routes;
        let release = routes.release(self.plan.assignment.target.release);
        let moves_at = moves_at(release.standing, routes.settings.drainseconds);
        (!self.plan.is_asset()).then(|| PageLines { release: release.id.as_str(), moves_at })
    }

    /// Whether this is the answer of a release that does not have the asset, as no sibling has it.
    fn lacks_asset(&self) -> bool {
        self.asset_source == AssetSource::NoRelease && self.plan.preflight.is_none()
    }

    /// The pin to be sent, encoded.
    fn pin(&self, change: PinChange, asset: bool) -> Option<PinText> {
        let plan = &self.plan;
        let mut pin = change.pin_to_send(plan.subresource, asset)?;
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
    pub(super) fn pass_interim(
        &mut self,
        cx: &mut Context<'_>,
        incoming: UnreadBytes,
        facts: &HeadFacts,
    ) -> Result<(), Failure> {
        if !self.download.count_interim(coarse::now_ms()) {
            return Err(Failure::Malformed("too many interim responses within a short time"));
        }
        self.download.begun = true;
        // A client that did not ask for a 100 would take it for the answer. HTTP/1.0 has no interim responses.
        let wanted = self.plan.minor_version > 0
            && (facts.status != 100 || self.plan.expects_continue)
            && !self.asks_sibling()
            && !self.races;
        if wanted {
            let fields = self.worker.fields.borrow();
            let (reason, fields) = fields.split_at(facts.reason_bytes);
            self.down.interim(cx, &answer_of(facts, reason, fields));
        }
        if facts.status == 100 {
            self.plan.expects_continue = false;
        }
        let start = incoming.start + facts.length;
        if start < incoming.end {
            self.download.incoming = Some(UnreadBytes { start, partial: false, ..incoming });
        }
        Ok(())
    }

    #[cold]
    pub(super) fn upgrade(
        &mut self,
        cx: &mut Context<'_>,
        incoming: UnreadBytes,
        facts: &HeadFacts,
    ) -> Result<(), Failure> {
        let Some(protocol) = facts.upgrade.filter(|_| facts.upgrade == self.plan.upgrade) else {
            return Err(Failure::Malformed(
                "the endpoint answered 101 to a request that did not ask for an upgrade",
            ));
        };
        if !self.upload.is_whole() {
            // What comes next of the client would be taken for bytes of the tunnel.
            return Err(Failure::Malformed("the endpoint answered 101 before it had the whole request"));
        }
        let mut incoming = incoming;
        let at = incoming.start + facts.length;
        let mut tunnel = Box::new(Tunnel::of(protocol));
        if let Some(frames) = &mut tunnel.frames {
            frames.follow(&incoming.lease.space()[at..incoming.end], false);
        }
        self.download.tunnel = Some(tunnel);
        self.download.decoder = Some(BodyDecoder::UntilClose);
        self.upload.become_tunnel();
        self.begin_tunnel();
        let data = HEADROOM_BYTES + at..HEADROOM_BYTES + incoming.end;
        let part = BodyPart { lease: incoming.lease, data, last: false, trailers: Vec::new() };
        let tunnelled = HeadFacts { framing: Framing::UntilClose, ..*facts };
        self.send_answer(cx, &tunnelled, part, Some(protocol));
        Ok(())
    }

    pub(super) fn answer(
        &mut self,
        cx: &mut Context<'_>,
        incoming: UnreadBytes,
        facts: &HeadFacts,
    ) -> Result<(), Failure> {
        let mut incoming = incoming;
        let at = incoming.start + facts.length;
        let mut decoder = BodyDecoder::new(facts.framing, self.worker.limits().chunk_extension_bytes_max);
        self.allow_lenient(&mut decoder);
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
        // Bytes behind the response answer no request, so their connection is not used again.
        self.download.reusable = facts.keep_alive && piece.consumed == available;
        self.download.decoder = Some(decoder);
        if part.last && self.is_lenient() {
            self.tell_lenient_body();
        }
        if !part.last && matches!(facts.framing, Framing::Streamed | Framing::UntilClose) {
            self.download.event_stream = is_event_stream(&self.worker.fields.borrow()[facts.reason_bytes..]);
        }
        let part = self.compress_first(part)?;
        self.download.done = part.last;
        self.send_answer(cx, facts, part, None);
        Ok(())
    }

    fn send_answer(
        &mut self,
        cx: &mut Context<'_>,
        facts: &HeadFacts,
        part: BodyPart,
        tunnel: Option<Protocol>,
    ) {
        let fields = self.worker.fields.borrow();
        let (reason, fields) = fields.split_at(facts.reason_bytes);
        let early = tunnel.is_none() && !self.upload.is_whole();
        // No other request can follow a body that is not read to its end: after an error most clients stop, and a client that
        // waits for a 100 may never send it.
        let unread = early && (facts.status >= 400 || self.plan.expects_continue || self.upload.broken);
        self.download.upload_goes_on = early && !unread;
        let answer = Answer {
            stated_length: facts.content_length.filter(|_| self.plan.to_head || facts.status == 304),
            framing: if self.download.compressed.is_some() { Framing::Streamed } else { facts.framing },
            tunnel,
            close: tunnel.is_some()
                || unread
                || early && !facts.keep_alive
                || self.worker.shared.phase() != Phase::Serving,
            ..answer_of(facts, reason, fields)
        };
        self.download.begun = true;
        self.download.headed = true;
        self.outcome.status = facts.status;
        self.outcome.head_us = coarse::now_us();
        let took_ms = coarse::now_ms().saturating_sub(self.asked_at_ms);
        self.plan.endpoint().state.first_bytes.record(took_ms);
        self.outcome.sent += (part.data.end - part.data.start) as u64;
        self.down.answer(cx, &answer, part);
    }
}

/// Whether the head ends a call with UNAVAILABLE, and does not say itself when to call again (`grpc-retry-pushback-ms`).
#[cold]
fn is_unavailable(head: &ResponseHead<'_>) -> bool {
    let line = |name: &[u8]| head.lines.iter().find(|line| line.name(head.block).eq_ignore_ascii_case(name));
    let status = line(b"grpc-status").map(|line| line.value(head.block));
    status == Some(b"14") && line(b"grpc-retry-pushback-ms").is_none()
}

/// What a response to a call says in its head: its status, or that of gRPC where the call has ended with the head.
#[cold]
fn grpc_status(head: &ResponseHead<'_>) -> u16 {
    let own = head.lines.iter().find(|line| line.name(head.block).eq_ignore_ascii_case(b"grpc-status"));
    match own.map(|line| http_status(line.value(head.block))) {
        Some(failed) if failed != 200 => failed,
        _ => head.status,
    }
}

/// Whether these header lines say that the body is a stream of events.
#[cold]
fn is_event_stream(fields: &[u8]) -> bool {
    let (name, media) = (b"content-type:", b"text/event-stream");
    let begins = |text: &[u8], start: &[u8]| {
        text.get(..start.len()).is_some_and(|found| found.eq_ignore_ascii_case(start))
    };
    let mut lines = fields.split(|byte| *byte == b'\n');
    lines.any(|line| begins(line, name) && begins(line[name.len()..].trim_ascii_start(), media))
}

fn answer_of<'a>(facts: &HeadFacts, reason: &'a [u8], fields: &'a [u8]) -> Answer<'a> {
    Answer {
        status: facts.status,
        reason,
        fields,
        framing: facts.framing,
        stated_length: None,
        tunnel: None,
        close: false,
    }
}
