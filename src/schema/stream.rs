//! The events of the live stream that are nothing else's answer. `event: state` carries an app's state, `event: router`
//! the router, `event: fleet` the fleet.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::{
    activity::{Activity, Moves},
    app::Shares,
    endpoint::EndpointLoad,
    plan::Plan,
    verdict::VerdictSentence,
};

/// `event: activity`: what the releases and endpoints of an app do at the moment.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[cfg_attr(test, derive(utoipa::ToSchema))]
#[serde(default)]
pub struct ActivityEvent {
    /// The app's name.
    pub app: String,
    /// What each routed release does, by its id.
    pub releases: BTreeMap<String, Activity>,
    /// What each endpoint does, by its address `ip:port` or `unix:/path`.
    pub endpoints: BTreeMap<String, EndpointActivity>,
    /// The candidate's share of the clients.
    pub shares: Shares,
    /// How often clients of the app changed release at this router since it started.
    pub moves: Moves,
    /// Whether the candidate is worse than stable; null: there is no candidate, or nobody has looked yet.
    pub verdict: Option<VerdictSentence>,
    /// The plan that raises the blend, and what it waits for; null: none was started, or it is over.
    pub plan: Option<Plan>,
}

/// What one endpoint does at the moment.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(test, derive(utoipa::ToSchema))]
#[serde(default)]
pub struct EndpointActivity {
    /// Whether it serves, as this router sees it.
    pub healthy: bool,
    /// Requests and WebSockets that it is answering for this router.
    pub in_flight: u32,
    /// WebSockets among them.
    pub open_sockets: u32,
    /// Whether it drains wherever it is listed, and nothing is open there on any router.
    pub can_be_stopped: bool,
    /// Of one that gets no new requests: the sum over all members of the fleet; null: it gets new ones.
    pub fleet: Option<EndpointLoad>,
}

/// `event: gone`: an app has ended.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(test, derive(utoipa::ToSchema))]
#[serde(default)]
pub struct GoneEvent {
    /// The app's name.
    pub app: String,
}

/// `event: hooks`: something about hooks has changed. Not everybody who follows may see them, so it does not say what.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(test, derive(utoipa::ToSchema))]
#[serde(default)]
pub struct HooksEvent {
    /// Counts the changes since the router started.
    pub version: u64,
}
