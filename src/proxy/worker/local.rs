//! One worker's own pointers into the routing table, whose reference counts no other worker touches.
//!
//! A request reads the published table once, and from then on holds a [`LocalApp`]: routes and live state of its app as
//! they were at that moment. It is made when the first request needs it, and stays while the app's routes do. So a publish
//! costs a worker only the apps that it changed, and an exchange that lasts for hours keeps one app's routes alive, not a
//! whole table.

use std::{
    cell::RefCell,
    rc::Rc,
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
};

use crate::{
    authority::Authority,
    client_tls::TlsClient,
    live::{buckets::Buckets, endpoints::EndpointState, releases::ReleaseState, table::PublishedTable},
    rollout::{
        assign::{Draw, Health},
        bucket,
        host_paths::AmbiguousPath,
        settings::CacheMode,
        table::{AppRoutes, EndpointRoute, ReleaseRoutes},
        target::{EndpointSlot, ReleaseIndex, ReleaseSlot, Target},
    },
    upstream::pool::Destination,
};

/// One app, at one worker.
#[derive(Debug)]
pub struct LocalApp {
    /// Its routes.
    pub routes: Arc<AppRoutes>,
    /// Its routed releases, in the order of [`AppRoutes::releases`].
    pub releases: Box<[Rc<LocalRelease>]>,
    /// Responses are kept from shared caches: several releases are routed, and the app's `cache` is `guard`.
    pub guarded: bool,
    /// A release's siblings are asked for an asset that it does not have: several releases are routed, and the app's
    /// settings allow it.
    pub falls_through: bool,
    /// How its endpoints are spoken with in TLS, if they are.
    pub tls: Option<Arc<TlsClient>>,
    /// They speak HTTP/2.
    pub http2: bool,
    bucket: Arc<AtomicU64>,
}

/// One release, at one worker.
#[derive(Debug)]
pub struct LocalRelease {
    /// Its live state.
    pub state: Arc<ReleaseState>,
    /// Its endpoints, in the order of [`ReleaseRoutes::endpoints`].
    pub endpoints: Box<[LocalEndpoint]>,
}

/// One endpoint, at one worker.
#[derive(Debug)]
pub struct LocalEndpoint {
    /// Where it is.
    pub route: EndpointRoute,
    /// Its live state.
    pub state: Arc<EndpointState>,
}

impl LocalApp {
    fn new(routes: &Arc<AppRoutes>, published: &PublishedTable, bucket: Arc<AtomicU64>) -> Self {
        let releases = routes.releases.iter().map(|release| Rc::new(LocalRelease::new(release, published)));
        Self {
            routes: Arc::clone(routes),
            releases: releases.collect(),
            guarded: routes.releases.len() > 1 && routes.settings.cache == CacheMode::Guard,
            falls_through: routes.releases.len() > 1 && routes.settings.assets.fall_through,
            tls: TlsClient::for_app(&routes.settings),
            http2: routes.settings.upstream.is_http2(),
            bucket,
        }
    }
}

impl LocalApp {
    /// A release of the app.
    #[inline]
    pub fn release(&self, index: ReleaseIndex) -> &Rc<LocalRelease> {
        &self.releases[index.0]
    }

    /// An endpoint of the app.
    #[inline]
    pub fn endpoint(&self, target: Target) -> &LocalEndpoint {
        &self.release(target.release).endpoints[target.endpoint.0]
    }

    /// Whether each connection to an endpoint is one client's, which is named at its start.
    pub fn names_clients(&self) -> bool {
        self.routes.settings.upstream_proxy_protocol.is_on()
    }

    /// The header by which testers choose a release. It is for the router alone, so it never goes upstream.
    pub fn override_header(&self) -> Option<&str> {
        self.routes.settings.overriding.header.as_deref()
    }

    /// Where a connection to this endpoint of the app leads, and how.
    pub fn destination(&self, route: &EndpointRoute) -> Destination {
        let tls = self.tls.as_ref().map_or(0, |tls| tls.number);
        Destination { slot: route.slot, address: route.address, tls }
    }

    /// The bucket of the next new client.
    pub fn draw_bucket(&self) -> u16 {
        bucket::nth(self.bucket.fetch_add(1, Ordering::Relaxed))
    }

    /// Whether the app tells shared caches itself what they may keep.
    pub fn trusts_cache(&self) -> bool {
        self.routes.settings.cache == CacheMode::Trust
    }
}

/// The health of this app's endpoints and releases: all that a repeat asks for.
impl Health for LocalApp {
    fn serves(&self, endpoint: EndpointSlot) -> bool {
        self.by_slot(endpoint).is_some_and(|endpoint| endpoint.state.serves())
    }

    fn suspected(&self, endpoint: EndpointSlot) -> bool {
        self.by_slot(endpoint).is_some_and(|endpoint| endpoint.state.suspected())
    }

    fn in_flight(&self, endpoint: EndpointSlot) -> u32 {
        self.by_slot(endpoint).map_or(0, |endpoint| endpoint.state.in_flight())
    }

