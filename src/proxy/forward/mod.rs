//! Forwarding one request: choose a connection, exchange, and if that fails decide whether to do it again
//! (docs/design.md section 6's repeat rule, and [`super::shield`]), or what the client is told.

pub mod account;
pub mod exchange;
pub mod failure;
pub mod room;
pub mod shield;
pub mod skew;

use std::{future::poll_fn, rc::Rc, task::Poll};

use tokio::net::TcpStream;

use super::{
    codec::{
        head::Framing,
        lines::{Progress, read_lines},
    },
    downstream::{Answer, BodyFault, BodyPart, Downstream, stream::Stream},
    rewrite::refusal::{Form, Refusal, reason},
    route::Plan,
    worker::{Worker, coarse, deadlines::WaitState, local::RequestDraw},
};
use crate::{
    limits::{ATTEMPTS_MAX, HEADROOM_BYTES, UNSAFE_IDLE_MS},
    rollout::{assign::another_endpoint, table::EndpointRoute, target::EndpointSlot},
    upstream::{pool::Wanted, shortage::is_shortage},
};
use exchange::Exchange;
use failure::{Failure, Side, has_body};
use room::Room;
use skew::{Waiting, fall_through};

/// Forwards one request and answers it. Afterwards everything sent is flushed, or the client's side was aborted.
pub async fn forward<D: Downstream>(worker: &Worker, plan: Box<Plan>, down: &mut D) {
    let mut exchange = Exchange::new(worker, down, plan);
    let ended = match exchange.take_buffered_body() {
        Ok(()) => Attempts::new(&exchange.plan).run(&mut exchange).await,
        Err(failure) => Err(failure),
    };
    if let Err(failure) = ended {
        fail(&mut exchange, failure).await;
    }
    exchange.down.deadline().unbind();
    account::forwarded(worker, &exchange.plan, &exchange.outcome);
}

impl<D: Downstream> Exchange<'_, D> {
    /// Puts what was read of the body along with the head behind the head, so that both go out in one write and can
    /// be sent again.
    fn take_buffered_body(&mut self) -> Result<(), Failure> {
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
        self.outcome.received += (self.plan.out.bytes.len() - before) as u64;
        Ok(())
    }
}

/// The attempts at one request.
pub(super) struct Attempts<'a> {
    /// The endpoints that were tried.
    tried: [EndpointSlot; ATTEMPTS_MAX],
    count: usize,
    /// A kept connection turned out to be closed; a fresh one is due.
    fresh: bool,
    /// The release's own answer for an asset that it does not have.
    waiting: Option<Box<Waiting<'a>>>,
}

/// A connection to an endpoint, and whether it was kept.
pub(super) struct Link {
    pub(super) stream: Stream,
    kept: bool,
}

impl<'a> Attempts<'a> {
    pub(super) fn new(plan: &Plan) -> Self {
        // A WebSocket takes its connection with it, so it gets a fresh one.
        Self {
            tried: [EndpointSlot(usize::MAX); ATTEMPTS_MAX],
            count: 0,
            fresh: plan.websocket,
            waiting: None,
        }
    }

    /// One endpoint, and a kept connection of its that turns out closed once more on a fresh one.
    pub(super) async fn once<D: Downstream>(mut self, exchange: &mut Exchange<'a, D>) -> Result<(), Failure> {
        let mut kept = false;
        let done = self.attempt(exchange, &mut kept).await;
        if !kept || done != Err(Failure::Reset) || !exchange.progress().may_repeat() {
            return done;
        }
        note_kept(exchange, false);
        exchange.worker.counters().upstream_stale.add(1);
        self.fresh = true;
        self.attempt(exchange, &mut kept).await
    }

