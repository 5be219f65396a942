//! When endpoints can be stopped: said only when nothing is open there any more and nothing new can come
//! (DESIGN.md section 7).

use std::net::SocketAddr;

use super::sync::endpoint_ends::{Gone, GoneEndpoints};
use crate::{
    live::table::Published,
    rollout::table::{EndpointRoute, ReleaseRoutes, Standing},
};

/// Everything that is known of where requests go and are, at one moment.
#[derive(Debug, Clone, Copy)]
pub struct Stopping<'a> {
    pub published: &'a Published,
    pub gone: &'a GoneEndpoints,
}

impl Stopping<'_> {
    /// Whether a listed endpoint can be stopped: it drains, and [`Stopping::endpoint`] holds.
    pub fn route(&self, route: &EndpointRoute) -> bool {
        // All listings are looked at only where this one does not tell.
        route.draining && self.endpoint(route.address)
    }

    /// Whether an endpoint can be stopped: wherever its address is listed it drains, and nothing is open.
    pub fn endpoint(&self, address: SocketAddr) -> bool {
        self.nothing_new(address, |_| false) && self.open(address) == 0
    }

    /// Whether the endpoints of a release that drains can be stopped, as far as anything new is concerned: no other
    /// release lists them.
    pub fn release(&self, release: &ReleaseRoutes) -> bool {
        let own = |other: &ReleaseRoutes| {
            other.slot == release.slot || matches!(other.standing, Standing::Draining { .. })
        };
        let addresses = || release.endpoints.iter().map(|endpoint| endpoint.address);
        matches!(release.standing, Standing::Draining { .. })
            && addresses().all(|address| self.nothing_new(address, own) && self.open(address) == 0)
    }

    /// What is open at an endpoint that no table lists, of this address: requests and WebSockets.
    pub fn open_at_gone(&self, address: SocketAddr) -> u32 {
        let gone = self.gone.values().flat_map(|gone| gone.iter());
        gone.filter(|gone: &&Gone| gone.state.key().address == address)
            .map(|gone| gone.state.in_flight())
            .sum()
    }

    /// What is open at an address, in whatever release: requests and WebSockets.
    fn open(&self, address: SocketAddr) -> u32 {
        let listed = self.published.endpoints.iter().flatten();
        let listed = listed.filter(|state| state.key().address == address);
        listed.map(|state| state.in_flight()).sum::<u32>() + self.open_at_gone(address)
    }

    /// Whether nothing new comes to an address: each listing drains by itself, or is excepted.
    fn nothing_new(&self, address: SocketAddr, except: impl Fn(&ReleaseRoutes) -> bool) -> bool {
        let releases = self.published.table.apps.values().flat_map(|app| &app.releases);
        releases.filter(|release| !except(release)).all(|release| {
            release.endpoints.iter().all(|endpoint| endpoint.address != address || endpoint.draining)
        })
    }
}