    fn weight(&self, endpoint: EndpointSlot) -> u32 {
        self.by_slot(endpoint).map_or(100, |endpoint| endpoint.state.weight())
    }

    fn endpoint_drain_over(&self, endpoint: EndpointSlot) -> bool {
        self.by_slot(endpoint).is_some_and(|endpoint| endpoint.state.drain_over())
    }

    fn draws(&self, release: ReleaseSlot) -> bool {
        self.release_by_slot(release).is_none_or(|release| release.state.is_drawn())
    }

    fn drain_over(&self, release: ReleaseSlot) -> bool {
        self.release_by_slot(release).is_some_and(|release| release.state.drain_over())
    }
}

impl LocalApp {
    fn release_by_slot(&self, slot: ReleaseSlot) -> Option<&Rc<LocalRelease>> {
        let index = self.routes.releases.iter().position(|route| route.slot == slot);
        index.map(|index| &self.releases[index])
    }

    fn by_slot(&self, slot: EndpointSlot) -> Option<&LocalEndpoint> {
        let endpoints = self.releases.iter().flat_map(|release| release.endpoints.iter());
        endpoints.into_iter().find(|endpoint| endpoint.route.slot == slot)
    }
}

impl LocalRelease {
    fn new(release: &ReleaseRoutes, published: &PublishedTable) -> Self {
        let endpoint = |route: &EndpointRoute| LocalEndpoint {
            route: *route,
            state: Arc::clone(published.endpoint(route.slot)),
        };
        Self {
            state: Arc::clone(published.release(release.slot)),
            endpoints: release.endpoints.iter().map(endpoint).collect(),
        }
    }
}

/// The app of a request.
#[derive(Debug)]
pub struct LocalMatch {
    /// The app.
    pub app: Rc<LocalApp>,
    /// How many bytes of the target, as it was sent, are the prefix by which it was found.
    pub prefix_bytes: usize,
}

/// The routing table that a worker uses until it sees a newer one.
#[derive(Debug)]
pub struct LocalTable {
    /// The table as it was published.
    pub published: Arc<PublishedTable>,
    /// By [`AppRoutes::slot`].
    apps: RefCell<Vec<Option<Rc<LocalApp>>>>,
}

impl LocalTable {
    /// A table of which no app was asked for yet.
    pub fn new(published: Arc<PublishedTable>) -> Self {
        Self { published, apps: RefCell::default() }
    }

    /// A newer table, which takes over the apps of this one. Routes that both tables share name the same live state in
    /// both.
    pub fn followed_by(&self, published: Arc<PublishedTable>) -> Self {
        Self { published, apps: RefCell::new(self.apps.take()) }
    }

    /// The app of an authority and a target.
    ///
    /// # Errors
    /// The path can be read in several ways, which lead to different places.
    pub fn app(
        &self,
        authority: Authority<'_>,
        target: &[u8],
        buckets: &Buckets,
        random: impl FnOnce() -> u64,
    ) -> Result<Option<LocalMatch>, AmbiguousPath> {
        let Some(found) = self.published.table.app_for(authority, target)? else { return Ok(None) };
        let app = self.local(found.app, buckets, random);
        Ok(Some(LocalMatch { app, prefix_bytes: found.prefix_bytes }))
    }

    fn local(
        &self,
        routes: &Arc<AppRoutes>,
        buckets: &Buckets,
        random: impl FnOnce() -> u64,
    ) -> Rc<LocalApp> {
        let mut apps = self.apps.borrow_mut();
        if apps.len() <= routes.slot {
            apps.resize(routes.slot + 1, None);
        }
        let known = &mut apps[routes.slot];
        if let Some(app) = known.as_ref().filter(|app| Arc::ptr_eq(&app.routes, routes)) {
            return Rc::clone(app);
        }
        let bucket = buckets.counter(routes.slot, random());
        let app = Rc::new(LocalApp::new(routes, &self.published, bucket));
        *known = Some(Rc::clone(&app));
        app
    }

    /// Drops apps that have changed or ended, and that no request asked for since.
    pub fn forget_stale(&self) {
        let routes = &self.published.table.app_slots;
        for (slot, known) in self.apps.borrow_mut().iter_mut().enumerate() {
            let current =
                |app: &Rc<LocalApp>| routes.get(slot).is_some_and(|routes| Arc::ptr_eq(routes, &app.routes));
            if known.as_ref().is_some_and(|app| !current(app)) {
                *known = None;
            }
        }
    }
}

/// What is drawn for a request: buckets from its app's counter, numbers from the worker's generator.
pub struct RequestDraw<'a> {
    /// The app.
    pub app: &'a LocalApp,
    /// The worker's generator.
    pub random: &'a dyn Fn() -> u64,
}

impl Draw for RequestDraw<'_> {
    fn bucket(&mut self, _: &AppRoutes) -> u16 {
        self.app.draw_bucket()
    }

    fn random(&mut self) -> u64 {
        (self.random)()
    }
}