    async fn run<D: Downstream>(mut self, exchange: &mut Exchange<'a, D>) -> Result<(), Failure> {
        loop {
            let mut kept = false;
            let failure = match self.attempt(exchange, &mut kept).await {
                Ok(()) => return Ok(()),
                Err(failure) => failure,
            };
            if let Some(own) = self.waiting.take() {
                // Boxed, since it is rare and every exchange has the size of the largest.
                return Box::pin(fall_through(exchange, *own)).await;
            }
            let worker = exchange.worker;
            let stale = kept && failure == Failure::Reset;
            if stale {
                note_kept(exchange, false);
            }
            if !stale && failure.side() == Side::Upstream {
                charge(exchange, failure);
            }
            if stale && exchange.progress().may_repeat() {
                worker.counters().upstream_stale.add(1);
                self.fresh = true;
            } else if !self.go_on(exchange, failure) {
                return Err(failure);
            }
            worker.counters().upstream_retries.add(1);
            exchange.outcome.retries += 1;
        }
    }

    /// Chooses where the request goes next, if anywhere: once to another endpoint of the candidate, and then to stable,
    /// or else by the repeat rule alone.
    #[cold]
    fn go_on<D: Downstream>(&mut self, exchange: &mut Exchange<'_, D>, failure: Failure) -> bool {
        let shielded = exchange.is_shielded() && failure.worth_shielding();
        let repeated = exchange.progress().may_repeat();
        if shielded {
            let another = repeated && !failure.timed_out() && self.count == 0;
            if another && self.go_elsewhere(exchange, failure) || exchange.move_to_stable() {
                return true;
            }
        }
        repeated && failure.worth_repeating() && self.go_elsewhere(exchange, failure)
    }

    /// Chooses another endpoint of the same release, if there is one and the budget allows it. A refused connection is
    /// outside the budget: nothing of the request was done, so doing it elsewhere adds no load.
    fn go_elsewhere<D: Downstream>(&mut self, exchange: &mut Exchange<'_, D>, failure: Failure) -> bool {
        let (worker, plan) = (exchange.worker, &mut exchange.plan);
        let app = Rc::clone(&plan.app);
        let assignment = &mut plan.assignment;
        if self.count + 1 >= ATTEMPTS_MAX {
            return false;
        }
        self.tried[self.count] = app.endpoint(assignment.target).route.slot;
        self.count += 1;
        let random = || worker.random();
        let mut draw = RequestDraw { app: &app, random: &random };
        let tried = &self.tried[..self.count];
        let Some(other) =
            another_endpoint(&app.routes, assignment.target.release, tried, app.as_ref(), &mut draw)
        else {
            return false;
        };
        if failure != Failure::Connect && !worker.retries.take() {
            worker.counters().upstream_retries_denied.add(1);
            return false;
        }
        assignment.target.endpoint = other;
        true
    }

    async fn attempt<D: Downstream>(
        &mut self,
        exchange: &mut Exchange<'a, D>,
        kept: &mut bool,
    ) -> Result<(), Failure> {
        exchange.begin_attempt();
        let app = Rc::clone(&exchange.plan.app);
        let target = exchange.plan.assignment.target;
        let route = app.endpoint(target).route;
        let room = Room::enter(exchange, &app, target).await?;
        exchange.outcome.endpoint = Some(route.address);
        let mut link = match self.take_kept(exchange, &route) {
            Some(stream) => Link { stream, kept: true },
            None => Link { stream: connect(exchange, route.address).await?, kept: false },
        };
        *kept = link.kept;
        exchange.note_connected();
        let done = poll_fn(|cx| exchange.poll(cx, &mut link.stream)).await;
        if done == Err(Failure::Missing) && !exchange.is_siblings() {
            self.waiting = Some(Box::new(Waiting { link, room, aside: exchange.set_aside() }));
            return done;
        }
        done.map(|()| settle(exchange, link))
    }

