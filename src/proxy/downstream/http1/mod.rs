//! A client's HTTP/1.1 connection: one request after the other, until one side ends it.

mod answer;
mod paused;
mod read;

use std::{
    future::poll_fn,
    ops::Range,
    rc::Rc,
    task::{Context, Poll},
};

use super::{pause::Pause, stream::Stream};
use crate::{
    limits::{LINGER_BYTES_MAX, LINGER_MS},
    proxy::{
        codec::{body::BodyDecoder, fault::RequestFault, head::Framing},
        downstream::refuse::{PANICKED, log_refused, refuse, refuse_fault},
        rewrite::refusal::{Form, Refusal, Reply},
        route::Plan,
        worker::{
            Worker,
            buffers::Lease,
            client::Client,
            coarse,
            deadlines::{Deadline, WaitState},
            seat::ConnectionSeat,
        },
    },
    upstream::login::LoginLink,
};

const PLAIN_HTTP: Refusal = Refusal {
    status: 400,
    detail: "this port speaks https, and the request came in plain http",
    retry_after: None,
};

/// A client's connection.
pub struct Connection {
    worker: ConnectionSeat,
    stream: Stream,
    deadline: Deadline,
    client: Client,
    /// What was read and is not used yet: part of a head, or pipelined requests.
    unread: Vec<u8>,
    /// How much of `unread` is used.
    unread_at: usize,
    /// Requests so far.
    requests: u32,
    /// The present request's body, and what it says about the connection.
    request: Request,
    /// What is sent to the client.
    out: Out,
    /// The connection to an endpoint that carries this client's login.
    login: Option<Box<LoginLink>>,
    /// The present request waits, since its app is paused. Its head is `unread`.
    pause: Option<Box<Pause>>,
}

/// The present request.
struct Request {
    body: BodyDecoder,
    minor_version: u8,
    keep_alive: bool,
    /// Bytes go both ways without framing.
    tunnel: bool,
}

/// What is sent to the client, and how.
struct Out {
    /// What the client has not taken yet.
    pending: Option<(Lease, Range<usize>)>,
    /// What is sent after it.
    then: Vec<u8>,
    /// The response is chunked.
    chunked: bool,
    /// It is seen where the response's body ends.
    framed: bool,
    /// A response has begun.
    begun: bool,
    /// The client takes whole reads.
    keeps_up: bool,
    /// The client is gone.
    gone: bool,
    /// The response was cut, and the client must see that.
    aborted: bool,
    /// TLS may hold something back.
    flush: bool,
}

/// What comes next on a connection.
pub enum Next {
    /// A request that is to be forwarded.
    Forward(Box<Plan>),
    /// A request that is answered by the router.
    Refuse(Box<Reply>, Form, bool),
    /// The client speaks HTTP/2, and has sent this.
    Http2(Vec<u8>),
    /// Nothing: the connection ends.
    End,
}

impl Connection {
    /// A connection that was accepted just now.
    pub fn new(worker: Rc<Worker>, stream: Stream, client: Client) -> Self {
        let request =
            Request { body: BodyDecoder::Length(0), minor_version: 1, keep_alive: true, tunnel: false };
        let out = Out {
            pending: None,
            then: Vec::new(),
            chunked: false,
            framed: false,
            begun: false,
            keeps_up: true,
            gone: false,
            aborted: false,
            flush: stream.secure(),
        };
        let deadline = worker.deadlines.enter();
        let (unread, unread_at, requests, login) = (Vec::new(), 0, 0, None);
        let pause = None;
        let worker = ConnectionSeat::new(worker, client.peer);
        Self { worker, stream, deadline, client, unread, unread_at, requests, request, out, login, pause }
    }

    /// Says which task to wake, once.
    pub fn register(&self, cx: &Context<'_>) {
        self.deadline.register(cx);
    }

    /// The worker that it belongs to.
    pub fn worker(&self) -> &Rc<Worker> {
        &self.worker
    }

    /// Gives the connection away, to be served in another protocol.
    pub fn into_parts(self) -> (ConnectionSeat, Stream, Client) {
        (self.worker, self.stream, self.client)
    }

    /// Begins to wait for a request.
    pub fn begin_waiting(&mut self) {
        let partial = self.unread_at < self.unread.len();
        let limits = self.worker.limits();
        self.deadline.set_in(if partial { limits.header_ms } else { limits.idle_ms });
        self.out.begun = false;
        coarse::count_request(&self.worker.shared.clock);
    }

    /// Answers a request that is not forwarded.
    pub async fn refuse(&mut self, reply: Reply, form: Form, to_head: bool) {
        let worker = Rc::clone(&self.worker);
        let close = !self.request.keep_alive || !self.request.body.is_done();
        refuse(&worker, self, &reply, form, to_head, close).await;
    }

    /// Answers a request that came in plain http where https is spoken.
    pub async fn refuse_plain_http(&mut self, to_head: bool) {
        self.worker.counters().requests_refused.add(1);
        self.request.keep_alive = false;
        log_refused(&self.worker, None, self.client, PLAIN_HTTP.status);
        self.refuse(PLAIN_HTTP.into(), Form::Text, to_head).await;
    }

    /// Answers a request that panicked with a 500, or cuts its response.
    pub async fn after_panic(&mut self) {
        self.worker.counters().panics.add(1);
        self.request.keep_alive = false;
        if self.out.begun {
            self.out.aborted = true;
            return;
        }
        log_refused(&self.worker, None, self.client, PANICKED.status);
        self.refuse(PANICKED.into(), Form::Text, false).await;
    }

    /// Whether another request may come.
    pub fn goes_on(&self) -> bool {
        self.request.keep_alive && self.request.body.is_done() && !self.out.gone && !self.out.aborted
    }

    /// Closes so that the client gets the last response. It is told that nothing more comes, and what it still sends is read:
    /// closing with unread bytes would reset the connection before the client has read the response (RFC 9112 section 9.6).
    pub async fn linger(&mut self) {
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

    /// Refuses a request whose head cannot be read.
    #[cold]
    fn refuse_head(&mut self, fault: RequestFault, to_head: bool) -> Next {
        let refusal = refuse_fault(&self.worker, fault);
        self.last_refusal(refusal, to_head)
    }

    /// A refusal after which no request on this connection is answered.
    #[cold]
    fn last_refusal(&mut self, refusal: Refusal, to_head: bool) -> Next {
        self.request.keep_alive = false;
        self.request.body = BodyDecoder::new(Framing::None, 0);
        log_refused(&self.worker, None, self.client, refusal.status);
        Next::Refuse(Box::new(refusal.into()), Form::Text, to_head)
    }
}
