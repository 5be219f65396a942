//! The state of an app as the API tells it: the part that a person is shown.
//!
//! Fields that a router leaves out are read as nothing, so that one version of the command line can ask another.

use std::collections::BTreeMap;

use serde::Deserialize;

use super::exit::Failure;

/// `GET /api/v1/apps`.
#[derive(Debug, Deserialize)]
pub(super) struct Apps {
    pub(super) apps: Vec<AppState>,
    #[serde(default)]
    pub(super) default_app: Option<String>,
}

/// `GET /api/v1/apps/{app}`, and the answer to every change.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(default)]
pub(super) struct AppState {
    pub(super) app: String,
    pub(super) seq: u64,
    pub(super) stable: Option<Release>,
    pub(super) candidate: Option<Release>,
    pub(super) previous: Option<Named>,
    pub(super) draining: Vec<Release>,
    pub(super) blend: f64,
    pub(super) sticky: bool,
    pub(super) shares: Shares,
    pub(super) moves: Option<Moves>,
    pub(super) lock: Option<Lock>,
    pub(super) problems: Vec<Problem>,
    pub(super) default: bool,
    pub(super) hosts: Vec<String>,
    pub(super) updated: Option<Updated>,
    /// `done` or `unchanged`, in the answer to a change.
    pub(super) result: Option<String>,
    /// How far a change is applied, if that was asked.
    pub(super) applied: Option<Applied>,
}

/// A release on a track or draining.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(default)]
pub(super) struct Release {
    pub(super) id: String,
    pub(super) release: String,
    pub(super) endpoints: Vec<Endpoint>,
    pub(super) activity: Activity,
    pub(super) since: u64,
    pub(super) until: Option<u64>,
    pub(super) cause: Option<String>,
}

/// A release that is only named: by id, or as an object.
#[derive(Debug, Clone, Deserialize)]
#[serde(untagged)]
pub(super) enum Named {
    Id(String),
    Release(Box<Release>),
}

/// An endpoint of a release.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(default)]
pub(super) struct Endpoint {
    pub(super) address: String,
    pub(super) healthy: bool,
    pub(super) detail: Option<String>,
    /// What is left at one that drains.
    pub(super) draining: Option<EndpointDrain>,
    pub(super) in_flight: u64,
    pub(super) can_be_stopped: bool,
    /// Of one that gets no new requests: the sum over all routers.
    pub(super) fleet: Option<EndpointLoad>,
}

/// What an endpoint that gets no new requests still carries on all routers.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(default)]
pub(super) struct EndpointLoad {
    pub(super) members: u64,
    pub(super) reported: u64,
    pub(super) in_flight: u64,
}

/// An endpoint that gets no new requests.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(default)]
pub(super) struct EndpointDrain {
    pub(super) until: u64,
}

/// What a release does at the moment.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(default)]
pub(super) struct Activity {
    pub(super) requests_per_second: f64,
    /// 0..=1.
    pub(super) error_share: f64,
    pub(super) p95_ms: Option<f64>,
    /// Distinct clients whose pins came back lately.
    pub(super) pinned: Option<u64>,
    pub(super) open_requests: u64,
    pub(super) open_sockets: u64,
    /// Nobody is left at a release that drains.
    pub(super) can_be_stopped: bool,
    /// Of a draining release: the sum over all routers.
    pub(super) fleet: Option<FleetLoad>,
}

/// What a draining release still carries on all routers.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(default)]
pub(super) struct FleetLoad {
    pub(super) members: u64,
    pub(super) reported: u64,
    pub(super) open_requests: u64,
    pub(super) open_sockets: u64,
    pub(super) pinned: u64,
}

/// The candidate's shares of unpinned clients, in percent.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(default)]
pub(super) struct Shares {
    pub(super) drawn: Option<f64>,
    /// Of the clients whose pins came back.
    pub(super) confirmed: Option<f64>,
}

