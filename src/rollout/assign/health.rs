//! Health: what an assignment asks about endpoints and drains. The caller answers from live state.

use crate::rollout::{
    last_failure::LastFailure,
    target::{EndpointSlot, ReleaseSlot},
};

/// The state of endpoints and releases, by their slots.
pub trait Health {
    /// Whether an endpoint serves. An endpoint that was not checked yet counts as serving.
    fn serves(&self, endpoint: EndpointSlot) -> bool;
    /// Whether an endpoint that does not serve is only suspected: it failed requests while its peers did not, and no check
    /// says that it is down.
    fn suspected(&self, endpoint: EndpointSlot) -> bool {
        let _ = endpoint;
        false
    }
    /// How many requests are in flight at an endpoint.
    fn in_flight(&self, endpoint: EndpointSlot) -> u32;
    /// An endpoint's share of new clients in percent of its peers' share: less than 100 while it starts slowly.
    fn weight(&self, endpoint: EndpointSlot) -> u32 {
        let _ = endpoint;
        100
    }
    /// With what an endpoint last failed a request.
    fn last_failure(&self, endpoint: EndpointSlot) -> Option<LastFailure> {
        let _ = endpoint;
        None
    }
    /// Whether the time is over for which an endpoint that drains softly keeps its clients.
    fn endpoint_drain_over(&self, endpoint: EndpointSlot) -> bool {
        let _ = endpoint;
        false
    }
    /// Whether new clients are drawn to a candidate.
    fn draws(&self, release: ReleaseSlot) -> bool {
        let _ = release;
        true
    }
    /// Whether `drainseconds` have passed for a draining release.
    fn drain_over(&self, release: ReleaseSlot) -> bool;
}
