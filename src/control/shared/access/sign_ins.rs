//! Failed sign-ins per address: after ten in a minute the address gets 429 for further failures.
//!
//! A valid token is never held up: tokens cannot be guessed, and a misconfigured pipeline behind the same address
//! must not lock a person out of the stop button. The table is bounded; when it is full, old entries go first.

use std::{
    collections::HashMap,
    net::IpAddr,
    sync::atomic::{AtomicU64, Ordering},
    time::Duration,
};

use parking_lot::Mutex;

use crate::control::limits::{SIGN_IN_ADDRESSES_MAX, SIGN_IN_FAILURES_MAX, SIGN_IN_WINDOW};

/// Failed sign-ins: all of them counted, and those of each address held against their limit.
#[derive(Debug, Default)]
pub struct SignIns {
    failed: AtomicU64,
    failures: Mutex<HashMap<IpAddr, Failures>>,
}

#[derive(Debug, Clone, Copy)]
struct Failures {
    count: u32,
    since: Duration,
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

    /// Holds a failure against its address; `true` when that address is over the limit. `now` is monotonic.
    pub fn is_over_limit(&self, address: IpAddr, now: Duration) -> bool {
        let mut failures = self.failures.lock();
        if failures.len() >= SIGN_IN_ADDRESSES_MAX {
            failures.retain(|_, entry| now.saturating_sub(entry.since) < SIGN_IN_WINDOW);
        }
        if failures.len() >= SIGN_IN_ADDRESSES_MAX {
            failures.clear();
        }
        let entry = failures.entry(network(address)).or_insert(Failures { count: 0, since: now });
        if now.saturating_sub(entry.since) >= SIGN_IN_WINDOW {
            *entry = Failures { count: 0, since: now };
        }
        entry.count = entry.count.saturating_add(1);
        entry.count > SIGN_IN_FAILURES_MAX
    }
}

/// What one attacker holds: an IPv4 address, or an IPv6 /64.
fn network(address: IpAddr) -> IpAddr {
    match address.to_canonical() {
        IpAddr::V4(address) => address.into(),
        IpAddr::V6(address) => {
            let bits = u128::from(address) >> 64 << 64;
            IpAddr::V6(bits.into())
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_eleventh_failure_in_a_minute_is_one_too_many() {
        let sign_ins = SignIns::default();
        let address = "192.0.2.1".parse().unwrap();
        let at = |seconds| Duration::from_secs(seconds);
        assert!((0..10).all(|second| !sign_ins.is_over_limit(address, at(second))));
        assert!(sign_ins.is_over_limit(address, at(11)));
        assert!(
            !sign_ins.is_over_limit("192.0.2.2".parse().unwrap(), at(11)),
            "another address has its own share"
        );
        assert!(!sign_ins.is_over_limit(address, at(61)), "the window has passed");
    }

    #[test]
    fn an_ipv6_network_counts_as_one_address_and_the_table_is_bounded() {
        let sign_ins = SignIns::default();
        let many = (0..11).map(|n| format!("2001:db8::{n:x}").parse().unwrap());
        assert_eq!(
            many.map(|address| sign_ins.is_over_limit(address, Duration::ZERO)).filter(|over| *over).count(),
            1
        );
        for n in 0..u32::try_from(2 * SIGN_IN_ADDRESSES_MAX).unwrap() {
            sign_ins.is_over_limit(IpAddr::V4((n | 0x0a00_0000).into()), Duration::ZERO);
        }
        assert!(sign_ins.failures.lock().len() <= SIGN_IN_ADDRESSES_MAX);
    }
}