    /// A kept connection. A request that cannot be repeated takes only one that was used just now, since an endpoint
    /// may close an idle one at any moment.
    fn take_kept<D: Downstream>(&self, exchange: &Exchange<'_, D>, route: &EndpointRoute) -> Option<Stream> {
        if self.fresh {
            return None;
        }
        let worker = exchange.worker;
        let idle_ms_max = worker.limits().upstream_idle_ms;
        let idle_ms_max =
            if exchange.plan.idempotent { idle_ms_max } else { idle_ms_max.min(UNSAFE_IDLE_MS) };
        let wanted = Wanted { idle_ms_max, careful: !exchange.plan.idempotent };
        let taken = worker.pool.take(route.slot, route.address, coarse::now_ms(), wanted);
        worker.counters().upstream_stale.add(taken.stale);
        let stream = taken.stream?;
        worker.counters().upstream_reuses.add(1);
        Some(Stream::Plain(stream))
    }
}

/// A whole exchange: its connection is kept for another one, if it can be.
pub(super) fn settle<D: Downstream>(exchange: &Exchange<'_, D>, link: Link) {
    let route = exchange.plan.endpoint().route;
    let worker = exchange.worker;
    if link.kept {
        note_kept(exchange, true);
    }
    if let (true, Stream::Plain(stream)) = (exchange.link_reusable(), link.stream) {
        let most = worker.limits().upstream_idle_per_endpoint_max as usize;
        worker.pool.keep(route.slot, route.address, stream, coarse::now_ms(), most);
    }
}

fn note_kept<D: Downstream>(exchange: &Exchange<'_, D>, carried: bool) {
    let route = exchange.plan.endpoint().route;
    exchange.worker.pool.note_kept(route.slot, route.address, carried);
}

/// Opens a connection to an endpoint.
async fn connect<D: Downstream>(
    exchange: &mut Exchange<'_, D>,
    address: std::net::SocketAddr,
) -> Result<Stream, Failure> {
    let worker = exchange.worker;
    exchange.down.deadline().set_in(worker.limits().connect_ms);
    worker.counters().upstream_connects.add(1);
    let mut connecting = Box::pin(TcpStream::connect(address));
    let connected = poll_fn(|cx| match connecting.as_mut().poll(cx) {
        Poll::Ready(connected) => Poll::Ready(Some(connected)),
        Poll::Pending if exchange.down.deadline().state() == WaitState::Overdue => Poll::Ready(None),
        Poll::Pending => Poll::Pending,
    });
    match connected.await {
        None => Err(Failure::ConnectTimeout),
        Some(Err(error)) if is_shortage(&error) => Err(Failure::Resources),
        Some(Err(_)) => Err(Failure::Connect),
        Some(Ok(stream)) => {
            // Without it small writes would wait for acknowledgements; with it failing they still arrive.
            let _ = stream.set_nodelay(true);
            Ok(Stream::Plain(stream))
        }
    }
}

/// Counts a failure that was the endpoint's.
#[cold]
pub(super) fn charge<D: Downstream>(exchange: &Exchange<'_, D>, failure: Failure) {
    // What a tester tries out takes no endpoint from users.
    if !exchange.plan.is_overridden() {
        exchange.plan.endpoint().state.fail();
    }
    let counters = exchange.worker.counters();
    let counter = match failure {
        Failure::Connect => &counters.upstream_failed_connect,
        Failure::ConnectTimeout => &counters.upstream_failed_connect_timeout,
        Failure::Reset => &counters.upstream_failed_reset,
        Failure::Malformed(_) => &counters.upstream_failed_malformed,
        Failure::FirstByte => &counters.upstream_failed_first_byte,
        Failure::Status(_) => &counters.upstream_failed_status,
        _ => &counters.upstream_failed_body,
    };
    counter.add(1);
}

