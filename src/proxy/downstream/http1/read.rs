//! Reading from a client: heads, and the bodies after them.

use std::{
    io,
    task::{Context, Poll},
};

use super::{Connection, Next};
use crate::{
    limits::{HEADROOM_BYTES, LINGER_MS, READ_BYTES},
    proxy::{
        codec::{
            body::BodyDecoder,
            chunked::{write_chunk, write_end},
            fault::RequestFault,
            lines::Progress,
            request::{Request, read_request},
            trailers,
        },
        downstream::{
            BodyFault, BodyPart, Departure,
            decision::{Decision, decide},
        },
        rewrite::refusal::Refusal,
        worker::{buffers::Lease, client::Door, deadlines::WaitState, phase::Phase},
    },
};

/// How much is kept of what a client sends ahead. More is thrown away, and the connection closes after the present response.
const AHEAD_BYTES_MAX: usize = READ_BYTES;

/// By how much the space grows for a head that arrives in pieces.
const HEAD_STEP_BYTES: usize = 1_024;

/// With what a client begins that knows that HTTP/2 is spoken here (RFC 9113 section 3.4).
const PREFACE: &[u8] = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n";

const TOO_SLOW: Refusal =
    Refusal { status: 408, detail: "the request's header took too long to arrive", retry_after: None };

impl Connection {
    /// Reads up to the next request.
    pub fn poll_next(&mut self, cx: &mut Context<'_>) -> Poll<Next> {
        if self.pause.is_some() {
            return self.poll_paused(cx);
        }
        if self.unread_at < self.unread.len()
            && let Some(next) = self.take_unread()
        {
            return Poll::Ready(next);
        }
        if self.pause.is_some() {
            return self.poll_paused(cx);
        }
        loop {
            let mut lease = self.worker.buffers.lend(false);
            let read = match self.stream.poll_read(cx, lease.space()) {
                Poll::Pending => return self.wait(),
                Poll::Ready(Ok(read)) if read > 0 => read,
                Poll::Ready(_) => return Poll::Ready(Next::End),
            };
            if let Some(next) = self.take_read(&mut lease, read) {
                return Poll::Ready(next);
            }
            if self.pause.is_some() {
                return self.poll_paused(cx);
            }
        }
    }

    fn wait(&mut self) -> Poll<Next> {
        let idle = self.unread.is_empty();
        if idle && self.worker.shared.phase() >= Phase::Draining {
            if self.requests > 0 {
                return Poll::Ready(Next::End);
            }
            // A client that was accepted a moment ago is about to send a request.
            if std::mem::take(&mut self.request.keep_alive) {
                self.deadline.set_in(LINGER_MS);
            }
        }
        let idle_ms = self.worker.limits().idle_ms;
        let shed = idle && self.deadline.since(idle_ms) >= self.worker.idle_ms();
        if self.deadline.state() == WaitState::Waiting && !shed {
            return Poll::Pending;
        }
        let counters = self.worker.counters();
        if idle {
            counters.limit_idle_time.add(1);
            return Poll::Ready(Next::End);
        }
        counters.limit_header_time.add(1);
        Poll::Ready(self.last_refusal(TOO_SLOW, false))
    }

    /// Takes a request from what was just read, or keeps it until there is more.
    fn take_read(&mut self, lease: &mut Lease, read: usize) -> Option<Next> {
        let bytes = &lease.space()[..read];
        if self.unread.is_empty() {
            let next = self.take_request(bytes);
            if next.is_none() {
                self.unread.extend_from_slice(bytes);
                self.deadline.set_in(self.worker.limits().header_ms);
            }
            return next;
        }
        // Without the end of a line there is nothing new to be read, so a head that arrives byte by byte is not read again for
        // each byte.
        let worth_reading = memchr::memchr(b'\n', bytes).is_some();
        // Space is added in small steps, since many clients may send their heads slowly.
        if self.unread.capacity() - self.unread.len() < bytes.len() {
            self.unread.reserve_exact(bytes.len().max(HEAD_STEP_BYTES));
        }
        self.unread.extend_from_slice(bytes);
        let full = self.unread.len() - self.unread_at >= self.worker.limits().header_bytes();
        if worth_reading || full || self.unread.len() < 64 { self.take_unread() } else { None }
    }

