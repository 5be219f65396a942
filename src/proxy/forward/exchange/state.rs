//! The state of an exchange with a client, over all its attempts.

use std::rc::Rc;

use super::{download::Download, half_closed::HalfClosedClient, open::OpenCount, pace::Pace, upload::Upload};
use crate::proxy::{
    codec::head::Framing,
    downstream::{BodyFault, Downstream},
    forward::{
        failure::{Failure, SendState, has_body},
        outcome::Outcome,
        shield::Shield,
        skew::AssetSource,
    },
    route::Plan,
    worker::{Worker, coarse},
};

/// An exchange with a client, over all its attempts.
pub struct Exchange<'a, D: Downstream> {
    /// Whose thread it runs on.
    pub worker: &'a Worker,
    /// The client.
    pub down: &'a mut D,
    /// What is asked, of which endpoint.
    pub plan: Box<Plan>,
    /// What became of it so far.
    pub outcome: Outcome,
    /// Whether stable takes the request if the candidate fails it.
    pub shield: Shield,
    /// Whose answer is awaited.
    pub asset_source: AssetSource,
    pub(super) upload: Upload,
    pub(super) download: Download,
    /// When the endpoint last moved a byte, monotonic ms.
    pub(super) upstream_at_ms: u64,
    /// When some of the request was last sent to it, monotonic ms.
    pub(super) asked_at_ms: u64,
    /// Stable is asked beside a silent candidate, and only a good answer of it is taken.
    pub(super) races: bool,
    /// How slowly the client may take what it was sent, while it does not take it.
    pub(super) taking_pace: Option<Pace>,
    /// How slowly the client may send its body, while the router waits for more of it.
    pub(super) sending_pace: Option<Pace>,
    /// It is watched whether the client is still there.
    pub(super) client_watched: bool,
    /// When the kernel is next asked whether it is, monotonic ms.
    pub(super) client_look_at_ms: u64,
    /// The client has closed its sending side. Boxed, since that is rare.
    pub(super) client_half_closed: Option<Box<HalfClosedClient>>,
    /// The response went on in this turn, so that there may be more to do. The request goes as far as it can in each.
    pub(super) went_on: bool,
    pub(super) open: OpenCount<'a>,
}

/// An attempt whose answer is not read yet, while others are made.
pub struct PausedAttempt {
    pub(super) upload: Upload,
    pub(super) download: Download,
}

impl<'a, D: Downstream> Exchange<'a, D> {
    /// An exchange before its first attempt.
    pub fn new(worker: &'a Worker, down: &'a mut D, plan: Box<Plan>) -> Self {
        let (upload, open) = (Upload::new(&plan), OpenCount::new(worker, &plan));
        let shield = Shield::new(&plan);
        Self {
            worker,
            down,
            plan,
            outcome: Outcome::default(),
            shield,
            asset_source: AssetSource::default(),
            upload,
            download: Download::default(),
            upstream_at_ms: 0,
            asked_at_ms: 0,
            races: false,
            taking_pace: None,
            sending_pace: None,
            client_watched: false,
            client_look_at_ms: 0,
            client_half_closed: None,
            went_on: false,
            open,
        }
    }

    /// Puts what was read of the body along with the head behind the head, so that both go out in one write and can
    /// be sent again.
    pub fn take_buffered_body(&mut self) -> Result<(), Failure> {
        if !has_body(self.plan.framing) {
            return Ok(());
        }
        let chunked = self.plan.framing == Framing::Streamed;
        let before = self.plan.out.bytes.len();
        let private = self.plan.app.override_header();
        match self.down.buffered_body(chunked, private, &mut self.plan.out.bytes) {
            Ok(true) => self.upload.hold_all(),
            Ok(false) => {}
            Err(BodyFault::Malformed(what)) => return Err(Failure::RequestBody(what)),
            Err(BodyFault::Left) => return Err(Failure::ClientGone),
        }
        let text = &self.plan.out.bytes[before..];
        self.outcome.received += if chunked { chunk_bytes(text) } else { text.len() as u64 };
        self.check_body_bytes()
    }

