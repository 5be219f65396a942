//! The published table: one pointer that every request reads once.

use std::{collections::HashMap, sync::Arc, time::Duration};

use arc_swap::{ArcSwap, Guard};

use super::{buckets::Buckets, endpoints::EndpointState, releases::ReleaseState};
use crate::{
    cell::{Counter, Histogram, HistogramTotal},
    rollout::{assign::Health, table::RoutingTable},
};

/// A routing table with the live state of everything it names.
#[derive(Debug, Default)]
pub struct Published {
    /// The routes.
    pub table: RoutingTable,
    /// By [`crate::rollout::table::EndpointRoute::slot`]; free slots are `None`.
    pub endpoints: Vec<Option<Arc<EndpointState>>>,
    /// By [`crate::rollout::table::ReleaseRoutes::slot`]; free slots are `None`.
    pub releases: Vec<Option<Arc<ReleaseState>>>,
    /// Counts publishes of this process; 0 is the empty table before the first.
    pub generation: u64,
    /// When the store acknowledged (or told of) the newest change in it, monotonic.
    pub committed_at: Duration,
}

impl Published {
    /// The live state of an endpoint slot that this table names.
    pub fn endpoint(&self, slot: usize) -> &Arc<EndpointState> {
        self.endpoints[slot].as_ref().expect("every slot that a route names is filled when published")
    }

    /// The live state of a release slot that this table names.
    pub fn release(&self, slot: usize) -> &Arc<ReleaseState> {
        self.releases[slot].as_ref().expect("every slot that a route names is filled when published")
    }
}

impl Health for Published {
    fn serves(&self, endpoint: usize) -> bool {
        self.endpoint(endpoint).serves()
    }

    fn in_flight(&self, endpoint: usize) -> u32 {
        self.endpoint(endpoint).in_flight()
    }

    fn weight(&self, endpoint: usize) -> u32 {
        self.endpoint(endpoint).weight()
    }

    fn drain_over(&self, release: usize) -> bool {
        self.release(release).drain_over()
    }
}

/// Where the current table is read by workers, and replaced by the one publisher.
#[derive(Debug)]
pub struct LiveTable {
    current: ArcSwap<Published>,
    adopted: Box<[Adopted]>,
    buckets: Buckets,
}

/// How long one worker took to route by each new table. On cache lines of its own.
#[derive(Debug, Default)]
#[repr(align(128))]
struct Adopted {
    generation: Counter,
    lag: Histogram,
}

impl LiveTable {
    /// An empty table, for a data plane of so many workers.
    pub fn new(workers: usize) -> Self {
        let adopted = (0..workers).map(|_| Adopted::default()).collect();
        Self { current: ArcSwap::default(), adopted, buckets: Buckets::default() }
    }

    /// How many workers read it.
    pub fn workers(&self) -> usize {
        self.adopted.len()
    }

    /// Where new clients' buckets come from.
    pub fn buckets(&self) -> &Buckets {
        &self.buckets
    }

    /// Notes that a worker routes by this table from `now` on; costs one comparison when that is not new. A table
    /// that no request saw before the next one was published is not counted.
    pub fn adopt(&self, worker: usize, published: &Published, now: impl FnOnce() -> Duration) {
        let adopted = &self.adopted[worker];
        let seen = adopted.generation.get();
        if seen != published.generation {
            adopted.generation.add(published.generation.wrapping_sub(seen));
            let lag = now().saturating_sub(published.committed_at).as_micros();
            adopted.lag.record(u64::try_from(lag).unwrap_or(u64::MAX));
        }
    }

    /// From the store's acknowledgement to a worker's first request routed by the new table, over all workers.
    pub fn lag(&self) -> HistogramTotal {
        let mut total = HistogramTotal::default();
        self.adopted.iter().for_each(|adopted| adopted.lag.add_to(&mut total));
        total
    }

    /// The current table, without touching its reference count.
    pub fn load(&self) -> Guard<Arc<Published>> {
        self.current.load()
    }

