//! The memory of one worker's transfers: buffers that are lent while bytes are on their way, and then returned.
//!
//! A connection that waits holds no buffer. One that moves bytes holds a buffer for the time of a poll, and longer only
//! while the other side does not take the bytes. The buffer that was returned last is lent first, since it is still in the
//! processor's cache. A limit says how many may be lent. Beyond it new requests are refused.

use std::{
    cell::{Cell, RefCell},
    ops::Range,
    rc::Rc,
};

use crate::limits::{HEADROOM_BYTES, Limits, READ_BYTES, READ_LARGE_BYTES, TAILROOM_BYTES};

/// Text buffers that are kept for the next requests. More are needed only while more requests are in flight.
const TEXTS_KEPT: usize = 64;
/// A text buffer that has grown beyond this is not kept, in bytes.
const TEXT_BYTES_KEPT: usize = 64 * 1024;

/// The buffers of one worker.
#[derive(Debug)]
pub struct Buffers {
    small: Shelf,
    large: Shelf,
    texts: RefCell<Vec<Vec<u8>>>,
    /// A transfer waits for a buffer.
    awaited: Cell<bool>,
}

/// Buffers of one size.
#[derive(Debug)]
struct Shelf {
    bytes: usize,
    free: RefCell<Vec<Box<[u8]>>>,
    lent: Cell<u32>,
    lent_max: u32,
}

impl Shelf {
    fn new(read_bytes: usize, lent_max: u32) -> Self {
        let bytes = HEADROOM_BYTES + read_bytes + TAILROOM_BYTES;
        Self { bytes, free: RefCell::default(), lent: Cell::new(0), lent_max }
    }

    fn lend(&self) -> Box<[u8]> {
        self.lent.set(self.lent.get() + 1);
        self.free.borrow_mut().pop().unwrap_or_else(|| vec![0; self.bytes].into_boxed_slice())
    }

    fn has_room(&self) -> bool {
        self.lent.get() < self.lent_max
    }
}

impl Buffers {
    /// No buffer is allocated before it is needed.
    pub fn new(limits: &Limits) -> Rc<Self> {
        Rc::new(Self {
            small: Shelf::new(READ_BYTES, limits.small_buffers_max),
            large: Shelf::new(READ_LARGE_BYTES, limits.large_buffers_max),
            texts: RefCell::default(),
            awaited: Cell::new(false),
        })
    }

    /// Whether new requests may begin: a small buffer is left.
    pub fn has_room(&self) -> bool {
        self.small.has_room()
    }

    /// Whether a transfer may take a buffer. If not, it waits: what it would read stays with the kernel, and
    /// [`Buffers::ends_wait`] says when to try again.
    pub fn may_lend(&self) -> bool {
        let has_room = self.has_room();
        if !has_room {
            self.awaited.set(true);
        }
        has_room
    }

    /// Whether transfers waited for a buffer and there are some now. Once for each wait.
    pub fn ends_wait(&self) -> bool {
        self.awaited.get() && self.has_room() && self.awaited.replace(false)
    }

    /// Whether most buffers are lent, so that nobody should hold one for long.
    pub fn are_scarce(&self) -> bool {
        self.small.lent.get() / 3 >= self.small.lent_max / 4
    }

    /// Lends a buffer: a large one if `large` is set and one is left, else a small one.
    pub fn lend(self: &Rc<Self>, large: bool) -> Lease {
        let shelf = if large && self.large.has_room() { &self.large } else { &self.small };
        Lease { bytes: shelf.lend(), from: Rc::clone(self) }
    }

    /// Lends an empty text buffer.
    pub fn text(self: &Rc<Self>) -> Text {
        let bytes = self.texts.borrow_mut().pop().unwrap_or_else(|| Vec::with_capacity(2 * 1024));
        Text { bytes, from: Rc::clone(self) }
    }

    /// Gives free buffers back to the allocator, all but a few.
    pub fn trim(&self) {
        for shelf in [&self.small, &self.large] {
            let kept = (shelf.lent.get() as usize / 2).max(4);
            let mut free = shelf.free.borrow_mut();
            if free.len() > kept {
                free.truncate(kept);
                free.shrink_to_fit();
            }
        }
    }
}

/// A lent buffer, with room before and behind the bytes that are read into it. It is returned when this is dropped.
#[derive(Debug)]
pub struct Lease {
    bytes: Box<[u8]>,
    from: Rc<Buffers>,
}

impl Lease {
    /// The part that bytes are read into: behind the headroom, before the tailroom.
    pub fn space(&mut self) -> &mut [u8] {
        let end = self.bytes.len() - TAILROOM_BYTES;
        &mut self.bytes[HEADROOM_BYTES..end]
    }

    /// The whole buffer, headroom and tailroom included.
    pub fn all(&mut self) -> &mut [u8] {
        &mut self.bytes
    }

    /// A part of the whole buffer.
    pub fn get(&self, range: Range<usize>) -> &[u8] {
        &self.bytes[range]
    }
}

impl Drop for Lease {
    fn drop(&mut self) {
        let shelf =
            if self.bytes.len() == self.from.small.bytes { &self.from.small } else { &self.from.large };
        shelf.lent.set(shelf.lent.get() - 1);
        shelf.free.borrow_mut().push(std::mem::take(&mut self.bytes));
    }
}

/// A lent buffer that grows. It is returned when this is dropped.
#[derive(Debug)]
pub struct Text {
    /// Its contents.
    pub bytes: Vec<u8>,
    from: Rc<Buffers>,
}

impl Drop for Text {
    fn drop(&mut self) {
        let mut texts = self.from.texts.borrow_mut();
        if texts.len() < TEXTS_KEPT && self.bytes.capacity() <= TEXT_BYTES_KEPT {
            let mut bytes = std::mem::take(&mut self.bytes);
            bytes.clear();
            texts.push(bytes);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn large_buffers_run_out_and_come_back() {
        let buffers =
            Buffers::new(&Limits { large_buffers_max: 1, small_buffers_max: 1, ..Limits::default() });
        let mut first = buffers.lend(true);
        assert_eq!(first.space().len(), READ_LARGE_BYTES);
        let mut second = buffers.lend(true);
        assert_eq!(second.space().len(), READ_BYTES);
        assert!(!buffers.has_room());
        drop(second);
        drop(first);
        assert!(buffers.has_room());
        assert_eq!(buffers.lend(true).space().len(), READ_LARGE_BYTES);
    }

    #[test]
    fn who_finds_no_buffer_waits_until_one_is_back() {
        let buffers = Buffers::new(&Limits { small_buffers_max: 8, ..Limits::default() });
        let mut lent: Vec<_> = (0..5).map(|_| buffers.lend(false)).collect();
        assert!(!buffers.are_scarce() && buffers.may_lend());
        lent.extend((0..3).map(|_| buffers.lend(false)));
        assert!(buffers.are_scarce() && !buffers.may_lend() && !buffers.ends_wait());
        lent.pop();
        assert!(buffers.ends_wait() && !buffers.ends_wait());
    }

    #[test]
    fn free_buffers_are_given_back() {
        let buffers = Buffers::new(&Limits::default());
        let many: Vec<_> = (0..100).map(|_| buffers.lend(false)).collect();
        drop(many);
        buffers.trim();
        assert_eq!(buffers.small.free.borrow().len(), 4);
    }
}
