//! The published table: one pointer that every request reads once.

use std::{collections::BTreeMap, sync::Arc, time::Duration};

use arc_swap::{ArcSwap, Guard};

use super::{
    buckets::Buckets, certificates::LiveCertificates, endpoints::EndpointState, releases::ReleaseState,
    shadow::ShadowQueue,
};
use crate::{
    cell::{Histogram, HistogramTotal},
    rollout::{
        app::AppName,
        assign::Health,
        last_failure::LastFailure,
        release::ReleaseId,
        table::{EndpointKey, ReleaseKey, ReleaseRoutes, RoutingTable},
        target::{EndpointSlot, ReleaseSlot},
    },
    slots::SlotVec,
};

/// A routing table with the live state of everything it names.
#[derive(Debug, Default)]
pub struct PublishedTable {
    /// The routes.
    pub table: RoutingTable,
    /// By [`crate::rollout::table::EndpointRoute::slot`]; free slots are `None`.
    pub endpoints: SlotVec<Arc<EndpointState>>,
    /// By [`crate::rollout::table::ReleaseRoutes::slot`]; free slots are `None`.
    pub releases: SlotVec<Arc<ReleaseState>>,
    /// When the requests of each paused app have waited long enough, by the app's slot (monotonic).
    pub pauses: BTreeMap<usize, PauseEnd>,
    /// Counts publishes of this process; 0 is the empty table before the first.
    pub generation: u64,
    /// When the store acknowledged (or told of) the newest change in it, monotonic.
    pub committed_at: Duration,
}

impl PublishedTable {
    /// The live state of an endpoint slot that this table names.
    pub fn endpoint(&self, slot: EndpointSlot) -> &Arc<EndpointState> {
        self.endpoints[slot.0].as_ref().expect("every slot that a route names is filled when published")
    }

    /// The live state of a release slot that this table names.
    pub fn release(&self, slot: ReleaseSlot) -> &Arc<ReleaseState> {
        self.releases[slot.0].as_ref().expect("every slot that a route names is filled when published")
    }

    /// The live state of an endpoint, if this table names it.
    fn endpoint_of(&self, key: &EndpointKey) -> Option<&Arc<EndpointState>> {
        let mut stays = self.stays(&key.app, &key.release);
        let found = stays.find_map(|release| {
            let at =
                release.endpoints.binary_search_by_key(&key.address, |endpoint| endpoint.address).ok()?;
            Some(&release.endpoints[at])
        });
        self.endpoints.get(found?.slot.0)
    }

    /// The live state of a release's stay, if this table names it.
    fn release_of(&self, key: &ReleaseKey) -> Option<&Arc<ReleaseState>> {
        let stay = self.stays(&key.app, &key.release).find(|release| release.tenure == key.tenure);
        self.releases.get(stay?.slot.0)
    }

    fn stays(&self, app: &AppName, release: &ReleaseId) -> impl Iterator<Item = &ReleaseRoutes> {
        let routes = self.table.apps.get(app).map(|app| app.listed()).into_iter().flatten();
        routes.filter(move |routes| routes.id == *release)
    }
}

impl Health for PublishedTable {
    fn serves(&self, endpoint: EndpointSlot) -> bool {
        self.endpoint(endpoint).serves()
    }

    fn suspected(&self, endpoint: EndpointSlot) -> bool {
        self.endpoint(endpoint).suspected()
    }

    fn in_flight(&self, endpoint: EndpointSlot) -> u32 {
        self.endpoint(endpoint).in_flight()
    }

    fn weight(&self, endpoint: EndpointSlot) -> u32 {
        self.endpoint(endpoint).weight()
    }

    fn last_failure(&self, endpoint: EndpointSlot) -> Option<LastFailure> {
        self.endpoint(endpoint).last_failure().map(|failure| (*failure).clone())
    }

    fn endpoint_drain_over(&self, endpoint: EndpointSlot) -> bool {
        self.endpoint(endpoint).drain_over()
    }

    fn draws(&self, release: ReleaseSlot) -> bool {
        self.release(release).is_drawn()
    }

    fn drain_over(&self, release: ReleaseSlot) -> bool {
        self.release(release).drain_over()
    }
}

/// The current table, which workers read and the one publisher replaces.
#[derive(Debug)]
pub struct LiveTable {
    current: ArcSwap<PublishedTable>,
    workers: usize,
    buckets: Buckets,
    /// How long each table took to be published. The publisher writes it.
    lag: Histogram,
    /// The certificates that go with it.
    certificates: Arc<LiveCertificates>,
    /// Requests that are repeated for a comparison.
    shadow: ShadowQueue,
}