    /// Takes a request from what was read earlier.
    pub(super) fn take_unread(&mut self) -> Option<Next> {
        let unread = std::mem::take(&mut self.unread);
        let at = std::mem::take(&mut self.unread_at);
        let next = self.take_request(&unread[at..]);
        if next.is_none() {
            (self.unread, self.unread_at) = (unread, at);
        }
        next
    }

    /// Takes a request from the start of `bytes`, and keeps what follows its head as unread.
    fn take_request(&mut self, bytes: &[u8]) -> Option<Next> {
        let worker = std::rc::Rc::clone(&self.worker);
        let mut lines = worker.lines.borrow_mut();
        match read_request(bytes, &mut lines, worker.limits()) {
            Ok(Progress::Partial) => None,
            Ok(Progress::Complete(request)) => {
                let next = self.take_head(&request)?;
                self.unread = bytes[request.length..].to_vec();
                Some(next)
            }
            Err(RequestFault::VersionUnknown) if self.may_be_http2(bytes) => {
                (bytes.len() >= PREFACE.len()).then(|| Next::Http2(bytes.to_vec()))
            }
            Err(fault) => Some(self.refuse_head(fault, bytes.trim_ascii_start().starts_with(b"HEAD "))),
        }
    }

    /// What comes next. `None`: the request waits, since its app is paused.
    fn take_head(&mut self, request: &Request<'_>) -> Option<Next> {
        let (worker, head) = (&self.worker, &request.head);
        let limits = worker.limits();
        self.requests = self.requests.saturating_add(1);
        let most = limits.requests_per_connection_max;
        let last = most > 0 && self.requests >= most;
        if last {
            worker.counters().limit_requests_per_connection.add(1);
        }
        self.request = super::Request {
            body: BodyDecoder::new(head.framing, limits.chunk_extension_bytes_max),
            minor_version: head.minor_version,
            keep_alive: request.keep_alive && !last && worker.shared.phase() == Phase::Serving,
            tunnel: false,
        };
        self.out.begun = false;
        let (facts, login) = (self.stream.handshake_facts().map(|facts| &**facts), self.login.as_deref());
        match decide(worker, head, self.client, facts, login, self.pause.take().map(|pause| *pause)) {
            Decision::Forward(plan) => Some(Next::Forward(plan)),
            Decision::Refuse(reply, form, to_head) => {
                self.request.keep_alive &= !reply.ends_connection;
                Some(Next::Refuse(reply, form, to_head))
            }
            Decision::Wait(pause) => {
                self.requests -= 1;
                self.pause = Some(Box::new(pause));
                None
            }
        }
    }

    /// Whether a connection begins as one of HTTP/2 without TLS does. What has come may be less than its first line.
    #[cold]
    fn may_be_http2(&self, bytes: &[u8]) -> bool {
        let length = bytes.len().min(PREFACE.len());
        let first = self.requests == 0 && self.client.door == Door::Front && !self.stream.secure();
        first && bytes[..length] == PREFACE[..length]
    }

    /// See [`crate::proxy::downstream::Downstream::buffered_body`].
    #[inline(never)]
    pub(super) fn take_buffered_body(
        &mut self,
        chunked: bool,
        private: Option<&str>,
        out: &mut Vec<u8>,
    ) -> Result<bool, BodyFault> {
        let piece = self.request.body.decode(&mut self.unread[self.unread_at..]);
        let piece = piece.map_err(|malformed| BodyFault::Malformed(malformed.0))?;
        let data = &self.unread[self.unread_at + piece.data.start..self.unread_at + piece.data.end];
        if chunked {
            write_chunk(data, out)
        } else {
            out.extend_from_slice(data)
        }
        self.use_unread(piece.consumed);
        if piece.done && chunked {
            write_end(&self.trailers(private)?, out);
        }
        Ok(piece.done)
    }

