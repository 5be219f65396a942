//! One attempt at one exchange: the request goes up, the response comes down, both at once, until one side is done.
//!
//! It is one state machine that is polled, not two tasks with a channel between them: everything is in one place,
//! nothing is allocated while bytes move, and a side that does not take its bytes stops the other one. Order within
//! a poll: flush to the client, send to the endpoint, read from the endpoint; again as long as anything moved.

mod pace;
mod response;
mod tunnel;
mod upload;
mod wait;

use std::{
    rc::Rc,
    sync::Arc,
    task::{Context, Poll},
};

use super::{
    account::Outcome,
    failure::{Failure, Progress},
    shield::Shield,
    skew::Skew,
};
use crate::{
    live::endpoints::EndpointState,
    proxy::{
        codec::body::BodyDecoder,
        downstream::{Downstream, stream::Stream},
        route::Plan,
        worker::{Worker, buffers::Lease, coarse, local::LocalRelease},
    },
};
use pace::Pace;
use tunnel::Tunnel;

/// An exchange with a client, over all its attempts.
pub struct Exchange<'a, D: Downstream> {
    /// Whose thread it runs on.
    pub worker: &'a Worker,
    /// The client.
    pub down: &'a mut D,
    /// What is asked, of whom.
    pub plan: Box<Plan>,
    /// What became of it so far.
    pub outcome: Outcome,
    pub(super) upload: upload::Upload,
    pub(super) response: Response,
    pub(super) shield: Shield,
    pub(super) skew: Skew,
    /// When the endpoint last moved a byte, monotonic ms.
    upstream_at_ms: u64,
    /// While the client does not take what it was sent: how long it may be slow.
    taking: Option<Pace>,
    /// While the client has more of its body to bring: how long it may be slow.
    bringing: Option<Pace>,
    /// When the client was last looked for, monotonic ms.
    looked_at_ms: u64,
    /// When the client was seen to have closed its sending side, monotonic ms.
    client_left_at_ms: Option<u64>,
    /// The response went on in this turn, so that there may be more to do. The request goes as far as it can in each.
    moved: bool,
    open: Open<'a>,
}

/// An open exchange, counted at its release until it ends, also by a panic.
struct Open<'a> {
    worker: &'a Worker,
    release: Rc<LocalRelease>,
    /// The endpoint of a WebSocket.
    socket: Option<Arc<EndpointState>>,
}

impl<'a> Open<'a> {
    fn new(worker: &'a Worker, plan: &Plan) -> Self {
        let release = Rc::clone(plan.release());
        release.state.cell(worker.index).open_requests.add(1);
        Self { worker, release, socket: None }
    }

    fn become_socket(&mut self, endpoint: &Arc<EndpointState>) {
        let cell = self.release.state.cell(self.worker.index);
        cell.open_requests.subtract(1);
        cell.open_sockets.add(1);
        endpoint.open_socket();
        self.socket = Some(Arc::clone(endpoint));
    }
}

impl Drop for Open<'_> {
    fn drop(&mut self) {
        let cell = self.release.state.cell(self.worker.index);
        match &self.socket {
            Some(endpoint) => {
                endpoint.close_socket();
                cell.open_sockets.subtract(1);
            }
            None => cell.open_requests.subtract(1),
        }
    }
}

/// How far the response is.
#[derive(Default)]
pub(super) struct Response {
    /// What was read of a head that is not whole, or of what follows an interim response.
    incoming: Option<Incoming>,
    /// Set once the head of the final response is there.
    decoder: Option<BodyDecoder>,
    /// Set by a 101.
    tunnel: Option<Box<Tunnel>>,
    /// Some of a response went to the client.
    pub(super) begun: bool,
    /// All of it was handed to the client's side.
    done: bool,
    /// The connection to the endpoint can carry another request.
    pub(super) reusable: bool,
    /// Interim responses so far.
    interims: u8,
}

/// An attempt whose answer is not read yet, while others are made.
pub(super) struct Aside {
    upload: upload::Upload,
    response: Response,
}

