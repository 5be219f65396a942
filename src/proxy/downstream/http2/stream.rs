//! One request on a connection of HTTP/2, with its response.

use std::{
    cell::RefCell,
    future::poll_fn,
    rc::Rc,
    task::{Context, Poll, Waker},
};

use bytes::Buf as _;
use h2::{Reason, RecvStream, SendStream, server::SendResponse};
use http::{HeaderMap, header, request::Parts};

use super::{
    body::RequestBody,
    fields,
    head::{self, HeadFault, KnownBody},
    piece::{Outstanding, Piece},
    session::Session,
};
use crate::{
    proxy::{
        codec::{
            fault::RequestFault,
            lines::Progress,
            request::{content_length, read_request},
        },
        downstream::{
            ClientGone,
            decision::{Decision, decide},
            pause::Pause,
            refuse::{PANICKED, log_refused, refuse, refuse_fault},
        },
        rewrite::refusal::{Form, Reply},
        worker::{
            Worker,
            deadlines::{Deadline, WaitState},
        },
    },
    upstream::login::LoginLink,
};

/// One request with its response.
pub struct ClientStream {
    pub(super) session: Rc<Session>,
    pub(super) deadline: Deadline,
    pub(super) body: RequestBody,
    pub(super) out: Out,
    /// It asks for a WebSocket.
    pub(super) websocket: bool,
    /// Nothing: requests of many users may share the connection.
    pub(super) login: Option<Box<LoginLink>>,
    /// The task that serves it.
    waker: Option<Waker>,
}

/// What is sent to the client.
pub(super) struct Out {
    /// In a cell, since asking whether the client is there changes it.
    pub respond: RefCell<SendResponse<Piece>>,
    /// Set once the head of the response was sent.
    pub sender: RefCell<Option<SendStream<Piece>>>,
    /// What was not handed over yet.
    pub unsent: Option<Unsent>,
    /// What was handed over and is not written yet.
    pub outstanding: Rc<Outstanding>,
    /// How often it was waited for since the last part came.
    pub waits: u32,
    /// The client takes whole reads.
    pub keeps_up: bool,
    /// The end of the response was sent, or its stream was reset.
    pub ended: bool,
    /// The client is gone.
    pub gone: bool,
}

/// A part of a body that was not handed over.
pub(super) struct Unsent {
    pub piece: Piece,
    pub last: bool,
    pub trailers: Vec<u8>,
}

impl ClientStream {
    /// A request that has come just now.
    pub fn new(session: Rc<Session>, respond: SendResponse<Piece>, body: RecvStream) -> Self {
        session.enter();
        let deadline = session.worker().deadlines.enter();
        let out = Out {
            respond: RefCell::new(respond),
            sender: RefCell::new(None),
            unsent: None,
            outstanding: Rc::default(),
            waits: 0,
            keeps_up: true,
            ended: false,
            gone: false,
        };
        let body = RequestBody::new(body);
        Self { session, deadline, body, out, websocket: false, login: None, waker: None }
    }

    /// The worker that it belongs to.
    pub fn worker(&self) -> &Rc<Worker> {
        self.session.worker()
    }

    /// Says which task to wake, once.
    pub fn register(&mut self, cx: &Context<'_>) {
        self.deadline.register(cx);
        self.waker = Some(cx.waker().clone());
    }

    /// Decides on the request. `None`: it is malformed, or its client has left, and it was reset.
    pub async fn decide(&mut self, parts: &Parts) -> Option<Decision> {
        let stated = parts.headers.get(header::CONTENT_LENGTH);
        if let Some(length) = stated.and_then(|value| content_length(value.as_bytes())) {
            self.body.state_length(length);
            self.await_nothing().await?;
        }
        let mut pause = None;
        loop {
            match self.decide_now(parts, pause.take())? {
                Decision::Wait(begun) => pause = Some(self.wait_out(begun).await?),
                decision => return Some(decision),
            }
        }
    }

    /// Waits until a request of a paused app is to be decided anew. `None`: the client has left.
    async fn wait_out(&mut self, mut pause: Pause) -> Option<Pause> {
        let worker = Rc::clone(self.worker());
        let stays = poll_fn(|cx| {
            if pause.is_over(&worker) {
                return Poll::Ready(true);
            }
            if self.is_left(cx) {
                return Poll::Ready(false);
            }
            pause.takes_a_look();
            self.deadline.set(pause.wait(cx.waker()));
            Poll::Pending
        })
        .await;
        stays.then_some(pause)
    }

    /// Waits for the end of a body that has no byte, as long as for a head.
    async fn await_nothing(&mut self) -> Option<()> {
        self.deadline.set_in(self.worker().limits().header_ms);
        let ended = poll_fn(|cx| match self.body.poll_nothing(cx) {
            Poll::Pending if self.deadline.state() == WaitState::Waiting => Poll::Pending,
            ended => Poll::Ready(matches!(ended, Poll::Ready(Ok(())))),
        })
        .await;
        if !ended {
            self.worker().counters().requests_refused.add(1);
            log_refused(self.worker(), None, self.session.client, 400);
            self.reset(Reason::PROTOCOL_ERROR);
        }
        ended.then_some(())
    }

