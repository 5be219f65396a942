//! The requests of one worker that wait for paused apps, in the order in which they came.

use std::{
    cell::{Cell, RefCell},
    collections::BTreeMap,
    rc::Rc,
    task::Waker,
};

use crate::limits::PAUSED_REQUESTS_MAX;

/// Those that wait. Empty unless an app is paused.
#[derive(Debug, Default)]
pub struct PausedRequests {
    /// Whom to wake, by the order in which they came.
    waiting: RefCell<BTreeMap<u64, Option<Waker>>>,
    next: Cell<u64>,
    /// The table by which they were woken last.
    generation: Cell<u64>,
}

/// The place of one request. It is left when this is dropped.
#[derive(Debug)]
pub struct PausedPlace {
    all: Rc<PausedRequests>,
    number: u64,
}

impl PausedRequests {
    /// A place at the end, if there is one.
    pub fn enter(self: &Rc<Self>) -> Option<PausedPlace> {
        let mut waiting = self.waiting.borrow_mut();
        if waiting.len() >= PAUSED_REQUESTS_MAX {
            return None;
        }
        let number = self.next.get();
        self.next.set(number + 1);
        waiting.insert(number, None);
        Some(PausedPlace { all: Rc::clone(self), number })
    }

    /// Wakes all of them, the first one first, if there is another table.
    pub fn wake_at(&self, generation: u64) {
        if self.generation.replace(generation) != generation {
            self.waiting.borrow().values().flatten().for_each(Waker::wake_by_ref);
        }
    }
}

impl PausedPlace {
    /// Says whom to wake.
    pub fn wake(&self, waker: &Waker) {
        let mut waiting = self.all.waiting.borrow_mut();
        let known = waiting.entry(self.number).or_default();
        if !known.as_ref().is_some_and(|known| known.will_wake(waker)) {
            *known = Some(waker.clone());
        }
    }
}

impl Drop for PausedPlace {
    fn drop(&mut self) {
        self.all.waiting.borrow_mut().remove(&self.number);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn places_are_limited_and_left() {
        let all = Rc::new(PausedRequests::default());
        let mut places: Vec<PausedPlace> = (0..PAUSED_REQUESTS_MAX).filter_map(|_| all.enter()).collect();
        assert_eq!(places.len(), PAUSED_REQUESTS_MAX);
        assert!(all.enter().is_none());
        places.pop();
        assert!(all.enter().is_some());
    }
}