    fn use_unread(&mut self, used: usize) {
        self.unread_at += used;
        if self.unread_at == self.unread.len() {
            (self.unread, self.unread_at) = (Vec::new(), 0);
        }
    }

    fn trailers(&mut self, private: Option<&str>) -> Result<Vec<u8>, BodyFault> {
        let section = self.request.body.take_trailers();
        let mut out = Vec::new();
        let mut lines = self.worker.lines.borrow_mut();
        trailers::pass_on(&section, private, &mut lines, &mut out)
            .map_err(|fault| BodyFault::Malformed(fault.0))?;
        Ok(out)
    }

    /// See [`crate::proxy::downstream::Downstream::poll_body`].
    pub(super) fn poll_request_body(
        &mut self,
        cx: &mut Context<'_>,
        large: bool,
        private: Option<&str>,
    ) -> Poll<Result<BodyPart, BodyFault>> {
        loop {
            let mut lease = self.worker.buffers.lend(large);
            let read = match self.read_ahead_or_more(cx, &mut lease) {
                Poll::Pending => return Poll::Pending,
                Poll::Ready(Some(read)) => read,
                Poll::Ready(None) => return Poll::Ready(Err(BodyFault::Left)),
            };
            if read == 0 {
                let data = HEADROOM_BYTES..HEADROOM_BYTES;
                return Poll::Ready(match self.request.body.end_of_connection() {
                    Ok(()) => Ok(BodyPart { lease, data, last: true, trailers: Vec::new() }),
                    Err(_) => Err(BodyFault::Left),
                });
            }
            let piece = match self.request.body.decode(&mut lease.space()[..read]) {
                Ok(piece) => piece,
                Err(malformed) => return Poll::Ready(Err(BodyFault::Malformed(malformed.0))),
            };
            self.keep_ahead(&lease.space()[piece.consumed..read]);
            let data = HEADROOM_BYTES + piece.data.start..HEADROOM_BYTES + piece.data.end;
            if data.start < data.end || piece.done {
                let trailers = if piece.done { self.trailers(private)? } else { Vec::new() };
                return Poll::Ready(Ok(BodyPart { lease, data, last: piece.done, trailers }));
            }
        }
    }

    /// Fills a buffer from what was read ahead, else from the connection. `None` if that is broken.
    fn read_ahead_or_more(&mut self, cx: &mut Context<'_>, lease: &mut Lease) -> Poll<Option<usize>> {
        let ahead = &self.unread[self.unread_at..];
        if ahead.is_empty() {
            return self.stream.poll_read(cx, lease.space()).map(Result::ok);
        }
        let space = lease.space();
        let length = ahead.len().min(space.len());
        space[..length].copy_from_slice(&ahead[..length]);
        self.use_unread(length);
        Poll::Ready(Some(length))
    }

    /// See [`crate::proxy::downstream::Downstream::poll_closed`]. If bytes come instead, they are a request that is sent ahead.
    pub(super) fn look_ahead(&mut self, cx: &mut Context<'_>) -> Poll<Departure> {
        if self.unread_at < self.unread.len() {
            return Poll::Pending;
        }
        let mut lease = self.worker.buffers.lend(false);
        match self.stream.poll_read(cx, lease.space()) {
            Poll::Pending => Poll::Pending,
            Poll::Ready(Ok(read)) if read > 0 => {
                self.unread = lease.space()[..read].to_vec();
                self.unread_at = 0;
                Poll::Pending
            }
            Poll::Ready(ended) => {
                self.request.keep_alive = false;
                // A TLS client may close without a goodbye.
                let reset = ended.is_err_and(|error| error.kind() != io::ErrorKind::UnexpectedEof);
                Poll::Ready(if reset { Departure::Left } else { Departure::HalfClosed })
            }
        }
    }

    /// Keeps what came after a body: the start of the next request.
    fn keep_ahead(&mut self, ahead: &[u8]) {
        if ahead.len() > AHEAD_BYTES_MAX {
            self.request.keep_alive = false;
        } else if !ahead.is_empty() {
            let rest = self.unread.split_off(self.unread_at);
            self.unread = [ahead, &rest].concat();
            self.unread_at = 0;
        }
    }
}
