//! Slots: small numbers for what outlives one table, so that its live state is found by index on every request.
//!
//! A slot stays with its key while the key lives, and goes to another key afterwards. It is not handed out again
//! in the table that gives it up, so that no slot means two things on the two sides of one publish.

use crate::blocks::SlotVec;

/// Which slot stands for what.
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

    /// Gives up the slot of a key that has ended; giving it up twice is once.
    pub(super) fn give_up(&mut self, slot: usize) {
        if self.keys.set(slot, None).is_some() {
            self.given_up.push(slot);
        }
    }

    /// What each slot stands for. From now on, slots given up can be taken.
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
