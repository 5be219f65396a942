//! A table of fixed size that all workers write without a lock: each slot is a few machine words. A key's hash says which
//! slot, and a part of it stands in the slot, so that another key is not taken for it. A newer key takes over the slot of an
//! older one.
//!
//! Nothing is allocated before the first use.

use std::sync::OnceLock;

/// The bits of a hash that say which slot.
const PLACE_BITS: u32 = 12;

/// How many slots a table has.
pub const SLOTS: usize = 1 << PLACE_BITS;

/// A table of slots.
#[derive(Debug)]
pub struct Slots<T> {
    slots: OnceLock<Box<[T]>>,
}

/// Slots that nobody has used yet.
impl<T> Default for Slots<T> {
    fn default() -> Self {
        Self { slots: OnceLock::new() }
    }
}

impl<T: Default> Slots<T> {
    /// The slot of a hash.
    pub fn of(&self, hash: u64) -> &T {
        let slots = self.slots.get_or_init(|| (0..SLOTS).map(|_| T::default()).collect());
        &slots[(hash % SLOTS as u64) as usize]
    }
}

/// The highest `bits` bits of a hash: none of those that say which slot.
pub const fn tag(hash: u64, bits: u32) -> u64 {
    hash >> (u64::BITS - bits)
}
