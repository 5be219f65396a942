//! The retry budget: repeats may be so many percent of recent requests, so that a release in trouble is not buried
//! under them. And rate budgets: so many requests a second that the candidate failed go to stable, so many assets that
//! a release does not have are asked of its siblings.

use std::{
    cell::Cell,
    sync::atomic::{AtomicU64, Ordering},
};

use crate::limits::{RETRY_FLOOR, RETRY_FLOOR_PER_SECOND};

/// A repeat's price, in hundredths of a request.
const PRICE: u32 = 100;
/// What can be saved up: the share of this many requests.
const REQUESTS_REMEMBERED: u32 = 1_000;

/// One worker's budget.
#[derive(Debug)]
pub struct RetryBudget {
    percent: u32,
    saved: Cell<u32>,
}

impl RetryBudget {
    /// Repeats may be `percent` of requests; some are allowed at once.
    pub fn new(percent: u32) -> Self {
        let floor = if percent == 0 { 0 } else { RETRY_FLOOR * PRICE };
        Self { percent, saved: Cell::new(floor) }
    }

    /// Counts a request.
    pub fn count_request(&self) {
        let most = RETRY_FLOOR * PRICE + self.percent * REQUESTS_REMEMBERED;
        self.saved.set((self.saved.get() + self.percent).min(most));
    }

    /// A second has passed: a few repeats come back, but no more than a quiet worker starts with.
    pub fn refill(&self) {
        let floor = if self.percent == 0 { 0 } else { RETRY_FLOOR * PRICE };
        let refilled = (self.saved.get() + RETRY_FLOOR_PER_SECOND * PRICE).min(floor);
        self.saved.set(refilled.max(self.saved.get()));
    }

    /// Takes one repeat out of the budget; `false` when it is used up.
    pub fn take(&self) -> bool {
        let left = self.saved.get().checked_sub(PRICE);
        self.saved.set(left.unwrap_or(self.saved.get()));
        left.is_some()
    }
}

/// What can be saved up of a rate budget, in microseconds: a second's worth.
const SAVED_US: u64 = 1_000_000;

/// One router's budget of further requests, so many a second, shared by its workers: touched only when one is made.
#[derive(Debug)]
pub struct RateBudget {
    /// The price of one, in microseconds; 0 when there are none at all.
    price_us: u64,
    /// Until when what was taken is paid for, in monotonic microseconds.
    paid_until_us: AtomicU64,
}

impl RateBudget {
    /// So many a second; 0 is none.
    pub fn new(per_second: u32) -> Self {
        let price_us = 1_000_000_u64.checked_div(per_second.into()).unwrap_or(0);
        Self { price_us, paid_until_us: AtomicU64::new(0) }
    }

    /// Takes one out of the budget at this time (monotonic microseconds); `false` when it is used up.
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
