//! One moment of everything that the states of apps are made from.

use std::{
    collections::{BTreeMap, BTreeSet, HashMap},
    sync::Arc,
};

use by_address::ByAddress;
use imbl::{OrdMap, ordmap::DiffItem};

use crate::{
    control::{
        fleet::release_loads::ReleaseLoads,
        shared::{
            activity::ActivityBoard, core::Core, fleet::endpoint_loads::EndpointLoads,
            former_endpoints::FormerEndpoints, local_abort::LocalAbort, plans::KnownPlan,
            reading::StoreReading, verdicts::CandidateVerdict,
        },
    },
    live::table::PublishedTable,
    rollout::{app::AppName, release::ReleaseId},
};

/// Everything a state is made from, of one moment.
pub struct Snapshot {
    pub reading: Arc<StoreReading>,
    pub published: Arc<PublishedTable>,
    pub(super) board: Arc<ActivityBoard>,
    pub(super) former: Arc<FormerEndpoints>,
    pub(super) local_aborts: Arc<BTreeMap<AppName, LocalAbort>>,
    /// Releases whose containers are stopped, and kept for a rollback.
    pub(super) kept: Arc<BTreeSet<(AppName, ReleaseId)>>,
    pub(super) verdicts: Arc<HashMap<AppName, Arc<CandidateVerdict>>>,
    pub(super) plans: Arc<HashMap<AppName, KnownPlan>>,
    pub(super) loads: ReleaseLoads,
    pub(super) endpoint_loads: EndpointLoads,
    pub(super) now_ms: u64,
    /// Leave out what changes with every request, to see whether anything else did.
    pub(super) still: bool,
}

impl Snapshot {
    /// Now, with everything.
    pub fn of(core: &Core) -> Self {
        Self {
            reading: core.replica.reading.load_full(),
            published: core.live.load_full(),
            board: core.board.load_full(),
            former: core.replica.former_endpoints.load_full(),
            local_aborts: Arc::new(core.replica.local_aborts.all()),
            kept: Arc::new(core.deployments.kept_releases()),
            verdicts: core.verdicts.all(),
            plans: core.plans.all(),
            loads: ReleaseLoads::of(core),
            endpoint_loads: EndpointLoads::of(core),
            now_ms: core.clock.wall_ms(),
            still: false,
        }
    }

    /// Whether a rollback to a release starts its containers first.
    pub(super) fn is_kept(&self, app: &AppName, release: &ReleaseId) -> bool {
        self.kept.contains(&(app.clone(), release.clone()))
    }

    /// The same moment without activity and load.
    pub fn still(&self) -> Self {
        Self {
            reading: Arc::clone(&self.reading),
            published: Arc::clone(&self.published),
            board: Arc::default(),
            former: Arc::clone(&self.former),
            local_aborts: Arc::clone(&self.local_aborts),
            kept: Arc::clone(&self.kept),
            verdicts: Arc::default(),
            plans: Arc::default(),
            loads: ReleaseLoads::default(),
            endpoint_loads: self.endpoint_loads.clone(),
            now_ms: self.now_ms,
            still: true,
        }
    }

    /// The apps of which anything but activity may differ from what it was, ended ones included.
    pub fn changed_since(&self, reading: &StoreReading, published: &PublishedTable) -> BTreeSet<AppName> {
        let concerns_all = !Arc::ptr_eq(&self.reading.problems, &reading.problems)
            || !Arc::ptr_eq(&self.reading.freeze_windows, &reading.freeze_windows)
            || default_app(&self.published) != default_app(published);
        if concerns_all {
            return self.reading.apps.keys().chain(reading.apps.keys()).cloned().collect();
        }
        let read = changed(&self.reading.apps, &reading.apps);
        read.chain(changed(&self.published.table.apps, &published.table.apps)).cloned().collect()
    }

    /// The apps that exist, by name.
    pub fn apps(&self) -> Vec<AppName> {
        self.reading.apps.keys().cloned().collect()
    }

    /// The app for unknown hosts.
    pub fn default_app(&self) -> Option<&AppName> {
        default_app(&self.published)
    }

    /// An app's seq; 0 before its first record.
    pub fn seq(&self, app: &AppName) -> Option<u64> {
        self.reading.apps.get(app).map(|reading| reading.record.as_ref().map_or(0, |record| record.seq))
    }
}

/// The app for unknown hosts, by this table.
fn default_app(published: &PublishedTable) -> Option<&AppName> {
    published.table.default_app.as_ref().map(|app| &app.name)
}

/// The keys of values that are not the same ones.
fn changed<'a, T>(
    now: &'a OrdMap<AppName, ByAddress<Arc<T>>>,
    then: &'a OrdMap<AppName, ByAddress<Arc<T>>>,
) -> impl Iterator<Item = &'a AppName> {
    then.diff(now).map(|item| match item {
        DiffItem::Add(name, _) | DiffItem::Remove(name, _) | DiffItem::Update { new: (name, _), .. } => name,
    })
}
