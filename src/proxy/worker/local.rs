//! One worker's view of the routing table: the same routes, held by pointers that no other worker counts.
//!
//! A request reads the published table once, and from then on holds an [`AppView`]: routes and live state of its
//! app as they were at that moment. Views are made when the first request asks for them, and stay while the app's
//! routes do, so a publish costs a worker only the apps that it changed; and an exchange that lasts for hours keeps
//! one app's routes alive, not a whole table.

use std::{
    cell::RefCell,
    rc::Rc,
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
};

use crate::{
    live::{buckets::Buckets, endpoints::EndpointState, releases::ReleaseState, table::Published},
    rollout::{
        assign::{Draw, Health},
        bucket,
        settings::CacheMode,
        table::{AppRoutes, EndpointRoute, ReleaseRoutes},
        target::{EndpointSlot, ReleaseIndex, ReleaseSlot, Target},
    },
};

/// One app as a worker sees it.
#[derive(Debug)]
pub struct AppView {
    /// Its routes.
    pub app: Arc<AppRoutes>,
    /// Its releases, by their index in [`AppRoutes::releases`].
    pub releases: Box<[Rc<ReleaseView>]>,
    /// Responses are kept from shared caches: several releases are routed, and the app does not see to it itself.
    pub guarded: bool,
    /// An asset that a release does not have is asked of its siblings: several releases are routed, and the app lets.
    pub falls_through: bool,
    bucket: Arc<AtomicU64>,
}

/// One release as a worker sees it.
#[derive(Debug)]
pub struct ReleaseView {
    /// Its live state.
    pub state: Arc<ReleaseState>,
    /// Its endpoints, by their index in [`ReleaseRoutes::endpoints`].
    pub endpoints: Box<[EndpointView]>,
}

/// One endpoint as a worker sees it.
#[derive(Debug)]
pub struct EndpointView {
    /// Where it is.
    pub route: EndpointRoute,
    /// Its live state.
    pub state: Arc<EndpointState>,
}

impl AppView {
    fn new(app: &Arc<AppRoutes>, published: &Published, bucket: Arc<AtomicU64>) -> Self {
        let releases = app.releases.iter().map(|release| Rc::new(ReleaseView::new(release, published)));
        Self {
            app: Arc::clone(app),
            releases: releases.collect(),
            guarded: app.releases.len() > 1 && app.settings.cache == CacheMode::Guard,
            falls_through: app.releases.len() > 1 && app.settings.assets.fall_through,
            bucket,
        }
    }
}

impl AppView {
    /// A release of the app.
    #[inline]
    pub fn release(&self, index: ReleaseIndex) -> &Rc<ReleaseView> {
        &self.releases[index.0]
    }

    /// An endpoint of the app.
    #[inline]
    pub fn endpoint(&self, target: Target) -> &EndpointView {
        &self.release(target.release).endpoints[target.endpoint.0]
    }

    /// The header by which testers choose a release: for the router alone, so it never goes upstream.
    pub fn override_header(&self) -> Option<&str> {
        self.app.settings.overriding.header.as_deref()
    }

    /// Whether the app sees to shared caches itself.
    pub fn trusts_cache(&self) -> bool {
        self.app.settings.cache == CacheMode::Trust
    }
}

/// Health by slot, of this app's endpoints and releases only: all that a repeat asks for.
impl Health for AppView {
    fn serves(&self, endpoint: EndpointSlot) -> bool {
        self.by_slot(endpoint).is_some_and(|view| view.state.serves())
    }

    fn in_flight(&self, endpoint: EndpointSlot) -> u32 {
        self.by_slot(endpoint).map_or(0, |view| view.state.in_flight())
    }

    fn weight(&self, endpoint: EndpointSlot) -> u32 {
        self.by_slot(endpoint).map_or(100, |view| view.state.weight())
    }

    fn drain_over(&self, release: ReleaseSlot) -> bool {
        let index = self.app.releases.iter().position(|route| route.slot == release);
        index.is_some_and(|index| self.releases[index].state.drain_over())
    }
}

impl AppView {
    fn by_slot(&self, slot: EndpointSlot) -> Option<&EndpointView> {
        let endpoints = self.releases.iter().flat_map(|release| release.endpoints.iter());
        endpoints.into_iter().find(|view| view.route.slot == slot)
    }
}

impl ReleaseView {
    fn new(release: &ReleaseRoutes, published: &Published) -> Self {
        let endpoint = |route: &EndpointRoute| EndpointView {
            route: *route,
            state: Arc::clone(published.endpoint(route.slot)),
        };
        Self {
            state: Arc::clone(published.release(release.slot)),
            endpoints: release.endpoints.iter().map(endpoint).collect(),
        }
    }
}

/// The table a worker routes by, until it sees a newer one.
#[derive(Debug)]
pub struct TableView {
    /// As published.
    pub published: Arc<Published>,
    /// By [`AppRoutes::slot`].
    apps: RefCell<Vec<Option<Rc<AppView>>>>,
}

impl TableView {
    /// A view without apps yet.
    pub fn new(published: Arc<Published>) -> Self {
        Self { published, apps: RefCell::default() }
    }

    /// A view of a newer table, which takes over the apps of this one. Routes that both tables share name the same
    /// live state in both.
    pub fn followed_by(&self, published: Arc<Published>) -> Self {
        Self { published, apps: RefCell::new(self.apps.take()) }
    }

    /// The app of a Host value.
    pub fn app(&self, host: &str, buckets: &Buckets, random: impl FnOnce() -> u64) -> Option<Rc<AppView>> {
        let app = self.published.table.app_for_host(host)?;
        let mut apps = self.apps.borrow_mut();
        if apps.len() <= app.slot {
            apps.resize(app.slot + 1, None);
        }
        let known = &mut apps[app.slot];
        if let Some(view) = known.as_ref().filter(|view| Arc::ptr_eq(&view.app, app)) {
            return Some(Rc::clone(view));
        }
        let bucket = buckets.counter(app.slot, random());
        let view = Rc::new(AppView::new(app, &self.published, bucket));
        *known = Some(Rc::clone(&view));
        Some(view)
    }

    /// Gives up the views of apps that have changed or ended and that nobody asked for since.
    pub fn forget_stale(&self) {
        let routes = &self.published.table.app_slots;
        for (slot, known) in self.apps.borrow_mut().iter_mut().enumerate() {
            let current =
                |view: &Rc<AppView>| routes.get(slot).is_some_and(|app| Arc::ptr_eq(app, &view.app));
            if known.as_ref().is_some_and(|view| !current(view)) {
                *known = None;
            }
        }
    }
}

/// Where a request's randomness comes from.
pub struct RequestDraw<'a> {
    /// The app.
    pub view: &'a AppView,
    /// The worker's generator.
    pub random: &'a dyn Fn() -> u64,
}

impl Draw for RequestDraw<'_> {
    fn bucket(&mut self, _: &AppRoutes) -> u16 {
        bucket::nth(self.view.bucket.fetch_add(1, Ordering::Relaxed))
    }

    fn random(&mut self) -> u64 {
        (self.random)()
    }
}
