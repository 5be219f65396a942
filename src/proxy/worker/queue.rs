//! Room at endpoints: how many requests may be in flight at one, and who waits for room.
//!
//! The count is shared by all workers; the waiting is not, so that no worker ever wakes another one. A worker's own
//! departures let its own waiters in at once; room that other workers made is found by the sweeper, within
//! [`crate::limits::SWEEP_MS`].

use std::{
    cell::RefCell,
    collections::{HashMap, VecDeque},
    task::Waker,
};

use crate::rollout::target::EndpointSlot;

/// Who waits at one worker, by endpoint slot. Empty unless `endpoint_in_flight_max` is set and reached.
#[derive(Debug, Default)]
pub struct Queues {
    waiting: RefCell<HashMap<EndpointSlot, VecDeque<Waker>>>,
}

impl Queues {
    /// How many wait for this endpoint.
    pub fn len(&self, slot: EndpointSlot) -> usize {
        self.waiting.borrow().get(&slot).map_or(0, VecDeque::len)
    }

    /// Waits for this endpoint.
    pub fn wait(&self, slot: EndpointSlot, waker: &Waker) {
        let mut waiting = self.waiting.borrow_mut();
        let queue = waiting.entry(slot).or_default();
        if !queue.iter().any(|other| other.will_wake(waker)) {
            queue.push_back(waker.clone());
        }
    }

    /// Waits no longer.
    pub fn leave(&self, slot: EndpointSlot, waker: &Waker) {
        let mut waiting = self.waiting.borrow_mut();
        if let Some(queue) = waiting.get_mut(&slot) {
            queue.retain(|other| !other.will_wake(waker));
            if queue.is_empty() {
                waiting.remove(&slot);
            }
        }
    }

    /// There is room for one more here.
    pub fn wake_one(&self, slot: EndpointSlot) {
        if let Some(first) = self.waiting.borrow().get(&slot).and_then(VecDeque::front) {
            first.wake_by_ref();
        }
    }

    /// There may be room anywhere.
    pub fn wake_first_of_each(&self) {
        self.waiting.borrow().values().filter_map(VecDeque::front).for_each(Waker::wake_by_ref);
    }
}