    /// The current table, to be held across waits.
    pub fn load_full(&self) -> Arc<Published> {
        self.current.load_full()
    }

    /// What publishing a table would make live, without doing so: to ask "what if".
    pub fn suppose(&self, table: RoutingTable) -> Published {
        let last = self.current.load_full();
        let endpoints =
            carry_over(&table.endpoint_slots, &last.endpoints, EndpointState::key, EndpointState::new);
        let releases = carry_over(&table.release_slots, &last.releases, ReleaseState::key, |key| {
            ReleaseState::new(key, self.workers())
        });
        Published {
            table,
            endpoints,
            releases,
            generation: last.generation + 1,
            committed_at: Duration::ZERO,
        }
    }

    /// Makes a table live for every request that begins after this call, carrying over the state of endpoints and
    /// releases it shares with the last one. `committed_at` is when the store acknowledged, or told of, the newest
    /// change in it (monotonic). Returns what was live before. There is one publisher.
    pub fn publish(&self, table: RoutingTable, committed_at: Duration) -> Arc<Published> {
        self.current.swap(Arc::new(Published { committed_at, ..self.suppose(table) }))
    }
}

/// Fills every named slot: from the last table where the key is known, anew elsewhere.
fn carry_over<K: Eq + std::hash::Hash + Clone, S>(
    slots: &[Option<K>],
    last: &[Option<Arc<S>>],
    key_of: fn(&S) -> &K,
    new: impl Fn(K) -> S,
) -> Vec<Option<Arc<S>>> {
    // Slots keep their place while a key lives, so the map is needed only for what is not where it was.
    let same_place = |index: usize, key: &K| {
        last.get(index).and_then(Option::as_ref).filter(|state| key_of(state) == key).cloned()
    };
    let mut by_key: Option<HashMap<K, Arc<S>>> = None;
    let mut find = |key: &K| {
        let known = by_key.get_or_insert_with(|| {
            last.iter().flatten().map(|state| (key_of(state).clone(), Arc::clone(state))).collect()
        });
        known.get(key).cloned()
    };
    slots
        .iter()
        .enumerate()
        .map(|(index, key)| {
            let key = key.as_ref()?;
            let known = same_place(index, key).or_else(|| find(key));
            Some(known.unwrap_or_else(|| Arc::new(new(key.clone()))))
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::rollout::table::EndpointKey;

    fn key(port: u16) -> EndpointKey {
        let release = "apps/shop-1-80/containers".parse().unwrap();
        EndpointKey { app: "shop".parse().unwrap(), release, address: ([127, 0, 0, 1], port).into() }
    }

    fn table(slots: &[Option<u16>]) -> RoutingTable {
        let endpoint_slots = slots.iter().map(|port| port.map(key)).collect();
        RoutingTable { endpoint_slots, ..RoutingTable::default() }
    }

    #[test]
    fn an_endpoint_keeps_its_state_while_any_table_names_it() {
        let live = LiveTable::new(1);
        live.publish(table(&[Some(1), Some(2)]), Duration::ZERO);
        live.load().endpoint(1).end_check(false, 1, 1);
        live.publish(table(&[Some(3), None, Some(2)]), Duration::ZERO);
        assert!(!live.load().endpoint(2).serves(), "the endpoint moved to another slot with its state");
        live.publish(table(&[Some(3)]), Duration::ZERO);
        live.publish(table(&[Some(3), None, Some(2)]), Duration::ZERO);
        assert!(live.load().endpoint(2).serves(), "an endpoint that was gone comes back unknown");
    }

    #[test]
    fn a_worker_counts_each_new_table_once() {
        let live = LiveTable::new(2);
        live.publish(RoutingTable::default(), Duration::from_millis(5));
        for _ in 0..3 {
            live.adopt(1, &live.load(), || Duration::from_millis(7));
        }
        assert_eq!((live.lag().count(), live.lag().sum_us), (1, 2_000));
    }
}
