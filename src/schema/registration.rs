//! Which endpoints a release has, and the changes of that.

use serde::{Deserialize, Serialize};

use super::{app::Outcome, apply_status::ApplyStatus};

/// The endpoints that are registered for a release.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[cfg_attr(test, derive(utoipa::ToSchema))]
#[serde(default)]
pub struct RegisteredEndpoints {
    /// The release, `apps/<segment>/containers`.
    pub id: String,
    /// How often they were changed through the API; it is the ETag, and what If-Match takes here.
    pub count: u64,
    /// Each endpoint, ordered by container.
    pub endpoints: Vec<RegisteredEndpoint>,
    /// In the answer to a change: whether anything was changed.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub result: Option<Outcome>,
    /// In the answer to a change with `wait=fleet`: how far the fleet applied it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub applied: Option<ApplyStatus>,
}

/// One registered endpoint.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(test, derive(utoipa::ToSchema))]
#[serde(default)]
pub struct RegisteredEndpoint {
    /// The container; an endpoint that came with a command is named by its address.
    pub container: String,
    /// Its address, `ip:port` or `unix:/path`, or its name, `name:port`.
    pub address: String,
}

/// Say which endpoints a release has.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(test, derive(utoipa::ToSchema))]
#[serde(deny_unknown_fields)]
pub struct ReplaceEndpointsRequest {
    /// All endpoints that are registered through the API, `ip:port`, `name:port` or `unix:/path` each. Those of old scripts stay.
    pub endpoints: Vec<String>,
    /// Go on although another app routes the release; of an operator, also although less than half of them pass the health check.
    pub force: Option<bool>,
    /// Why, for the history.
    pub reason: Option<String>,
}

/// Add an endpoint to a release.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[cfg_attr(test, derive(utoipa::ToSchema))]
#[serde(deny_unknown_fields)]
pub struct AddEndpointRequest {
    /// Its address, `ip:port` or `unix:/path`, or its name, `name:port`; left out: the path names it.
    pub address: Option<String>,
    /// Go on although another app routes the release.
    pub force: Option<bool>,
    /// Why, for the history.
    pub reason: Option<String>,
}

/// Remove an endpoint of a release, or all of them.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[cfg_attr(test, derive(utoipa::ToSchema))]
#[serde(deny_unknown_fields)]
pub struct RemoveEndpointsRequest {
    /// Also one of a release that another app routes, and the release that a rollback goes to; of an operator, also the last one
    /// of a release on a track.
    pub force: Option<bool>,
    /// Why, for the history.
    pub reason: Option<String>,
}
