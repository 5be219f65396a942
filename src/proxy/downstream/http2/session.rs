//! What a connection of HTTP/2 and its requests share. It lasts as long as any of them.

use std::{
    cell::{Cell, RefCell},
    rc::Rc,
    sync::Arc,
    task::{Context, Waker},
};

use super::wire::Wire;
use crate::proxy::{
    downstream::handshake::HandshakeFacts,
    worker::{Worker, client::Client, seat::ConnectionSeat},
};

/// What a connection and its requests share.
pub struct Session {
    seat: ConnectionSeat,
    /// Who is at the other end.
    pub client: Client,
    /// The connection's bytes.
    pub wire: Wire,
    /// What the TLS handshake decided about requests. `None`: nothing.
    pub facts: Option<Arc<HandshakeFacts>>,
    /// Whether the client is to send its next requests on another connection.
    is_over: Cell<bool>,
    /// Requests that are not done.
    live: Cell<u32>,
    /// The connection's task.
    waker: RefCell<Option<Waker>>,
}

impl Session {
    /// A session without requests.
    pub fn new(seat: ConnectionSeat, client: Client, wire: Wire) -> Rc<Self> {
        let facts = wire.with_stream(|stream| stream.handshake_facts().cloned());
        let (is_over, live) = (Cell::new(false), Cell::new(0));
        Rc::new(Self { seat, client, wire, facts, is_over, live, waker: RefCell::default() })
    }

    /// The worker that it belongs to.
    pub fn worker(&self) -> &Rc<Worker> {
        &self.seat
    }

    /// How many requests are not done.
    pub fn live(&self) -> u32 {
        self.live.get()
    }

    /// Says which task serves the connection.
    pub fn register(&self, cx: &Context<'_>) {
        *self.waker.borrow_mut() = Some(cx.waker().clone());
    }

    /// Counts a request that begins.
    pub fn enter(&self) {
        self.live.set(self.live.get() + 1);
    }

    /// Counts a request that ends. Without requests the connection is idle, and may have waited for that.
    pub fn leave(&self) {
        self.live.set(self.live.get() - 1);
        if self.live.get() == 0 {
            self.wake();
        }
    }

    /// Has the client asked to send its next requests on another connection.
    #[cold]
    pub fn end(&self) {
        self.is_over.set(true);
        self.wake();
    }

    /// Whether that is so.
    pub fn is_over(&self) -> bool {
        self.is_over.get()
    }

    fn wake(&self) {
        if let Some(waker) = &*self.waker.borrow() {
            waker.wake_by_ref();
        }
    }
}
