//! When endpoints can be stopped: said only when nothing is open there any more and nothing new can come
//! (docs/design.md section 7).

use keyvalues::Revision;

use super::{
    fleet::member::OpenAt,
    former_endpoints::{FormerEndpoint, FormerEndpoints},
};
use crate::{
    live::{endpoints::EndpointState, table::PublishedTable},
    rollout::{
        address::Address,
        table::{AppRoutes, ReleaseRoutes, Standing},
    },
};

/// What decides whether endpoints can be stopped, at one moment: the published table, and the endpoints that it no longer names.
#[derive(Debug, Clone, Copy)]
pub struct StopCheck<'a> {
    pub published: &'a PublishedTable,
    pub former: &'a FormerEndpoints,
}

impl StopCheck<'_> {
    /// Whether an endpoint can be stopped as far as this router is concerned: wherever its address is listed it drains,
    /// nothing is open, and nobody has been there lately who is kept there.
    pub fn endpoint_can_be_stopped(&self, address: Address) -> bool {
        self.nothing_new(address, |_| false) && self.open(address) == 0 && !self.is_used(address)
    }

    /// The addresses of endpoints that drain or were taken out of their release; some more than once.
    pub fn leaving(&self) -> impl Iterator<Item = Address> {
        let apps = self.apps().filter(|app| !app.endpoint_drains.is_empty());
        let listed = apps.flat_map(|app| app.listed()).flat_map(|release| &release.endpoints);
        let draining = listed.filter(|endpoint| endpoint.draining).map(|endpoint| endpoint.address);
        draining.chain(self.all_former().map(|former| former.state.key().address))
    }

    /// The store revision from which on nothing new comes to an address, or a later one.
    pub fn left_at(&self, address: Address) -> Revision {
        let lists = |app: &&AppRoutes| {
            app.listed().any(|release| release.endpoints.iter().any(|it| it.address == address))
        };
        let listed = self.apps().filter(lists).map(|app| app.revision);
        let former = self.all_former().filter(|former| former.state.key().address == address);
        listed.chain(former.map(|former| former.revision)).max().unwrap_or(0)
    }

    /// What is open at an address, in whatever release.
    pub fn open_at(&self, address: Address) -> OpenAt {
        let open_sockets = self.states(address).map(|state| state.open_sockets()).sum();
        OpenAt { address, in_flight: self.open(address), open_sockets, is_used: self.is_used(address) }
    }

    /// Whether the endpoints of a release that drains can be stopped, as far as anything new is concerned: no other
    /// release lists them.
    pub fn release_can_be_stopped(&self, release: &ReleaseRoutes) -> bool {
        let own = |other: &ReleaseRoutes| {
            other.slot == release.slot || matches!(other.standing, Standing::Draining { .. })
        };
        let addresses = || release.endpoints.iter().map(|endpoint| endpoint.address);
        matches!(release.standing, Standing::Draining { .. })
            && addresses().all(|address| self.nothing_new(address, own) && self.open(address) == 0)
    }

    /// What is open at an address, in whatever release: requests and WebSockets.
    fn open(&self, address: Address) -> u32 {
        self.states(address).map(|state| state.in_flight()).sum()
    }

    /// Whether somebody was lately at an endpoint of this address that drains softly.
    fn is_used(&self, address: Address) -> bool {
        self.states(address).any(EndpointState::is_used)
    }

    /// Every endpoint of this address, whether a table lists it or no longer does.
    fn states(&self, address: Address) -> impl Iterator<Item = &EndpointState> {
        let listed = self.published.endpoints.iter().flatten();
        let all = listed.chain(self.all_former().map(|former| &former.state));
        all.map(|state| &**state).filter(move |state| state.key().address == address)
    }

    fn all_former(&self) -> impl Iterator<Item = &FormerEndpoint> {
        self.former.values().flat_map(|former| former.iter())
    }

    fn apps(&self) -> impl Iterator<Item = &AppRoutes> {
        self.published.table.all_routes()
    }

    /// Whether nothing new comes to an address: each listing drains by itself, or is excepted.
    fn nothing_new(&self, address: Address, except: impl Fn(&ReleaseRoutes) -> bool) -> bool {
        let releases = self.apps().flat_map(AppRoutes::listed);
        releases.filter(|release| !except(release)).all(|release| {
            release.endpoints.iter().all(|endpoint| endpoint.address != address || endpoint.draining)
        })
    }
}
