//! An endpoint of a release, and what is left at one that gets nothing new.

use serde::{Deserialize, Serialize};

/// An endpoint that its release lists.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[cfg_attr(test, derive(utoipa::ToSchema))]
#[serde(default)]
pub struct Endpoint {
    /// Its address, `ip:port` or `unix:/path`.
    pub address: String,
    /// The name that stands for it, `name:port`; left out: it was registered by its address.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
    /// Whether it serves, as this router sees it.
    pub healthy: bool,
    /// Whether this router has checked it since it was registered; until then it counts as healthy for routing.
    pub checked: bool,
    /// Requests and WebSockets that it is answering for this router.
    pub in_flight: u32,
    /// WebSockets among them.
    pub open_sockets: u32,
    /// It gets no new requests; null: it does.
    pub draining: Option<EndpointDrain>,
    /// Whether it drains wherever it is listed, and nothing is open there on any router.
    pub can_be_stopped: bool,
    /// Of one that gets no new requests: the sum over all members of the fleet.
    pub fleet: Option<EndpointLoad>,
    /// What was seen of it when it is not healthy; null: it is.
    pub detail: Option<String>,
}

impl Endpoint {
    /// Its address, with its name if it has one.
    pub fn title(&self) -> String {
        match &self.name {
            Some(name) => format!("{} ({name})", self.address),
            None => self.address.clone(),
        }
    }
}

/// What an endpoint answered to its health check when a release was to become stable.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(test, derive(utoipa::ToSchema))]
#[serde(default)]
pub struct EndpointAnswer {
    /// Its address, `ip:port` or `unix:/path`, or the name of one that has none, `name:port`.
    pub address: String,
    /// Whether it passed the check.
    pub passed: bool,
    /// Why it did not; null: it did.
    pub detail: Option<String>,
}

/// Ask the endpoints of a release now.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(test, derive(utoipa::ToSchema))]
#[serde(deny_unknown_fields)]
pub struct TestEndpointsRequest {
    /// Which endpoints, `ip:port`, `name:port` or `unix:/path` each, whether they are registered or not; left out: those that are.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub endpoints: Option<Vec<String>>,
}

/// What the endpoints of a release answered a moment ago.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(test, derive(utoipa::ToSchema))]
#[serde(default)]
pub struct TestedEndpoints {
    /// The release, `apps/<segment>/containers`.
    pub id: String,
    /// Whether it could become stable with these answers.
    pub passes: bool,
    /// Why it could not; null: it could.
    pub refusal: Option<String>,
    /// What each endpoint answered.
    pub endpoints: Vec<EndpointAnswer>,
}

/// An endpoint that was taken out of its release while something was open there.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[cfg_attr(test, derive(utoipa::ToSchema))]
#[serde(default)]
pub struct GoneEndpoint {
    /// Its address, `ip:port` or `unix:/path`.
    pub address: String,
    /// Requests and WebSockets that it is answering for this router.
    pub in_flight: u32,
    /// WebSockets among them.
    pub open_sockets: u32,
    /// Whether nothing is open there on any router.
    pub can_be_stopped: bool,
    /// The sum over all members of the fleet.
    pub fleet: Option<EndpointLoad>,
}

/// What is left at one endpoint, whether its release still lists it or not.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[cfg_attr(test, derive(utoipa::ToSchema))]
#[serde(untagged)]
pub enum EndpointState {
    /// Its release lists it.
    Listed(Endpoint),
    /// It was taken out of its release.
    Gone(GoneEndpoint),
}

/// An endpoint that gets no new requests.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(test, derive(utoipa::ToSchema))]
#[serde(default)]
pub struct EndpointDrain {
    /// Since when, Unix ms.
    pub since: u64,
    /// When what is open there ends, Unix ms.
    pub until: u64,
    /// Its clients stay until they navigate, or until then; and what is open there then goes on.
    pub softly: bool,
}

/// What one endpoint that gets nothing new still carries, summed over all members of the fleet.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(test, derive(utoipa::ToSchema))]
#[serde(default)]
pub struct EndpointLoad {
    /// How many routers the fleet has.
    pub members: usize,
    /// How many of them are heard from, and serve the table in which the endpoint gets nothing new.
    pub reported: usize,
    /// Requests and WebSockets open now.
    pub in_flight: u32,
    /// WebSockets among them.
    pub open_sockets: u32,
    /// Whether every member has said that nothing is open there.
    pub can_be_stopped: bool,
}

/// Send no new request to an endpoint, so that it can be stopped.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[cfg_attr(test, derive(utoipa::ToSchema))]
#[serde(deny_unknown_fields)]
pub struct EndpointDrainRequest {
    /// After how many seconds what is still open there ends, 0 to 2592000; left out: after the app's `drainmaxseconds`.
    /// Sent again it moves the deadline.
    pub seconds: Option<u64>,
    /// Also the last endpoint of a release on a track; it then serves on until there is another one.
    pub force: Option<bool>,
    /// Why, for the history.
    pub reason: Option<String>,
}
