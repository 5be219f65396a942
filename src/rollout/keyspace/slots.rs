//! Slots: small numbers of whatever outlives one table, so that its live state is found by index on every request.
//!
//! A slot belongs to its key while the key lives, and may go to another key afterwards. It is free again only in the table
//! after the one that gave it up, so that no slot has two meanings on the two sides of one publish.

use crate::slots::SlotVec;

/// Slots, and the keys they belong to.
#[derive(Debug)]
pub(super) struct Slots<K> {
    keys: SlotVec<K>,
    free: Vec<usize>,
    given_up: Vec<usize>,
}

impl<K> Default for Slots<K> {
    fn default() -> Self {
        Self { keys: SlotVec::default(), free: Vec::new(), given_up: Vec::new() }
    }
}

impl<K: Clone> Slots<K> {
    /// A slot for a new key.
    pub(super) fn take(&mut self, key: K) -> usize {
        match self.free.pop() {
            Some(slot) => {
                self.keys.set(slot, Some(key));
                slot
            }
            None => self.keys.push(key),
        }
    }

    /// Gives up the slot of a key that has ended. Repeating it has no effect.
    pub(super) fn give_up(&mut self, slot: usize) {
        if self.keys.set(slot, None).is_some() {
            self.given_up.push(slot);
        }
    }

    /// The key of each slot. Slots that were given up can be taken from now on.
    pub(super) fn publish(&mut self) -> SlotVec<K> {
        self.free.append(&mut self.given_up);
        self.keys.clone()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_slot_is_used_again_only_after_a_table_without_it() {
        let mut slots = Slots::default();
        assert_eq!((slots.take('a'), slots.take('b')), (0, 1));
        slots.give_up(0);
        slots.give_up(0);
        assert_eq!(slots.take('c'), 2);
        assert!(slots.publish().iter().eq(&[None, Some('b'), Some('c')]));
        assert_eq!((slots.take('d'), slots.take('e')), (0, 3));
    }
}