/// How often clients changed release at this router.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(default)]
pub(super) struct Moves {
    pub(super) total: u64,
    pub(super) bounces: u64,
    pub(super) reasons: BTreeMap<String, u64>,
}

/// What holds pipelines back.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(default)]
pub(super) struct Lock {
    pub(super) reason: String,
    pub(super) by: String,
    pub(super) at: u64,
    pub(super) until: Option<u64>,
    pub(super) automatic: bool,
}

/// A stored value that cannot be taken.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(default)]
pub(super) struct Problem {
    pub(super) key: String,
    pub(super) value: String,
    pub(super) allowed: String,
}

/// The last change.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(default)]
pub(super) struct Updated {
    pub(super) command: String,
    pub(super) actor: String,
    pub(super) reason: String,
    pub(super) at: u64,
}

/// How far a change is applied.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(default)]
pub(super) struct Applied {
    pub(super) members: u64,
    pub(super) applied: u64,
    /// The same in words, with whoever is missing.
    pub(super) text: String,
}

impl Apps {
    /// The app that is meant when none is named: the router's default, else the only one.
    pub(super) fn meant(mut self) -> Result<AppState, Failure> {
        let default = self.default_app.as_ref();
        let index = match self.apps.iter().position(|app| Some(&app.app) == default) {
            None if self.apps.len() == 1 => Some(0),
            found => found,
        };
        match index {
            Some(index) => Ok(self.apps.swap_remove(index)),
            None if self.apps.is_empty() => {
                Err(Failure::usage("the router has no app yet; name the first one with --app"))
            }
            None => {
                let names: Vec<&str> = self.apps.iter().map(|app| app.app.as_str()).collect();
                Err(Failure::usage(format!("which app? Name one with --app: {}", names.join(", "))))
            }
        }
    }
}

impl AppState {
    /// The candidate's id, which a change sends along as what was seen.
    pub(super) fn candidate_id(&self) -> Option<String> {
        self.candidate.as_ref().map(|candidate| candidate.id.clone())
    }

    /// The candidate's name, for a sentence.
    pub(super) fn candidate_name(&self) -> &str {
        self.candidate.as_ref().map_or("the candidate", Release::name)
    }

    /// Where a rollback without a target goes, for a sentence.
    pub(super) fn previous_name(&self) -> Option<&str> {
        match self.previous.as_ref()? {
            Named::Id(id) => Some(id),
            Named::Release(release) => Some(release.name()),
        }
    }
}

impl Release {
    /// Its own name, or its id if it has none.
    pub(super) fn name(&self) -> &str {
        if self.release.is_empty() { &self.id } else { &self.release }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn apps(json: &str) -> Apps {
        serde_json::from_str(json).unwrap()
    }

    #[test]
    fn the_app_meant_is_the_default_or_the_only_one() {
        let meant = |json| apps(json).meant().map(|state| state.app).map_err(|failure| failure.message);
        assert_eq!(meant(r#"{"apps":[{"app":"a"},{"app":"b"}],"default_app":"b"}"#).unwrap(), "b");
        assert_eq!(meant(r#"{"apps":[{"app":"a"}],"default_app":null}"#).unwrap(), "a");
        assert!(meant(r#"{"apps":[{"app":"a"},{"app":"b"}]}"#).unwrap_err().contains("a, b"));
        assert!(meant(r#"{"apps":[]}"#).unwrap_err().contains("no app yet"));
    }

    #[test]
    fn previous_may_be_an_id_or_a_release() {
        let state: AppState = serde_json::from_str(r#"{"previous":{"id":"x","release":"1.0"}}"#).unwrap();
        assert_eq!(state.previous_name(), Some("1.0"));
        let state: AppState = serde_json::from_str(r#"{"previous":"apps/a-1-80/containers"}"#).unwrap();
        assert_eq!(state.previous_name(), Some("apps/a-1-80/containers"));
    }
}
