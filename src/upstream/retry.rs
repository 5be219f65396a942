//! Budgets for requests that the router makes by itself. Repeats may be so many percent of recent requests, so that they do
//! not add to the trouble of a release. Shielded requests that go to stable, and questions to siblings for an asset, may be so
//! many per second.

use std::{
    cell::Cell,
    sync::atomic::{AtomicU64, Ordering},
};

use crate::limits::{RETRY_FLOOR, RETRY_FLOOR_PER_SECOND};

/// The price of a repeat, in hundredths of a request.
const PRICE: u32 = 100;
/// The most that can be saved up: the share of this many requests.
const REQUESTS_REMEMBERED: u32 = 1_000;

/// One worker's budget of repeats.
#[derive(Debug)]
pub struct RetryBudget {
    percent: u32,
    saved: Cell<u32>,
}

impl RetryBudget {
    /// Repeats may be `percent` of requests. Some are allowed from the start.
    pub fn new(percent: u32) -> Self {
        let floor = if percent == 0 { 0 } else { RETRY_FLOOR * PRICE };
        Self { percent, saved: Cell::new(floor) }
    }

    /// Counts a request.
    pub fn count_request(&self) {
        let most = RETRY_FLOOR * PRICE + self.percent * REQUESTS_REMEMBERED;
        self.saved.set((self.saved.get() + self.percent).min(most));
    }

    /// Adds a few repeats after a second, up to what a worker starts with.
    pub fn refill(&self) {
        let floor = if self.percent == 0 { 0 } else { RETRY_FLOOR * PRICE };
        let refilled = (self.saved.get() + RETRY_FLOOR_PER_SECOND * PRICE).min(floor);
        self.saved.set(refilled.max(self.saved.get()));
    }

    /// Takes one repeat out of the budget. `false` if it is used up.
    pub fn take(&self) -> bool {
        let left = self.saved.get().checked_sub(PRICE);
        self.saved.set(left.unwrap_or(self.saved.get()));
        left.is_some()
    }
}

/// The most that can be saved up of a rate budget, in microseconds: one second.
const SAVED_US: u64 = 1_000_000;

/// One router's budget of so many requests per second. Its workers share it, and touch it only when they make such a request.
#[derive(Debug)]
pub struct RateBudget {
    /// The price of one request, in microseconds. 0: none is allowed.
    price_us: u64,
    /// Until when the requests so far are paid for, monotonic microseconds.
    paid_until_us: AtomicU64,
}

impl RateBudget {
    /// A budget of so many requests per second. 0: none is allowed.
    pub fn new(per_second: u32) -> Self {
        let price_us = 1_000_000_u64.checked_div(per_second.into()).unwrap_or(0);
        Self { price_us, paid_until_us: AtomicU64::new(0) }
    }

    /// Takes one request out of the budget at this time (monotonic microseconds). `false` if it is used up.
    pub fn take(&self, now_us: u64) -> bool {
        let pay = |until: u64| {
            let until = until.max(now_us) + self.price_us;
            (until <= now_us + SAVED_US).then_some(until)
        };
        self.price_us > 0
            && self.paid_until_us.fetch_update(Ordering::Relaxed, Ordering::Relaxed, pay).is_ok()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn so_many_are_taken_in_a_second() {
        let budget = RateBudget::new(1_000);
        let taken = |now_us| (0..5_000).filter(|_| budget.take(now_us)).count();
        assert_eq!(taken(7), 1_000);
        assert_eq!(taken(500_007), 500);
        assert_eq!(taken(100_000_000), 1_000);
        assert!(!RateBudget::new(0).take(1));
    }

    #[test]
    fn repeats_are_a_share_of_requests() {
        let budget = RetryBudget::new(20);
        let granted = |budget: &RetryBudget| {
            std::iter::repeat_with(|| budget.take()).take_while(|taken| *taken).count()
        };
        assert_eq!(granted(&budget), 20);
        (0..100).for_each(|_| budget.count_request());
        assert_eq!(granted(&budget), 20);
        (0..100_000).for_each(|_| budget.count_request());
        assert_eq!(granted(&budget), 220);
        budget.refill();
        assert_eq!(granted(&budget), 5);
        let none = RetryBudget::new(0);
        none.count_request();
        none.refill();
        assert!(!none.take());
    }
}