    /// Refuses a body that has become longer than the app takes. A tunnel's bytes are no body.
    pub(super) fn check_body_bytes(&self) -> Result<(), Failure> {
        match self.plan.app.routes.settings.body_max {
            Some(most) if self.outcome.received > most && !self.is_tunnel() => Err(Failure::RequestLarge),
            _ => Ok(()),
        }
    }

    /// Begins an attempt.
    pub fn begin_attempt(&mut self) {
        self.upload.restart();
        self.download = Download::default();
        self.outcome.connecting_us = 0;
        self.upstream_at_ms = coarse::now_ms();
    }

    /// A connection is there. From now on the endpoint's time counts, and the end of its release ends the exchange.
    pub fn note_connected(&mut self) {
        self.upstream_at_ms = coarse::now_ms();
        self.asked_at_ms = self.upstream_at_ms;
        self.down.deadline().bind_to(Rc::clone(self.plan.release()), self.plan.assignment.target.endpoint);
    }

    /// Pauses this attempt, with the answer that has come.
    pub fn pause(&mut self) -> PausedAttempt {
        let upload = std::mem::replace(&mut self.upload, Upload::new(&self.plan));
        PausedAttempt { upload, download: std::mem::take(&mut self.download) }
    }

    /// Goes on with an attempt that was paused.
    pub fn resume(&mut self, attempt: PausedAttempt) {
        (self.upload, self.download) = (attempt.upload, attempt.download);
        self.note_connected();
    }

    /// The plan names another release from now on: the exchange is counted there.
    pub fn change_release(&mut self) {
        self.open = OpenCount::new(self.worker, &self.plan);
        self.down.deadline().unbind();
    }

    /// How far the request has got.
    pub fn send_state(&self) -> SendState {
        SendState {
            sent: self.upload.sent > 0,
            held: self.upload.is_held(),
            idempotent: self.plan.idempotent,
            answered: self.download.headed,
        }
    }

    /// Whether stable may be asked what the candidate failed so.
    pub fn is_shielded(&self, failure: Failure) -> bool {
        self.shield.answers(failure, self.send_state())
    }

    /// Whether stable takes this request.
    pub fn stable_agrees(&mut self) -> bool {
        let state = self.send_state();
        self.shield.stable_agrees(self.worker, &self.plan, state)
    }

    /// Whether a sibling is being asked for an asset.
    pub fn asks_sibling(&self) -> bool {
        self.asset_source.is_sibling()
    }

    /// Whether the endpoint has sent anything in this attempt.
    pub fn was_heard(&self) -> bool {
        self.download.begun
    }

    /// Whether the head of the final response went to the client, so that no other answer can be given.
    pub fn has_answered(&self) -> bool {
        self.download.headed
    }

    /// Whether the client has the whole response.
    pub fn response_is_whole(&self) -> bool {
        self.download.done && self.down.unflushed() == 0
    }

    /// Whether the connection to the endpoint may be kept: the response ended where it should, and so did the
    /// request.
    pub fn link_reusable(&self) -> bool {
        self.download.reusable && self.upload.is_whole()
    }

    /// Whether a login may go with the connection to the endpoint from now on.
    pub fn binds_login(&self) -> bool {
        self.plan.carries_login || self.download.binds_login
    }

    /// Whether this exchange is a tunnel now.
    pub fn is_tunnel(&self) -> bool {
        self.download.tunnel.is_some()
    }

    /// Notes that the endpoint moved a byte.
    pub(super) fn note_upstream(&mut self) {
        self.upstream_at_ms = coarse::now_ms();
    }
}

/// The size that the first chunk of a text says.
fn chunk_bytes(text: &[u8]) -> u64 {
    let digits = text.iter().map_while(|&byte| char::from(byte).to_digit(16));
    digits.fold(0, |bytes, digit| bytes * 16 + u64::from(digit))
}
