//! Requests of stable's users that are repeated at the candidate, on their way from the workers to the control plane.
//!
//! Bounded in number and rate. A worker never waits: what finds no room is not repeated.

use std::sync::atomic::{AtomicU64, Ordering};

use parking_lot::Mutex;
use tokio::sync::mpsc::{Receiver, Sender, channel};

use crate::rollout::{address::Address, app::AppName, record::Tenure};

/// The most requests of one second that are repeated: each is two requests more, now and then three.
pub const REPEATS_PER_SECOND_MAX: u32 = 50;
/// The most that wait. Each holds the head of a request.
const WAITING_MAX: usize = 64;

/// A request that is repeated, without its body: it has none.
#[derive(Debug, Clone)]
pub struct ShadowRequest {
    /// The app.
    pub app: AppName,
    /// The candidate's tenure.
    pub tenure: Tenure,
    /// A number that is the same for all requests of one client.
    pub session: u64,
    /// `GET` or `HEAD`.
    pub method: Vec<u8>,
    /// The target, as it goes to endpoints.
    pub target: String,
    /// The header lines, as they went to stable.
    pub headers: Vec<(Vec<u8>, Vec<u8>)>,
    /// The endpoint of stable that answered.
    pub stable: Address,
    /// An endpoint of the candidate.
    pub candidate: Address,
}

/// Where they wait.
#[derive(Debug)]
pub struct ShadowQueue {
    sender: Sender<ShadowRequest>,
    receiver: Mutex<Option<Receiver<ShadowRequest>>>,
    /// The second in which requests were last taken, and how many were: 32 bits each.
    taken: AtomicU64,
}

impl Default for ShadowQueue {
    fn default() -> Self {
        let (sender, receiver) = channel(WAITING_MAX);
        Self { sender, receiver: Mutex::new(Some(receiver)), taken: AtomicU64::new(0) }
    }
}

impl ShadowQueue {
    /// Adds a request, which is made only if there is room and the rate allows it. `second`: the time.
    pub fn offer(&self, second: u64, request: impl FnOnce() -> Option<ShadowRequest>) {
        let Ok(place) = self.sender.try_reserve() else { return };
        if !self.is_within_rate(second) {
            return;
        }
        if let Some(request) = request() {
            place.send(request);
        }
    }

    /// The end at which they are repeated. There is one.
    pub fn take_receiver(&self) -> Option<Receiver<ShadowRequest>> {
        self.receiver.lock().take()
    }

    fn is_within_rate(&self, second: u64) -> bool {
        let second = second & u64::from(u32::MAX);
        let next = |taken: u64| {
            let count = if taken >> 32 == second { taken & u64::from(u32::MAX) } else { 0 };
            (count < u64::from(REPEATS_PER_SECOND_MAX)).then_some(second << 32 | (count + 1))
        };
        self.taken.fetch_update(Ordering::Relaxed, Ordering::Relaxed, next).is_ok()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn request() -> Option<ShadowRequest> {
        let address = Address::from(([127, 0, 0, 1], 80));
        Some(ShadowRequest {
            app: "hello".parse().ok()?,
            tenure: 1,
            session: 1,
            method: b"GET".to_vec(),
            target: "/".to_owned(),
            headers: Vec::new(),
            stable: address,
            candidate: address,
        })
    }

    #[test]
    fn no_more_are_taken_than_the_rate_and_the_room_allow() {
        let queue = ShadowQueue::default();
        let mut receiver = queue.take_receiver().unwrap();
        assert!(queue.take_receiver().is_none());
        (0..100).for_each(|_| queue.offer(7, request));
        assert_eq!(receiver.len(), REPEATS_PER_SECOND_MAX as usize);
        (0..100).for_each(|_| queue.offer(8, request));
        assert_eq!(receiver.len(), WAITING_MAX, "nobody takes them");
        while receiver.try_recv().is_ok() {}
        queue.offer(9, || None);
        assert!(receiver.is_empty());
        (0..100).for_each(|_| queue.offer(9, request));
        assert_eq!(receiver.len(), REPEATS_PER_SECOND_MAX as usize - 1);
    }
}
