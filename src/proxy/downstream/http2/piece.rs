//! A part of a response's body on its way: the library writes it from the buffer that it was read into, and says how far it
//! has come.

use std::{
    cell::{Cell, RefCell},
    ops::Range,
    rc::Rc,
    task::{Context, Waker},
};

use bytes::Buf;

use crate::proxy::worker::buffers::Lease;

/// A part of a body, in a buffer that several may share.
pub struct Piece {
    lease: Rc<Lease>,
    range: Range<usize>,
    /// Set once it is handed over.
    sent: Option<Rc<Outstanding>>,
}

/// What was handed over of one response and is not written yet.
#[derive(Default)]
pub struct Outstanding {
    bytes: Cell<usize>,
    lost: Cell<bool>,
    waker: RefCell<Option<Waker>>,
}

impl Piece {
    /// A part of a body that is here in a buffer.
    pub fn new(lease: Lease, range: Range<usize>) -> Self {
        Self { lease: Rc::new(lease), range, sent: None }
    }

    /// Takes so many bytes off its start, to be handed over.
    pub fn hand_over(&mut self, length: usize, to: &Rc<Outstanding>) -> Self {
        let end = self.range.start + length;
        let range = self.range.start..end;
        self.range.start = end;
        to.bytes.set(to.bytes.get() + length);
        Self { lease: Rc::clone(&self.lease), range, sent: Some(Rc::clone(to)) }
    }
}

impl Outstanding {
    /// How many bytes are not written yet.
    pub fn bytes(&self) -> usize {
        self.bytes.get()
    }

    /// Whether some of it was thrown away, since the client is gone.
    pub fn is_lost(&self) -> bool {
        self.lost.get()
    }

    /// Wakes this task when all is written, or lost.
    pub fn register(&self, cx: &Context<'_>) {
        let mut waker = self.waker.borrow_mut();
        if !waker.as_ref().is_some_and(|waker| waker.will_wake(cx.waker())) {
            *waker = Some(cx.waker().clone());
        }
    }

    fn leave(&self, length: usize) {
        self.bytes.set(self.bytes.get() - length);
        if (self.bytes.get() == 0 || self.lost.get())
            && let Some(waker) = &*self.waker.borrow()
        {
            waker.wake_by_ref();
        }
    }
}

impl Buf for Piece {
    fn remaining(&self) -> usize {
        self.range.len()
    }

    fn chunk(&self) -> &[u8] {
        self.lease.get(self.range.clone())
    }

    fn advance(&mut self, length: usize) {
        self.range.start += length;
        if let Some(sent) = &self.sent {
            sent.leave(length);
        }
    }
}

impl Drop for Piece {
    fn drop(&mut self) {
        let Some(sent) = self.sent.take().filter(|_| !self.range.is_empty()) else { return };
        sent.lost.set(true);
        sent.leave(self.range.len());
    }
}
