//! A client's HTTP/1.1 connection: requests one after the other, until one side has had enough.
//!
//! One task owns it. While it waits for a request it holds no buffer and its future is small; everything an exchange
//! needs lives in a box for as long as the exchange lasts.

mod answer;
mod read;

use std::{
    any::Any,
    future::{Future, poll_fn},
    ops::Range,
    panic::{AssertUnwindSafe, catch_unwind},
    pin::{Pin, pin},
    rc::Rc,
    task::{Context, Poll},
};

use super::stream::Stream;
use crate::{
    limits::{LINGER_BYTES_MAX, LINGER_MS},
    proxy::{
        codec::{body::BodyDecoder, fault::RequestFault, head::Framing},
        forward::{account, forward, refuse},
        rewrite::refusal::{Form, Refusal, Reply},
        route::Plan,
        worker::{
            Worker,
            buffers::Lease,
            client::Client,
            coarse,
            deadlines::{Deadline, WaitState},
        },
    },
};

/// Keeps method and body, as a POST to the wrong scheme needs (RFC 9110 section 15.4.9).
const REDIRECT: Refusal = Refusal { status: 308, detail: "this is served over https", retry_after: None };

/// A client's connection.
pub struct Connection {
    worker: Rc<Worker>,
    stream: Stream,
    deadline: Deadline,
    client: Client,
    /// What was read and not used: part of a head, or requests that came pipelined.
    unread: Vec<u8>,
    /// How much of `unread` was used.
    unread_at: usize,
    /// Requests so far.
    requests: u32,
    /// What the present request says about its body and its connection.
    request: Request,
    /// What goes down.
    out: Out,
}

/// The present request.
struct Request {
    body: BodyDecoder,
    minor_version: u8,
    keep_alive: bool,
    /// Bytes go both ways without framing.
    tunnel: bool,
}

/// What goes down, and how.
struct Out {
    /// What the client has not taken yet.
    pending: Option<(Lease, Range<usize>)>,
    /// What comes after it.
    then: Vec<u8>,
    /// The response is chunked.
    chunked: bool,
    /// A response has begun.
    begun: bool,
    /// The client takes whole reads.
    keeps_up: bool,
    /// The client is gone.
    gone: bool,
    /// The response was cut, and the client has to see that.
    aborted: bool,
    /// TLS may hold something back.
    flush: bool,
}

/// What comes next on a connection.
enum Next {
    /// A request that is to be forwarded.
    Forward(Box<Plan>),
    /// A request that is answered by the router.
    Refuse(Reply, Form, bool),
    /// Nothing.
    End,
}

/// Serves a connection until it ends.
pub async fn serve(worker: Rc<Worker>, stream: Stream, client: Client) {
    let mut connection = Connection::new(worker, stream, client);
    poll_fn(|cx| {
        connection.deadline.register(cx);
        Poll::Ready(())
    })
    .await;
    loop {
        connection.begin_waiting();
        let next = poll_fn(|cx| connection.poll_guarded(cx)).await;
        let panicked = match next {
            Ok(Next::Forward(plan)) => Caught(Box::pin(connection.forward(plan))).await.is_err(),
            Ok(Next::Refuse(reply, form, to_head)) => {
                Box::pin(connection.refuse(&reply, form, to_head)).await;
                false
            }
            Ok(Next::End) => return,
            Err(()) => true,
        };
        if panicked {
            Box::pin(connection.after_panic()).await;
        }
        if !connection.goes_on() {
            return Box::pin(connection.linger()).await;
        }
    }
}

impl Connection {
    fn new(worker: Rc<Worker>, stream: Stream, client: Client) -> Self {
        let request =
            Request { body: BodyDecoder::Length(0), minor_version: 1, keep_alive: true, tunnel: false };
        let out = Out {
            pending: None,
            then: Vec::new(),
            chunked: false,
            begun: false,
            keeps_up: true,
            gone: false,
            aborted: false,
            flush: stream.secure(),
        };
        let deadline = worker.deadlines.enter();
        Self { worker, stream, deadline, client, unread: Vec::new(), unread_at: 0, requests: 0, request, out }
    }

    async fn forward(&mut self, plan: Box<Plan>) {
        let worker = Rc::clone(&self.worker);
        forward(&worker, plan, self).await;
    }

    async fn refuse(&mut self, reply: &Reply, form: Form, to_head: bool) {
        let worker = Rc::clone(&self.worker);
        let close = !self.request.keep_alive || !self.request.body.is_done();
        refuse(&worker, self, &reply.refusal, Some(&reply.lines), form, to_head, close).await;
    }

    /// One request's panic is one 500.
    async fn after_panic(&mut self) {
        self.worker.counters().panics.add(1);
        self.request.keep_alive = false;
        if self.out.begun {
            self.out.aborted = true;
            return;
        }
        account::refused(&self.worker, None, self.client, 500);
        let refusal = Refusal { status: 500, detail: "the router failed", retry_after: None };
        self.refuse(&refusal.into(), Form::Text, false).await;
    }

