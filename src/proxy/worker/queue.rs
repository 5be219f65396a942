//! Requests that wait for room at an endpoint.
//!
//! All workers share the count of requests in flight, but each has a queue of its own, so that no worker wakes another one.
//! When a request of this worker ends, the next one in its queue goes at once. Room that other workers made is found by the
//! sweeper, within [`crate::limits::SWEEP_MS`].

use std::{
    cell::RefCell,
    collections::{HashMap, VecDeque},
    task::Waker,
};

use crate::rollout::target::EndpointSlot;

/// The requests of one worker that wait, by endpoint. Empty unless `endpoint_in_flight_max` is set and reached.
#[derive(Debug, Default)]
pub struct Queues {
    waiting: RefCell<HashMap<EndpointSlot, VecDeque<Waker>>>,
}

impl Queues {
    /// How many wait for this endpoint.
    pub fn len(&self, slot: EndpointSlot) -> usize {
        self.waiting.borrow().get(&slot).map_or(0, VecDeque::len)
    }

    /// Joins the queue for this endpoint, if it is not in it.
    pub fn wait(&self, slot: EndpointSlot, waker: &Waker) {
        let mut waiting = self.waiting.borrow_mut();
        let queue = waiting.entry(slot).or_default();
        if !queue.iter().any(|other| other.will_wake(waker)) {
            queue.push_back(waker.clone());
        }
    }

    /// Leaves the queue.
    pub fn leave(&self, slot: EndpointSlot, waker: &Waker) {
        let mut waiting = self.waiting.borrow_mut();
        if let Some(queue) = waiting.get_mut(&slot) {
            queue.retain(|other| !other.will_wake(waker));
            if queue.is_empty() {
                waiting.remove(&slot);
            }
        }
    }

    /// Wakes the first in this queue: there is room for one more request.
    pub fn wake_one(&self, slot: EndpointSlot) {
        if let Some(first) = self.waiting.borrow().get(&slot).and_then(VecDeque::front) {
            first.wake_by_ref();
        }
    }

    /// Wakes the first in each queue: there may be room.
    pub fn wake_first_of_each(&self) {
        self.waiting.borrow().values().filter_map(VecDeque::front).for_each(Waker::wake_by_ref);
    }
}