    fn decide_now(&mut self, parts: &Parts, pause: Option<Pause>) -> Option<Decision> {
        let worker = Rc::clone(self.worker());
        self.websocket = head::opens_websocket(parts);
        let body = if self.websocket { KnownBody::None } else { self.body.look_ahead() };
        let mut text = worker.buffers.text();
        let key = || (u128::from(worker.random()) << 64 | u128::from(worker.random())).to_le_bytes();
        let to_head = parts.method == http::Method::HEAD;
        match head::write(parts, body, key, &mut text.bytes) {
            Ok(()) => {}
            Err(HeadFault::Malformed) => {
                worker.counters().requests_refused.add(1);
                log_refused(&worker, None, self.session.client, 400);
                self.reset(Reason::PROTOCOL_ERROR);
                return None;
            }
            Err(HeadFault::Refused(fault)) => return Some(self.refuse_head(fault, to_head)),
        }
        let mut lines = worker.lines.borrow_mut();
        Some(match read_request(&text.bytes, &mut lines, worker.limits()) {
            Ok(Progress::Complete(request)) => {
                let Session { client, facts, .. } = &*self.session;
                decide(&worker, &request.head, *client, facts.as_deref(), None, pause)
            }
            Ok(Progress::Partial) => self.refuse_head(RequestFault::HeaderTooLong, to_head),
            Err(fault) => self.refuse_head(fault, to_head),
        })
    }

    #[cold]
    fn refuse_head(&self, fault: RequestFault, to_head: bool) -> Decision {
        let refusal = refuse_fault(self.worker(), fault);
        log_refused(self.worker(), None, self.session.client, refusal.status);
        Decision::Refuse(Box::new(refusal.into()), Form::Text, to_head)
    }

    /// Answers a request that is not forwarded.
    pub async fn refuse(&mut self, reply: Reply, form: Form, to_head: bool) {
        let worker = Rc::clone(self.worker());
        refuse(&worker, self, &reply, form, to_head, false).await;
        if reply.ends_connection {
            self.session.end();
        }
    }

    /// Answers a request that panicked with a 500, or cuts its response.
    pub async fn after_panic(&mut self) {
        self.worker().counters().panics.add(1);
        if self.out.sender.borrow().is_some() {
            self.reset(Reason::INTERNAL_ERROR);
            return;
        }
        log_refused(self.worker(), None, self.session.client, PANICKED.status);
        self.refuse(PANICKED.into(), Form::Text, false).await;
    }

    /// Ends a tunnel that nobody else has ended. All else has ended by itself, or is reset when this is dropped.
    pub fn finish(&mut self) {
        if !self.out.ended
            && self.websocket
            && let Some(sender) = &mut *self.out.sender.borrow_mut()
        {
            let lease = self.session.worker().buffers.lend(false);
            // An error means that the client is gone.
            let _ = sender.send_data(Piece::new(lease, 0..0), true);
        }
    }

    /// Resets it. What the client has not got yet is lost.
    pub(super) fn reset(&mut self, reason: Reason) {
        self.out.unsent = None;
        if !std::mem::replace(&mut self.out.ended, true) {
            self.out.respond.borrow_mut().send_reset(reason);
        }
    }

    /// Whether the client has reset it, or has left. If not, this task is woken when it does.
    pub(super) fn is_left(&self, cx: &mut Context<'_>) -> bool {
        let told = match &mut *self.out.sender.borrow_mut() {
            Some(sender) => sender.poll_reset(cx),
            None => self.out.respond.borrow_mut().poll_reset(cx),
        };
        told.is_ready()
    }

    /// The same, where nobody waits.
    pub(super) fn is_left_now(&self) -> bool {
        self.waker.as_ref().is_some_and(|waker| self.is_left(&mut Context::from_waker(waker)))
    }
}

impl Out {
    /// Hands over what the client lets the router send, up to the end.
    pub fn poll_hand_over(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), ClientGone>> {
        let mut sender = self.sender.borrow_mut();
        while let Some(unsent) = &mut self.unsent {
            let Some(sender) = &mut *sender else { return Poll::Ready(Err(ClientGone)) };
            let left = unsent.piece.remaining();
            let mut length = left;
            if left > 0 {
                sender.reserve_capacity(left);
                length = sender.capacity().min(left);
                if length == 0 {
                    match sender.poll_capacity(cx) {
                        Poll::Ready(Some(Ok(_))) => continue,
                        Poll::Ready(_) => return Poll::Ready(Err(ClientGone)),
                        Poll::Pending => return Poll::Pending,
                    }
                }
            }
            let whole = length == left;
            let ends = whole && unsent.last;
            let end_here = ends && unsent.trailers.is_empty();
            if length > 0 || end_here {
                let piece = unsent.piece.hand_over(length, &self.outstanding);
                sender.send_data(piece, end_here).map_err(|_| ClientGone)?;
            }
            if ends && !end_here {
                let mut trailers = HeaderMap::new();
                fields::from_text(&unsent.trailers, &mut trailers);
                sender.send_trailers(trailers).map_err(|_| ClientGone)?;
            }
            self.ended |= ends;
            if whole {
                self.unsent = None;
            }
        }
        Poll::Ready(Ok(()))
    }
}

impl Drop for ClientStream {
    fn drop(&mut self) {
        self.session.leave();
    }
}