    /// Whether another request may come.
    fn goes_on(&self) -> bool {
        self.request.keep_alive && self.request.body.is_done() && !self.out.gone && !self.out.aborted
    }

    /// Closes so that the client gets the last response: says that nothing more comes, and reads what the client is
    /// still sending, since closing on unread bytes would reset the connection under the response (RFC 9112,
    /// section 9.6).
    async fn linger(&mut self) {
        if self.out.aborted {
            self.stream.reset_on_close();
            return;
        }
        if self.out.gone {
            return;
        }
        self.unread = Vec::new();
        self.deadline.set_in(LINGER_MS);
        let mut left = LINGER_BYTES_MAX;
        let mut shut = false;
        poll_fn(|cx| {
            if !shut {
                match self.stream.poll_shutdown(cx) {
                    Poll::Pending => return self.unless_overdue(),
                    Poll::Ready(Err(_)) => return Poll::Ready(()),
                    Poll::Ready(Ok(())) => shut = true,
                }
            }
            loop {
                let mut lease = self.worker.buffers.lend(false);
                match self.stream.poll_read(cx, lease.space()) {
                    Poll::Pending => return self.unless_overdue(),
                    Poll::Ready(Ok(read)) if read > 0 && read <= left => left -= read,
                    Poll::Ready(_) => return Poll::Ready(()),
                }
            }
        })
        .await;
    }

    fn unless_overdue(&self) -> Poll<()> {
        if self.deadline.state() == WaitState::Waiting { Poll::Pending } else { Poll::Ready(()) }
    }

    /// Reads the next request; a panic on the way is one as in any other part of a request.
    fn poll_guarded(&mut self, cx: &mut Context<'_>) -> Poll<Result<Next, ()>> {
        match catch_unwind(AssertUnwindSafe(|| self.poll_next(cx))) {
            Ok(Poll::Pending) => Poll::Pending,
            Ok(Poll::Ready(next)) => Poll::Ready(Ok(next)),
            Err(_) => Poll::Ready(Err(())),
        }
    }

    #[cold]
    fn fault(&mut self, fault: RequestFault, to_head: bool) -> Next {
        let counters = self.worker.counters();
        counters.requests_refused.add(1);
        match fault {
            RequestFault::TargetTooLong => counters.limit_target_bytes.add(1),
            RequestFault::HeaderTooLong => counters.limit_header_bytes.add(1),
            RequestFault::HeaderTooMany => counters.limit_header_count.add(1),
            _ => {}
        }
        let detail = match fault {
            RequestFault::Malformed(what) => what,
            RequestFault::MethodRefused => "this method is not supported",
            RequestFault::TargetTooLong => "the request target is too long",
            RequestFault::HeaderTooLong => "the header is too long",
            RequestFault::HeaderTooMany => "there are too many header lines",
            RequestFault::ExpectationUnknown => "this value of Expect is not supported",
            RequestFault::CodingUnknown => "this transfer coding is not supported",
            RequestFault::VersionUnknown => "this version of HTTP is not supported",
        };
        self.last_refusal(Refusal { status: fault.status(), detail, retry_after: None }, to_head)
    }

    /// A refusal after which nothing on this connection is answered.
    #[cold]
    fn last_refusal(&mut self, refusal: Refusal, to_head: bool) -> Next {
        self.request.keep_alive = false;
        self.request.body = BodyDecoder::new(Framing::None, 0);
        account::refused(&self.worker, None, self.client, refusal.status);
        Next::Refuse(refusal.into(), Form::Text, to_head)
    }
}

impl Drop for Connection {
    fn drop(&mut self) {
        self.worker.connection_closed(self.client.address);
    }
}

/// A future whose panics end it and nothing else.
struct Caught<F>(Pin<Box<F>>);

impl<F: Future> Future for Caught<F> {
    type Output = Result<F::Output, Box<dyn Any + Send>>;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        let future = self.0.as_mut();
        match catch_unwind(AssertUnwindSafe(|| pin!(future).poll(cx))) {
            Ok(Poll::Pending) => Poll::Pending,
            Ok(Poll::Ready(output)) => Poll::Ready(Ok(output)),
            Err(panic) => Poll::Ready(Err(panic)),
        }
    }
}

impl Connection {
    /// Waits for a request from now on.
    fn begin_waiting(&mut self) {
        let partial = self.unread_at < self.unread.len();
        let limits = self.worker.limits();
        self.deadline.set_in(if partial { limits.header_ms } else { limits.idle_ms });
        self.out.begun = false;
        coarse::count_request(&self.worker.shared.clock);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The size of what a function's future keeps.
    fn kept<F: Future>(_: fn(Rc<Worker>, Stream, Client) -> F) -> usize {
        size_of::<F>()
    }

    #[test]
    fn an_idle_connection_keeps_little() {
        // Besides it there are the task's header, the socket's entry in the runtime and a deadline, some 500 bytes.
        let bytes = kept(serve);
        assert!(bytes <= 512, "{bytes}");
    }
}
