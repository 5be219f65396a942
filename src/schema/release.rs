//! A release: on a track, draining, or merely known from the store.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::{
    activity::Activity,
    approval::ReleaseApprovals,
    endpoint::{Endpoint, GoneEndpoint},
};
pub use crate::rollout::{explain::TrackName, record::DrainCause};

/// A release that an app routes, or can go back to.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[cfg_attr(test, derive(utoipa::ToSchema))]
#[serde(default)]
pub struct Release {
    /// Its id, `apps/<segment>/containers`.
    pub id: String,
    /// Its own name, such as `1.0.1`.
    pub release: String,
    /// The service in its id.
    pub service: String,
    /// The port in its id; null: there is none.
    pub port: Option<u16>,
    /// The number of this stay on tracks; 0: it is not routed.
    pub tenure: u32,
    /// Its endpoints.
    pub endpoints: Vec<Endpoint>,
    /// Endpoints that were taken out of it, and where something is open still.
    pub gone: Vec<GoneEndpoint>,
    /// What it does at the moment.
    pub activity: Activity,
    /// Of a release on a track: the name of the token that put it there.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub set_by: Option<String>,
    /// Of a release on a track: what was said of it when it was put there, by name.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub facts: BTreeMap<String, String>,
    /// When it came on its track, or began to drain, Unix ms.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub since: Option<u64>,
    /// Of a draining release: what took it off its track.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub cause: Option<DrainCause>,
    /// Of a draining release: when it retires, Unix ms.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub until: Option<u64>,
    /// Of the candidate, where the app needs approvals or somebody gave one: how it stands.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub approvals: Option<ReleaseApprovals>,
    /// Of `previous`: why a rollback to it would be refused now, as far as this router's last checks tell; left out: it would
    /// not.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub rollback_refusal: Option<String>,
}

impl Release {
    /// Its own name, or its id if it has none.
    pub fn name(&self) -> &str {
        if self.release.is_empty() { &self.id } else { &self.release }
    }
}

/// The releases that the store knows.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[cfg_attr(test, derive(utoipa::ToSchema))]
#[serde(default)]
pub struct KnownReleases {
    /// Ordered by id.
    pub releases: Vec<KnownRelease>,
}

/// A release that the store knows.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[cfg_attr(test, derive(utoipa::ToSchema))]
#[serde(default)]
pub struct KnownRelease {
    /// Its id, `apps/<segment>/containers`.
    pub id: String,
    /// Its own name, such as `1.0.1`.
    pub release: String,
    /// The service in its id.
    pub service: String,
    /// The port in its id; null: there is none.
    pub port: Option<u16>,
    /// How many valid endpoints it has.
    pub endpoints: usize,
    /// What it is to the app; null: nothing.
    pub track: Option<TrackName>,
}
