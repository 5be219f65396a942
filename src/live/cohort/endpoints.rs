//! Which endpoints of the candidate failed how many sessions. Counted where a session fails first, which is rare, so all workers
//! share it.

use std::sync::{
    OnceLock,
    atomic::{AtomicU64, Ordering::Relaxed},
};

use crate::rollout::{address::Address, verdict::EndpointFailures};

/// How many endpoints are told apart. A release with more has the others in no count.
const ENDPOINTS_MAX: usize = 64;

/// The counts, in the order in which endpoints failed first.
#[derive(Debug)]
pub struct FailedAt {
    counts: Box<[(OnceLock<Address>, AtomicU64)]>,
}

impl Default for FailedAt {
    fn default() -> Self {
        Self { counts: (0..ENDPOINTS_MAX).map(|_| Default::default()).collect() }
    }
}

impl FailedAt {
    /// Counts a session that failed first at this endpoint.
    pub fn count(&self, endpoint: Address) {
        let own = self.counts.iter().find(|(known, _)| *known.get_or_init(|| endpoint) == endpoint);
        if let Some((_, count)) = own {
            count.fetch_add(1, Relaxed);
        }
    }

    /// All that failed a session.
    pub fn all(&self) -> Vec<EndpointFailures> {
        let counted = self.counts.iter().map_while(|(endpoint, count)| {
            Some(EndpointFailures { endpoint: *endpoint.get()?, failing: count.load(Relaxed) })
        });
        counted.filter(|counted| counted.failing > 0).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_endpoint_has_its_own_count_and_more_than_there_is_room_for_are_in_none() {
        let failed = FailedAt::default();
        assert_eq!(failed.all(), []);
        let endpoint = |port| Address::from(([10, 0, 0, 1], port));
        for port in [1, 2, 1] {
            failed.count(endpoint(port));
        }
        let counts: Vec<(u16, u64)> =
            failed.all().iter().map(|met| (met.endpoint.tcp().unwrap().port(), met.failing)).collect();
        assert_eq!(counts, [(1, 2), (2, 1)]);
        (1..=200).for_each(|port| failed.count(endpoint(port)));
        assert_eq!(failed.all().len(), ENDPOINTS_MAX);
    }
}
