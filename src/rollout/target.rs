//! Numbers of releases and endpoints in a routing table. Each kind has a type of its own, so that an index into one app's
//! routes is never taken for a slot of the whole table.

/// The index of a release in [`super::table::AppRoutes::releases`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ReleaseIndex(pub usize);

/// The index of an endpoint in [`super::table::ReleaseRoutes::endpoints`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct EndpointIndex(pub usize);

/// The place of a release's stay in [`super::table::RoutingTable::release_slots`]: the same in every table while it lasts.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ReleaseSlot(pub usize);

/// The place of an endpoint in [`super::table::RoutingTable::endpoint_slots`]: the same in every table while it lasts.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct EndpointSlot(pub usize);

/// Where a request goes: a release of its app, and an endpoint of that release.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Target {
    /// The release.
    pub release: ReleaseIndex,
    /// The endpoint.
    pub endpoint: EndpointIndex,
}
