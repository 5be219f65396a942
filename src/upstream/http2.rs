//! Connections of HTTP/2 to endpoints, each of which carries many requests at once. Each worker has its own, few for each endpoint.
//!
//! A connection takes requests while it has streams left. While one is being opened, the requests that come wait for it. When the
//! endpoint says goodbye (GOAWAY), or nobody has used it for a while, it takes no more, and ends once it carries nothing.

use std::{
    cell::{Cell, RefCell},
    rc::Rc,
    task::{Context, Poll, Waker},
};

use bytes::Bytes;
use h2::client::SendRequest;
use tokio::{
    io::{AsyncRead, AsyncWrite},
    sync::Notify,
};

use super::pool::Destination;
use crate::limits::{
    HTTP2_FIELD_BYTES, HTTP2_LINK_WINDOW_BYTES, HTTP2_LINKS_MAX, HTTP2_STREAMS_MAX, HTTP2_UP_WINDOW_BYTES,
    Limits,
};

/// A worker's connections, by endpoint.
#[derive(Debug, Default)]
pub struct Http2Links(Rc<RefCell<Vec<Slot>>>);

#[derive(Debug, Default)]
struct Slot {
    leads_to: Option<Destination>,
    links: Vec<Rc<Http2Link>>,
    /// Who wants the connection that is being opened, if one is.
    opening: Option<Rc<Notify>>,
}

/// A connection.
#[derive(Debug)]
struct Http2Link {
    sender: SendRequest<Bytes>,
    /// Requests on it.
    open: Cell<usize>,
    ended: Cell<bool>,
    /// It has carried a request before.
    used: Cell<bool>,
    /// Since when it carries nothing, monotonic ms, as far as that was noticed.
    idle_since_ms: Cell<Option<u64>>,
}

/// A place for one request on a connection, until it is dropped.
#[derive(Debug)]
pub struct Http2Seat {
    link: Rc<Http2Link>,
    /// The connection has carried other requests, so it may be about to close.
    pub reused: bool,
}

/// How a request gets onto a connection.
#[derive(Debug)]
pub enum Boarding {
    /// There is one.
    Seat(Http2Seat),
    /// One is being opened.
    Wait(Rc<Notify>),
    /// It has to open one.
    Open(Opening),
}

/// The right to open a connection. When it is dropped, those who wait for it go on.
#[derive(Debug)]
pub struct Opening {
    slots: Rc<RefCell<Vec<Slot>>>,
    to: Destination,
    ended: Rc<Notify>,
}

impl Http2Links {
    /// A place on a connection to there, or what has to be done for one.
    pub fn board(&self, to: Destination) -> Boarding {
        if let Some(seat) = self.take(to) {
            return Boarding::Seat(seat);
        }
        let mut slots = self.0.borrow_mut();
        let slot = slot_of(&mut slots, to);
        if let Some(opening) = &slot.opening {
            return Boarding::Wait(Rc::clone(opening));
        }
        let ended = Rc::new(Notify::new());
        slot.opening = Some(Rc::clone(&ended));
        drop(slots);
        Boarding::Open(Opening { slots: Rc::clone(&self.0), to, ended })
    }

    /// A place on a connection that is open.
    pub fn take(&self, to: Destination) -> Option<Http2Seat> {
        let mut slots = self.0.borrow_mut();
        let slot = slots.get_mut(to.slot.0).filter(|slot| slot.leads_to == Some(to))?;
        slot.links.retain(|link| link.is_open());
        // The first that has room, so that others get old and end.
        let free = slot.links.iter().find(|link| link.has_room());
        // Above so many connections requests wait in the endpoint's order.
        let least = || slot.links.iter().min_by_key(|link| link.open.get());
        let link = free.or_else(|| least().filter(|_| slot.links.len() >= HTTP2_LINKS_MAX))?;
        Some(Http2Seat::on(link))
    }

    /// Ends connections that nobody has used for so long. Returns how many are open.
    pub fn sweep(&self, now_ms: u64, idle_ms_max: u64) -> usize {
        let mut open = 0;
        for slot in self.0.borrow_mut().iter_mut() {
            slot.links.retain(|link| link.is_open() && !link.is_old(now_ms, idle_ms_max));
            open += slot.links.len();
        }
        open
    }