impl LiveTable {
    /// An empty table, for a data plane of so many workers.
    pub fn new(workers: usize) -> Self {
        Self {
            current: ArcSwap::default(),
            workers,
            buckets: Buckets::default(),
            lag: Histogram::default(),
            certificates: Arc::default(),
            shadow: ShadowQueue::default(),
        }
    }

    /// The certificates that a CA has issued to this fleet.
    pub fn certificates(&self) -> &Arc<LiveCertificates> {
        &self.certificates
    }

    /// The requests that are repeated at two releases.
    pub fn shadow(&self) -> &ShadowQueue {
        &self.shadow
    }

    /// How many workers read it.
    pub fn workers(&self) -> usize {
        self.workers
    }

    /// Where new clients' buckets come from.
    pub fn buckets(&self) -> &Buckets {
        &self.buckets
    }

    /// Notes that the table was published at this time. Every request that begins later goes by it, so nobody waits for one.
    /// There is one publisher.
    pub fn note_published(&self, now: Duration) {
        let lag = now.saturating_sub(self.load().committed_at).as_micros();
        self.lag.record(u64::try_from(lag).unwrap_or(u64::MAX));
    }

    /// The times from the store's word of a change to the publishing of the table with it.
    pub fn lag(&self) -> HistogramTotal {
        let mut total = HistogramTotal::default();
        self.lag.add_to(&mut total);
        total
    }

    /// The current table, without touching its reference count.
    pub fn load(&self) -> Guard<Arc<PublishedTable>> {
        self.current.load()
    }

    /// The current table, to be held across waits.
    pub fn load_full(&self) -> Arc<PublishedTable> {
        self.current.load_full()
    }

    /// What publishing a table would make live. Nothing is published.
    pub fn prepare(&self, table: RoutingTable) -> PublishedTable {
        let last = self.current.load_full();
        let endpoints =
            carry_over(&table.endpoint_slots, &last.table.endpoint_slots, &last.endpoints, |key| {
                last.endpoint_of(key).cloned().unwrap_or_else(|| Arc::new(EndpointState::new(key.clone())))
            });
        let releases = carry_over(&table.release_slots, &last.table.release_slots, &last.releases, |key| {
            let new = || Arc::new(ReleaseState::new(key.clone(), self.workers()));
            last.release_of(key).cloned().unwrap_or_else(new)
        });
        let generation = last.generation + 1;
        let pauses = BTreeMap::new();
        PublishedTable { table, endpoints, releases, pauses, generation, committed_at: Duration::ZERO }
    }

    /// Makes a table live for every request that begins after this call. Endpoints and releases that it shares with the last
    /// one keep their state. `committed_at` is when the store acknowledged, or told of, the newest change in it (monotonic).
    /// Returns what was live before. There is one publisher.
    pub fn publish(&self, table: RoutingTable, committed_at: Duration) -> Arc<PublishedTable> {
        let pauses = pauses(&table, &self.current.load().pauses, committed_at);
        self.current.swap(Arc::new(PublishedTable { committed_at, pauses, ..self.prepare(table) }))
    }
}

/// The end of a pause.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct PauseEnd {
    /// When the pause was ordered, Unix ms: what tells it from another one.
    ordered_at: u64,
    /// When it ends, by this router's monotonic clock.
    pub at: Duration,
}

/// The ends of all pauses in a table. One that goes on keeps its end; a new one begins now.
fn pauses(
    table: &RoutingTable,
    last: &BTreeMap<usize, PauseEnd>,
    now: Duration,
) -> BTreeMap<usize, PauseEnd> {
    let ends = table.halted.iter().filter_map(|slot| {
        let halt = table.app_slots.get(*slot)?.halt.as_ref().filter(|halt| halt.is_pause())?;
        let kept = last.get(slot).filter(|end| end.ordered_at == halt.at).copied();
        let at = now + Duration::from_millis(halt.length_ms());
        Some((*slot, kept.unwrap_or(PauseEnd { ordered_at: halt.at, at })))
    });
    ends.collect()
}

/// The states of all slots: those of the last table, except where a slot stands for something else now.
fn carry_over<K: PartialEq, S>(
    keys: &SlotVec<K>,
    last_keys: &SlotVec<K>,
    last: &SlotVec<Arc<S>>,
    state_of: impl Fn(&K) -> Arc<S>,
) -> SlotVec<Arc<S>> {
    let mut states = last.clone();
    for (slot, _, now) in keys.differences(last_keys).filter(|(_, then, now)| then != now) {
        states.set(slot, now.map(&state_of));
    }
    states
}

#[cfg(test)]
mod tests;
