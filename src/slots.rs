//! Slots whose copies share what is the same. A leaf: anything may import it.
//!
//! What is published never changes, and from one publish to the next nearly all of it stays the same. A copy costs a pointer
//! for each block of slots, and a change copies only the block that it is in. Two copies are compared without looking into
//! the blocks that they share. So with 10,000 endpoints a change costs what it changes. A slot is read on every request, which
//! is why this is a vector of blocks and no tree: see benches/README.md.

use std::{ops::Index, sync::Arc};

/// Slots of a block: of 10,000 slots a copy takes some 160 pointers, and a change copies at most 64 slots.
const BLOCK: usize = 64;

/// Slots by number, each empty or filled. Reading one costs as much as in a vector of vectors.
#[derive(Debug, Clone)]
pub struct SlotVec<T> {
    /// Each of [`BLOCK`] slots; those behind `len` are empty.
    blocks: Vec<Arc<[Option<T>]>>,
    len: usize,
}

impl<T> Default for SlotVec<T> {
    fn default() -> Self {
        Self { blocks: Vec::new(), len: 0 }
    }
}

impl<T> SlotVec<T> {
    /// How many slots there are, empty ones included.
    pub fn len(&self) -> usize {
        self.len
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.len == 0
    }

    /// What a slot holds; `None` too if there is no such slot.
    pub fn get(&self, slot: usize) -> Option<&T> {
        self.blocks.get(slot / BLOCK)?[slot % BLOCK].as_ref()
    }

    /// All slots in order.
    pub fn iter(&self) -> impl Iterator<Item = &Option<T>> {
        self.blocks.iter().flat_map(|block| block.iter()).take(self.len)
    }

    /// Slots that may differ from those of `before`: number, what it held, what it holds. Blocks that both share are passed
    /// over; the caller compares the rest.
    pub fn differences<'a>(
        &'a self,
        before: &'a Self,
    ) -> impl Iterator<Item = (usize, Option<&'a T>, Option<&'a T>)> {
        let blocks = 0..self.blocks.len().max(before.blocks.len());
        let changed = blocks.filter(|at| match (self.blocks.get(*at), before.blocks.get(*at)) {
            (Some(now), Some(then)) => !Arc::ptr_eq(now, then),
            _ => true,
        });
        let slots = changed.flat_map(|at| at * BLOCK..(at + 1) * BLOCK);
        slots
            .map(|slot| (slot, before.get(slot), self.get(slot)))
            .filter(|(_, then, now)| then.is_some() || now.is_some())
    }
}

impl<T: Clone> SlotVec<T> {
    /// Fills a slot or empties it, and returns what it held. Missing slots up to it are made.
    pub fn set(&mut self, slot: usize, value: Option<T>) -> Option<T> {
        while self.blocks.len() <= slot / BLOCK {
            self.blocks.push((0..BLOCK).map(|_| None).collect());
        }
        self.len = self.len.max(slot + 1);
        std::mem::replace(&mut Arc::make_mut(&mut self.blocks[slot / BLOCK])[slot % BLOCK], value)
    }

    /// Adds a filled slot after all others, and returns its number.
    pub fn push(&mut self, value: T) -> usize {
        let slot = self.len;
        self.set(slot, Some(value));
        slot
    }
}

/// Panics where there is no such slot, as a vector does.
impl<T> Index<usize> for SlotVec<T> {
    type Output = Option<T>;

    fn index(&self, slot: usize) -> &Option<T> {
        assert!(slot < self.len, "slot {slot} of {}", self.len);
        &self.blocks[slot / BLOCK][slot % BLOCK]
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn it_holds_what_was_set_and_a_copy_what_was_set_before(
            first in prop::collection::vec((0..300usize, any::<Option<u8>>()), 0..60),
            then in prop::collection::vec((0..300usize, any::<Option<u8>>()), 0..60),
        ) {
            let (mut slots, mut model) = (SlotVec::default(), Vec::new());
            let set = |slots: &mut SlotVec<u8>, model: &mut Vec<Option<u8>>, slot: usize, value| {
                model.resize(model.len().max(slot + 1), None);
                assert_eq!(slots.set(slot, value), std::mem::replace(&mut model[slot], value));
            };
            first.into_iter().for_each(|(slot, value)| set(&mut slots, &mut model, slot, value));
            let (copy, copied) = (slots.clone(), model.clone());
            then.into_iter().for_each(|(slot, value)| set(&mut slots, &mut model, slot, value));
            prop_assert!(slots.iter().eq(&model) && copy.iter().eq(&copied));
            prop_assert_eq!((slots.len(), copy.len()), (model.len(), copied.len()));
            let at = |model: &[Option<u8>], slot: usize| model.get(slot).copied().flatten();
            let mut told: Vec<usize> = Vec::new();
            for (slot, before, now) in slots.differences(&copy) {
                prop_assert_eq!((before.copied(), now.copied()), (at(&copied, slot), at(&model, slot)));
                told.push(slot);
            }
            let differ = (0..300).filter(|slot| at(&copied, *slot) != at(&model, *slot));
            prop_assert!(differ.into_iter().all(|slot| told.contains(&slot)));
        }
    }

    #[test]
    fn a_change_shares_all_other_blocks() {
        let mut slots = SlotVec::default();
        (0..10_000).for_each(|number| assert_eq!(slots.push(number), number));
        let before = slots.clone();
        assert_eq!(slots.differences(&before).count(), 0);
        slots.set(7_000, None);
        assert_eq!(slots.differences(&before).count(), BLOCK);
        assert_eq!((before[7_000], slots[7_000], slots.get(10_000)), (Some(7_000), None, None));
    }
}