    /// How many connections there are.
    pub fn open(&self) -> usize {
        self.0.borrow().iter().map(|slot| slot.links.len()).sum()
    }

    /// Ends all connections as soon as they carry nothing.
    pub fn clear(&self) {
        self.0.borrow_mut().clear();
    }
}

impl Opening {
    /// Exchanges the first frames on a connection, and takes a place on it. What was opened is driven beside.
    ///
    /// # Errors
    /// The endpoint does not speak HTTP/2, or has closed the connection.
    pub async fn begin(
        self,
        stream: impl AsyncRead + AsyncWrite + Unpin + 'static,
        limits: &Limits,
    ) -> Result<Http2Seat, h2::Error> {
        let fields = limits.header_count_max.saturating_mul(HTTP2_FIELD_BYTES);
        let mut builder = h2::client::Builder::new();
        builder
            .enable_push(false)
            .initial_window_size(HTTP2_UP_WINDOW_BYTES)
            .initial_connection_window_size(HTTP2_LINK_WINDOW_BYTES)
            .max_header_list_size(limits.header_bytes_max.saturating_add(fields));
        let (sender, connection) = builder.handshake(stream).await?;
        let link = Rc::new(Http2Link {
            sender,
            open: Cell::new(0),
            ended: Cell::new(false),
            used: Cell::new(false),
            idle_since_ms: Cell::new(None),
        });
        let driven = Rc::downgrade(&link);
        tokio::task::spawn_local(async move {
            // What has gone wrong is told to each request on it.
            let _ = connection.await;
            if let Some(link) = driven.upgrade() {
                link.ended.set(true);
            }
        });
        slot_of(&mut self.slots.borrow_mut(), self.to).links.push(Rc::clone(&link));
        Ok(Http2Seat::on(&link))
    }
}

impl Drop for Opening {
    fn drop(&mut self) {
        let mut slots = self.slots.borrow_mut();
        if let Some(slot) = slots.get_mut(self.to.slot.0)
            && slot.opening.as_ref().is_some_and(|opening| Rc::ptr_eq(opening, &self.ended))
        {
            slot.opening = None;
        }
        self.ended.notify_waiters();
    }
}

fn slot_of(slots: &mut Vec<Slot>, to: Destination) -> &mut Slot {
    if slots.len() <= to.slot.0 {
        slots.resize_with(to.slot.0 + 1, Slot::default);
    }
    let slot = &mut slots[to.slot.0];
    if slot.leads_to != Some(to) {
        *slot = Slot { leads_to: Some(to), ..Slot::default() };
    }
    slot
}

impl Http2Link {
    /// Whether it still takes requests. The library knows when the endpoint has said goodbye.
    fn is_open(&self) -> bool {
        let mut context = Context::from_waker(Waker::noop());
        let asked = self.sender.clone().poll_ready(&mut context);
        !self.ended.get() && !matches!(asked, Poll::Ready(Err(_)))
    }

    fn has_room(&self) -> bool {
        let most = self.sender.current_max_send_streams().min(HTTP2_STREAMS_MAX as usize);
        self.open.get() < most
    }

    fn is_old(&self, now_ms: u64, idle_ms_max: u64) -> bool {
        if self.open.get() > 0 {
            return false;
        }
        let since = self.idle_since_ms.get().unwrap_or(now_ms);
        self.idle_since_ms.set(Some(since));
        now_ms.saturating_sub(since) >= idle_ms_max
    }
}

impl Http2Seat {
    fn on(link: &Rc<Http2Link>) -> Self {
        link.open.set(link.open.get() + 1);
        link.idle_since_ms.set(None);
        Self { reused: link.used.replace(true), link: Rc::clone(link) }
    }

    /// What sends the request.
    pub fn sender(&self) -> SendRequest<Bytes> {
        self.link.sender.clone()
    }
}

impl Drop for Http2Seat {
    fn drop(&mut self) {
        self.link.open.set(self.link.open.get() - 1);
    }
}
