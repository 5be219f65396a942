//! A client's connection of HTTP/2: it is driven here, and gives its requests away as they come.

use std::{
    future::poll_fn,
    rc::Rc,
    task::{Context, Poll},
};

use h2::{
    Reason,
    server::{Builder, Connection, SendResponse},
};
use http::{Request, request::Parts};

use super::{piece::Piece, session::Session, stream::ClientStream, wire::Wire};
use crate::{
    limits::{
        HTTP2_CONNECTION_WINDOW_BYTES, HTTP2_FIELD_BYTES, HTTP2_RESETS_KEPT_MAX, HTTP2_RESETS_OWN_MAX,
        HTTP2_RESETS_WAITING_MAX, HTTP2_SEND_BYTES_MAX, HTTP2_STREAM_WINDOW_BYTES, HTTP2_STREAMS_MAX,
        LINGER_MS, Limits,
    },
    proxy::{
        downstream::stream::Stream,
        worker::{
            Worker,
            client::Client,
            coarse,
            deadlines::{Deadline, WaitState},
            phase::Phase,
            seat::ConnectionSeat,
        },
    },
};

/// A client's connection.
pub struct Http2Connection {
    session: Rc<Session>,
    library: Box<Connection<Wire, Piece>>,
    deadline: Deadline,
    /// Requests so far.
    requests: u32,
    /// Since when there is no request, monotonic ms. `None`: there is one.
    idle_since: Option<u64>,
    goodbye: Goodbye,
}

/// How far a connection is on its way to its end.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Goodbye {
    /// It goes on.
    None,
    /// The client was asked to send no more requests. Those that it has sent are answered.
    Asked,
    /// It ends at once.
    Final,
}

/// A request that has come.
pub struct Arrival {
    /// The request.
    pub stream: ClientStream,
    /// Its head.
    pub parts: Parts,
}

impl Http2Connection {
    /// Exchanges the first frames, after which requests may come. `ahead` was read already. `None`: the client left, took too
    /// long, or does not speak HTTP/2.
    pub async fn begin(seat: ConnectionSeat, stream: Stream, client: Client, ahead: Vec<u8>) -> Option<Self> {
        let wire = Wire::new(stream, ahead, Rc::clone(&seat.buffers));
        let session = Session::new(seat, Client { http2: true, ..client }, wire.clone());
        let worker = session.worker();
        worker.counters().connections_http2.add(1);
        let deadline = worker.deadlines.enter();
        deadline.set_in(worker.limits().header_ms);
        let mut handshake = Box::pin(builder(worker.limits()).handshake(wire.clone()));
        let mut registered = false;
        let begun = poll_fn(|cx| {
            if !std::mem::replace(&mut registered, true) {
                deadline.register(cx);
                session.register(cx);
            }
            let begun = Future::poll(handshake.as_mut(), cx);
            // What the router says first does not wait for what the client says.
            let sent = wire.poll_send(cx);
            match begun {
                Poll::Ready(begun) => Poll::Ready(begun.ok()),
                Poll::Pending if matches!(sent, Poll::Ready(Err(_))) => Poll::Ready(None),
                Poll::Pending if deadline.state() == WaitState::Waiting => Poll::Pending,
                Poll::Pending => Poll::Ready(None),
            }
        })
        .await;
        drop(handshake);
        let library = Box::new(begun?);
        let idle_since = Some(coarse::now_ms());
        Some(Self { session, library, deadline, requests: 0, idle_since, goodbye: Goodbye::None })
    }

    /// The next request. `None`: the connection has ended.
    pub fn poll_next(&mut self, cx: &mut Context<'_>) -> Poll<Option<Arrival>> {
        loop {
            match self.library.poll_accept(cx) {
                Poll::Ready(Some(Ok((request, respond)))) => {
                    if let Some(arrival) = self.take(request, respond) {
                        return Poll::Ready(Some(arrival));
                    }
                    continue;
                }
                Poll::Ready(_) => return Poll::Ready(None),
                Poll::Pending => {}
            }
            if let Poll::Ready(Err(_)) = self.session.wire.poll_send(cx) {
                return Poll::Ready(None);
            }
            let before = self.goodbye;
            if self.session.wire.is_flooded() && before != Goodbye::Final {
                self.worker().counters().limit_http2_frames.add(1);
                self.end(Reason::ENHANCE_YOUR_CALM);
            }
            self.follow_phase();
            if !self.goes_on() {
                return Poll::Ready(None);
            }
            // A goodbye is sent by the library in its next turn.
            if self.goodbye == before {
                return Poll::Pending;
            }
        }
    }

    /// Closes so that the client gets what was sent last: what it still sends is read.
    pub async fn linger(self) {
        let Self { session, library, deadline, .. } = self;
        // Its requests learn that it is gone.
        drop(library);
        deadline.set_in(LINGER_MS);
        let mut dropped = 0;
        poll_fn(|cx| match session.wire.poll_drop(cx, &mut dropped) {
            Poll::Pending if deadline.state() == WaitState::Waiting => Poll::Pending,
            _ => Poll::Ready(()),
        })
        .await;
    }