/// Bytes of the endpoint's that are no body yet.
struct Incoming {
    lease: Lease,
    /// In the lease's space: where the unread begin, and where they end.
    start: usize,
    end: usize,
    /// They have been looked at, and are not enough.
    partial: bool,
}

impl<'a, D: Downstream> Exchange<'a, D> {
    /// At its start. The body that was read along with the head is in the plan already.
    pub fn new(worker: &'a Worker, down: &'a mut D, plan: Box<Plan>) -> Self {
        let (upload, open) = (upload::Upload::new(&plan), Open::new(worker, &plan));
        let shield = Shield::new(&plan);
        Self {
            open,
            worker,
            down,
            plan,
            outcome: Outcome::default(),
            upload,
            response: Response::default(),
            shield,
            skew: Skew::default(),
            upstream_at_ms: 0,
            taking: None,
            bringing: None,
            looked_at_ms: 0,
            client_left_at_ms: None,
            moved: false,
        }
    }

    /// Makes ready for an attempt.
    pub fn begin_attempt(&mut self) {
        self.upload.restart();
        self.response = Response::default();
        self.upstream_at_ms = coarse::now_ms();
    }

    /// A connection is there: from now on the endpoint's time counts, and its release may end the exchange.
    pub fn note_connected(&mut self) {
        self.upstream_at_ms = coarse::now_ms();
        self.down.deadline().bind_to(Rc::clone(self.plan.release()), self.plan.assignment.target.endpoint);
    }

    /// Puts this attempt aside with the answer that has come.
    pub(super) fn set_aside(&mut self) -> Aside {
        let upload = std::mem::replace(&mut self.upload, upload::Upload::new(&self.plan));
        Aside { upload, response: std::mem::take(&mut self.response) }
    }

    /// Goes on with an attempt that was put aside.
    pub(super) fn resume(&mut self, aside: Aside) {
        (self.upload, self.response) = (aside.upload, aside.response);
        self.note_connected();
    }

    /// The plan names another release from now on: the exchange is counted there, and that one may end it.
    pub(super) fn change_release(&mut self) {
        self.open = Open::new(self.worker, &self.plan);
        self.down.deadline().unbind();
    }

    /// What of the request went where.
    pub fn progress(&self) -> Progress {
        Progress {
            sent: self.upload.sent_any(),
            held: self.upload.is_held(),
            idempotent: self.plan.idempotent,
            answered: self.response.begun,
        }
    }

    /// Whether the connection to the endpoint may be kept: the response ended where it should, and so did the
    /// request.
    pub fn link_reusable(&self) -> bool {
        self.response.reusable && self.upload.is_whole()
    }

    /// Moves what can be moved; ready when the response is whole and with the client.
    pub fn poll(&mut self, cx: &mut Context<'_>, link: &mut Stream) -> Poll<Result<(), Failure>> {
        loop {
            self.moved = false;
            let flushed = match self.down.poll_flush(cx) {
                Poll::Ready(Ok(())) => true,
                Poll::Ready(Err(_)) => return Poll::Ready(Err(Failure::ClientGone)),
                Poll::Pending => false,
            };
            if flushed && self.response.done {
                return Poll::Ready(Ok(()));
            }
            if self.is_tunnel() {
                self.moved |= self.end_tunnel(cx, flushed);
            }
            self.poll_upload(cx, link)?;
            if self.tunnel_closed() {
                self.drop_response(cx, link);
                // If the client has closed its side too, nothing is left to wait for.
                self.response.done |= self.upload.is_over();
            } else if flushed {
                self.poll_response(cx, link)?;
            }
            if !self.moved {
                return self.wait(cx, flushed);
            }
        }
    }

    /// When the endpoint last moved a byte, monotonic ms.
    pub(super) fn upstream_at_ms(&self) -> u64 {
        self.upstream_at_ms
    }

    /// Notes that the endpoint moved a byte.
    fn note_upstream(&mut self) {
        self.upstream_at_ms = coarse::now_ms();
    }
}
