//! What a release does at the moment, and how often clients changed release.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

/// What a release does at the moment, as this router sees it.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[cfg_attr(test, derive(utoipa::ToSchema))]
#[serde(default)]
pub struct Activity {
    /// Requests per second over the last ten seconds.
    pub requests_per_second: f64,
    /// Share of 5xx answers and cut exchanges among the requests of the last ten seconds, 0 to 1.
    pub error_share: f64,
    /// Median time from when the release was asked to the last byte of its answer, over the last ten seconds, in ms; null
    /// without requests.
    pub p50_ms: Option<f64>,
    /// 95th percentile of the same, in ms.
    pub p95_ms: Option<f64>,
    /// 99th percentile of the same, in ms.
    pub p99_ms: Option<f64>,
    /// Median time from when the release was asked to the head of its answer, over the last ten seconds, in ms; null without
    /// answers.
    pub first_byte_p50_ms: Option<f64>,
    /// 95th percentile of the same, in ms.
    pub first_byte_p95_ms: Option<f64>,
    /// Answers since this stay began on this router.
    pub requests: u64,
    /// 5xx answers and cut exchanges among them.
    pub errors: u64,
    /// Requests that are being answered now.
    pub open_requests: u64,
    /// WebSockets that are open now.
    pub open_sockets: u64,
    /// Distinct clients whose pins came back in the last 5 to 10 minutes, by estimate.
    pub pinned: u64,
    /// Whether the release drains and nobody is left: nothing is open, no pin came back lately, and no other release lists
    /// its endpoints.
    pub can_be_stopped: bool,
    /// Of a draining release: the sum over all members of the fleet.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub fleet: Option<FleetLoad>,
}

/// What a draining release still carries, summed over all members of the fleet.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(test, derive(utoipa::ToSchema))]
#[serde(default)]
pub struct FleetLoad {
    /// How many routers the fleet has.
    pub members: usize,
    /// How many of them are heard from, and have said what the release carries.
    pub reported: usize,
    /// Requests open now.
    pub open_requests: u64,
    /// WebSockets open now.
    pub open_sockets: u64,
    /// Distinct clients whose pins came back lately, to any member.
    pub pinned: u64,
    /// Whether nobody is left on any member, so that the release's endpoints can be stopped.
    pub can_be_stopped: bool,
}

/// How often clients of an app changed release at this router since it started.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(test, derive(utoipa::ToSchema))]
#[serde(default)]
pub struct Moves {
    /// All moves.
    pub total: u64,
    /// Third moves of a client within one day.
    pub bounces: u64,
    /// The same of clients that never bring a pin back, known by their address and User-Agent; several people behind one
    /// address with the same browser look like one. Missing: none.
    #[serde(skip_serializing_if = "is_zero")]
    pub bounces_without_pin: u64,
    /// How many moves had which reason, such as `shielded`.
    pub reasons: BTreeMap<String, u64>,
}

#[allow(clippy::trivially_copy_pass_by_ref, reason = "serde gives a reference")]
fn is_zero(count: &u64) -> bool {
    *count == 0
}
