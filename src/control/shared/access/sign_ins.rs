//! Wrong tokens: counted, and answered ever later to an address that keeps sending them.
//!
//! A right token is never held up, whatever else comes from its address: a pipeline with an old token must not lock a
//! person out of the stop button. So delays do not make guessing impossible; the length of tokens does. What they take
//! away is the load, and the log line tells of the attempt. The table is bounded; when it is full, the addresses that were
//! quiet for longest are forgotten.

use std::{
    collections::HashMap,
    net::IpAddr,
    sync::atomic::{AtomicU64, Ordering},
    time::Duration,
};

use parking_lot::Mutex;

use super::network::network;
use crate::control::limits::{
    SIGN_IN_ADDRESSES_MAX, SIGN_IN_FAILURES_MAX, SIGN_IN_PAUSE_MAX, SIGN_IN_PAUSE_STEP, SIGN_IN_WAIT_MAX,
    SIGN_IN_WINDOW,
};

/// Wrong tokens: all of them counted, and those of each address held against it.
#[derive(Debug, Default)]
pub struct SignIns {
    failed: AtomicU64,
    addresses: Mutex<HashMap<IpAddr, Failures>>,
}

/// The wrong tokens of one address. Times are monotonic.
#[derive(Debug, Clone, Copy)]
struct Failures {
    count: u32,
    last: Duration,
    /// When the last of them is answered.
    answered: Duration,
}

/// What becomes of one wrong token.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Failure {
    /// Wrong tokens of this address so far.
    pub count: u32,
    /// How long the answer waits.
    pub wait: Duration,
}

impl Failure {
    /// Whether the address had its share, so that it is told to stop.
    pub fn is_over_limit(self) -> bool {
        self.count > SIGN_IN_FAILURES_MAX
    }

    /// Whether it is worth a line in the log: the tenth, the hundredth and so on.
    pub fn is_notable(self) -> bool {
        self.count >= SIGN_IN_FAILURES_MAX && self.count == 10_u32.pow(self.count.ilog10())
    }
}

impl SignIns {
    /// Counts a call without a valid token.
    pub fn count_failed(&self) {
        self.failed.fetch_add(1, Ordering::Relaxed);
    }

    /// How many calls had no valid token since the start.
    pub fn failed_total(&self) -> u64 {
        self.failed.load(Ordering::Relaxed)
    }

    /// Holds a wrong token against its address. `now` is monotonic.
    pub fn fail(&self, address: IpAddr, now: Duration) -> Failure {
        let address = network(address);
        let mut addresses = self.addresses.lock();
        if addresses.len() >= SIGN_IN_ADDRESSES_MAX && !addresses.contains_key(&address) {
            forget_quiet(&mut addresses);
        }
        let fresh = Failures { count: 0, last: now, answered: now };
        let failures = addresses.entry(address).or_insert(fresh);
        if now.saturating_sub(failures.last) >= SIGN_IN_WINDOW {
            *failures = fresh;
        }
        failures.count = failures.count.saturating_add(1);
        failures.last = now;
        let over = failures.count.saturating_sub(SIGN_IN_FAILURES_MAX);
        let pause = SIGN_IN_PAUSE_STEP.saturating_mul(over).min(SIGN_IN_PAUSE_MAX);
        failures.answered = (failures.answered.max(now) + pause).min(now + SIGN_IN_WAIT_MAX);
        Failure { count: failures.count, wait: failures.answered - now }
    }
}

/// Forgets the half of the addresses that was quiet for longest.
fn forget_quiet(addresses: &mut HashMap<IpAddr, Failures>) {
    let mut times: Vec<Duration> = addresses.values().map(|failures| failures.last).collect();
    let half = times.len() / 2;
    let (_, median, _) = times.select_nth_unstable(half);
    let median = *median;
    // Where many were last heard of at one moment, some of them go and some stay.
    let mut surplus = half;
    addresses.retain(|_, failures| {
        let goes = failures.last <= median && surplus > 0;
        surplus -= usize::from(goes);
        !goes
    });
}

#[cfg(test)]
mod tests {
    use super::*;

    fn address(text: &str) -> IpAddr {
        text.parse().unwrap()
    }

    #[test]
    fn after_ten_wrong_tokens_answers_come_ever_later() {
        let sign_ins = SignIns::default();
        let fail = |text: &str, ms| sign_ins.fail(address(text), Duration::from_millis(ms));
        for count in 1..=10 {
            let failure = fail("192.0.2.1", 0);
            assert_eq!(failure, Failure { count, wait: Duration::ZERO });
            assert_eq!((failure.is_over_limit(), failure.is_notable()), (false, count == 10));
        }
        let waits: Vec<u128> = (0..4).map(|_| fail("192.0.2.1", 0).wait.as_millis()).collect();
        assert_eq!(waits, [10, 30, 60, 100], "those that come at once wait for each other");
        assert!(fail("192.0.2.1", 0).is_over_limit());
        assert_eq!(fail("192.0.2.2", 0).wait, Duration::ZERO, "another address has its own share");
        assert!(fail("192.0.2.1", 59_999).is_over_limit(), "it never paused for a minute");
        assert_eq!(fail("192.0.2.1", 119_999).count, 1, "now it did");
    }

    #[test]
    fn a_flood_waits_for_half_a_minute_and_no_longer() {
        let sign_ins = SignIns::default();
        let waits = (0..1_000).map(|_| sign_ins.fail(address("192.0.2.1"), Duration::ZERO).wait);
        assert_eq!(waits.last(), Some(SIGN_IN_WAIT_MAX));
        let later = sign_ins.fail(address("192.0.2.1"), Duration::from_secs(40));
        assert_eq!((later.wait, later.count), (SIGN_IN_PAUSE_MAX, 1_001), "the queue is over by then");
    }

    #[test]
    fn an_ipv6_network_counts_as_one_address_and_the_table_is_bounded() {
        let sign_ins = SignIns::default();
        let fail = |address, second| sign_ins.fail(address, Duration::from_secs(second));
        let mut fails = (0..11).map(|n| fail(address(&format!("2001:db8::{n:x}")), 0));
        assert!(fails.nth(10).expect("eleven were asked for").is_over_limit());
        for n in 0..u32::try_from(2 * SIGN_IN_ADDRESSES_MAX).unwrap() {
            fail(IpAddr::V4((n | 0x0a00_0000).into()), u64::from(n / 1_000));
        }
        assert!(sign_ins.addresses.lock().len() <= SIGN_IN_ADDRESSES_MAX);
    }
}