    fn worker(&self) -> &Worker {
        self.session.worker()
    }

    fn take(&mut self, request: Request<h2::RecvStream>, respond: SendResponse<Piece>) -> Option<Arrival> {
        let worker = Rc::clone(self.session.worker());
        coarse::count_request(&worker.shared.clock);
        self.requests = self.requests.saturating_add(1);
        let most = worker.limits().requests_per_connection_max;
        if most > 0 && self.requests == most {
            worker.counters().limit_requests_per_connection.add(1);
            self.ask_to_leave();
        }
        if self.session.live() >= 2 * HTTP2_STREAMS_MAX {
            // It was reset again and again, and what was begun for it has not ended yet.
            let mut respond = respond;
            worker.counters().limit_http2_streams.add(1);
            respond.send_reset(Reason::REFUSED_STREAM);
            return None;
        }
        let (parts, body) = request.into_parts();
        Some(Arrival { stream: ClientStream::new(Rc::clone(&self.session), respond, body), parts })
    }

    /// Says goodbye when the front ends.
    fn follow_phase(&mut self) {
        match self.worker().shared.phase() {
            Phase::Serving if self.session.is_over() => self.ask_to_leave(),
            Phase::Serving => {}
            // What is open ends by itself now, and is told so.
            Phase::Ending if self.session.live() == 0 && self.goodbye != Goodbye::Final => {
                self.end(Reason::NO_ERROR);
            }
            _ => self.ask_to_leave(),
        }
    }

    /// Looks at what is waited for, and for how long. `false`: there is nothing to wait for.
    fn goes_on(&mut self) -> bool {
        let now = coarse::now_ms();
        let busy = self.session.live() > 0 || self.library.has_streams();
        if busy {
            self.idle_since = None;
        } else {
            self.idle_since.get_or_insert(now);
        }
        if self.goodbye == Goodbye::Final {
            return self.deadline.state() == WaitState::Waiting;
        }
        let limits = self.worker().limits();
        let (header_ms, idle_ms, grace_ms) = (limits.header_ms, limits.idle_ms, limits.body_grace_ms);
        let idle_ms =
            if self.goodbye == Goodbye::Asked { LINGER_MS } else { self.worker().idle_ms().min(idle_ms) };
        let after = |since: Option<u64>, ms: u64| since.map_or(u64::MAX, |since| since.saturating_add(ms));
        let wire = &self.session.wire;
        let head_due = after(wire.block_since(), header_ms);
        let idle_due = after(self.idle_since, idle_ms);
        let stuck_due = if busy { u64::MAX } else { after(wire.stuck_since(), grace_ms) };
        self.deadline.set(head_due.min(idle_due).min(stuck_due));
        if head_due <= now {
            self.worker().counters().limit_header_time.add(1);
            self.end(Reason::ENHANCE_YOUR_CALM);
        } else if stuck_due <= now {
            return false;
        } else if idle_due <= now {
            match self.goodbye {
                Goodbye::None => {
                    self.worker().counters().limit_idle_time.add(1);
                    self.ask_to_leave();
                }
                _ => self.end(Reason::NO_ERROR),
            }
        }
        true
    }

    /// Asks the client to send no more requests here. Those that are on their way are taken.
    fn ask_to_leave(&mut self) {
        if self.goodbye == Goodbye::None {
            self.goodbye = Goodbye::Asked;
            self.idle_since = self.idle_since.map(|_| coarse::now_ms());
            self.library.graceful_shutdown();
        }
    }

    /// Ends the connection, whatever is open on it.
    fn end(&mut self, reason: Reason) {
        self.goodbye = Goodbye::Final;
        self.library.abrupt_shutdown(reason);
        self.deadline.set_in(LINGER_MS);
    }
}

/// The library with the limits of this router.
pub fn builder(limits: &Limits) -> Builder {
    let fields = limits.header_count_max.saturating_mul(HTTP2_FIELD_BYTES);
    let mut builder = Builder::new();
    builder
        .max_concurrent_streams(HTTP2_STREAMS_MAX)
        .max_header_list_size(limits.header_bytes_max.saturating_add(fields))
        .initial_window_size(HTTP2_STREAM_WINDOW_BYTES)
        .initial_connection_window_size(HTTP2_CONNECTION_WINDOW_BYTES)
        .max_send_buffer_size(HTTP2_SEND_BYTES_MAX)
        .max_concurrent_reset_streams(HTTP2_RESETS_KEPT_MAX)
        .max_pending_accept_reset_streams(HTTP2_RESETS_WAITING_MAX)
        .max_local_error_reset_streams(Some(HTTP2_RESETS_OWN_MAX))
        .enable_connect_protocol();
    builder
}