/// Tells the client what became of its request, or cuts the response that has begun.
async fn fail<D: Downstream>(exchange: &mut Exchange<'_, D>, failure: Failure) {
    let counters = exchange.worker.counters();
    match failure {
        Failure::Queue => counters.limit_endpoint_queue.add(1),
        Failure::RequestSlow | Failure::ResponseSlow => counters.limit_body_rate.add(1),
        Failure::RequestBody(_) => counters.requests_refused.add(1),
        _ => {}
    }
    if exchange.progress().answered || failure == Failure::ClientGone {
        exchange.down.abort();
        return;
    }
    let nobody_serves = failure.side() == Side::Upstream && !exchange.plan.release_serves();
    let refusal = if nobody_serves { RELEASE_DOWN } else { refusal(failure) };
    let form = form(exchange);
    // What is left of the request's body is not read, so no other request can follow it.
    let close =
        failure.side() == Side::Downstream || !exchange.link_reusable() && has_body(exchange.plan.framing);
    exchange.outcome.status = refusal.status;
    exchange.outcome.sent =
        refuse(exchange.worker, exchange.down, &refusal, None, form, exchange.plan.to_head, close).await;
}

/// Answers in the router's own voice, with further header lines if there are some; how many bytes of body that was.
pub async fn refuse<D: Downstream>(
    worker: &Worker,
    down: &mut D,
    refusal: &Refusal,
    lines: Option<&str>,
    form: Form,
    to_head: bool,
    close: bool,
) -> u64 {
    let mut fields = Vec::new();
    refusal.write_fields(form, &mut fields);
    fields.extend_from_slice(lines.unwrap_or_default().as_bytes());
    worker.write_date(&mut fields);
    let body = refusal.body(form);
    let length = if to_head { 0 } else { body.len() };
    let framing = if to_head { Framing::None } else { Framing::Length(length as u64) };
    down.deadline().set_in(worker.limits().body_grace_ms);
    let mut unsent = Some((body, fields));
    poll_fn(|cx| {
        if let Some((body, fields)) = unsent.take() {
            let mut lease = worker.buffers.lend(false);
            lease.space()[..length].copy_from_slice(&body.as_bytes()[..length]);
            let data = HEADROOM_BYTES..HEADROOM_BYTES + length;
            let answer = Answer {
                status: refusal.status,
                reason: reason(refusal.status).as_bytes(),
                fields: &fields,
                framing,
                stated_length: to_head.then_some(body.len() as u64),
                tunnel: false,
                close,
            };
            down.answer(cx, &answer, BodyPart { lease, data, last: true, trailers: Vec::new() });
        }
        match down.poll_flush(cx) {
            Poll::Pending if down.deadline().state() == WaitState::Waiting => Poll::Pending,
            Poll::Pending => {
                down.abort();
                Poll::Ready(())
            }
            Poll::Ready(_) => Poll::Ready(()),
        }
    })
    .await;
    length as u64
}

/// Every endpoint of the release is known to be down, so trying again soon is what there is to do.
const RELEASE_DOWN: Refusal =
    Refusal { status: 503, detail: "the application is down right now", retry_after: Some(5) };

fn refusal(failure: Failure) -> Refusal {
    let status = failure.status();
    let detail = match failure {
        Failure::ConnectTimeout | Failure::FirstByte => "the application did not answer in time",
        Failure::Queue => "the application is too busy right now",
        Failure::Resources => "the router is too busy right now",
        Failure::ReleaseEnded => "this release has ended",
        Failure::RequestBody(what) => what,
        Failure::RequestSlow => "the request took too long to arrive",
        _ => "the application could not be reached",
    };
    Refusal { status, detail, retry_after: (status == 503).then_some(1) }
}

/// In which form the client wants to be told: read again from the head that was sent, since it is needed rarely.
fn form<D: Downstream>(exchange: &Exchange<'_, D>) -> Form {
    let out = &exchange.plan.out.bytes;
    let Some(start) = memchr::memchr(b'\n', out).map(|end| end + 1) else { return Form::Text };
    let mut lines = exchange.worker.lines.borrow_mut();
    match read_lines(&out[start..], &mut lines, usize::MAX) {
        Ok(Progress::Complete(_)) => Form::asked_in(&out[start..], &lines),
        _ => Form::Text,
    }
}
