//! One hook in, as it is stored: who sends, to which app, what is taken, and what is done with it.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::{filter::Filter, secret::InSecret, sender::Sender, template::Template};
use crate::{
    control::shared::hooks::hook::HookName,
    rollout::{app::AppName, blend::Blend, network::Network},
};

/// The prefix of the keys of hooks in.
pub const HOOKS_IN_PREFIX: &str = "rolling/router/hooks-in/";

/// A hook in as it is stored.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct HookIn {
    /// Who sends.
    pub sender: Sender,
    /// How the sender is known.
    pub secret: InSecret,
    /// The app that it acts on; no other.
    pub app: AppName,
    /// Where the sender may come from; none: from anywhere.
    #[serde(default)]
    pub networks: Option<Vec<Network>>,
    #[serde(default)]
    pub filter: Filter,
    pub action: Action,
    /// Nothing is taken for now.
    #[serde(default)]
    pub paused: bool,
    /// Who wrote it last.
    #[serde(default)]
    pub by: String,
    /// When it was written last, Unix ms.
    #[serde(default)]
    pub at: u64,
}

/// What is done with a delivery.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "do", rename_all = "kebab-case")]
pub enum Action {
    /// A release is made the candidate.
    SetCandidate(CandidateMapping),
    /// An image is deployed, and its release made the candidate once it serves.
    Deploy(DeployMapping),
}

/// What of a payload says which image is deployed, as which release.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct DeployMapping {
    /// The image, with its tag or digest.
    pub image: Template,
    /// The name of the release: so a delivery that comes again is the same deployment.
    pub release: Template,
    /// The port in the container.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub port: Option<u16>,
    /// How many containers.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub replicas: Option<u32>,
    /// The path of the health check.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub health_path: Option<String>,
    /// The environment, value by name. People see the templates, so no secret stands in them.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub environment: BTreeMap<String, Template>,
    /// Percent of new clients that go to it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub blend: Option<Blend>,
    /// The plan by which its blend rises.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub plan: Option<String>,
}

/// What of a payload says which release becomes the candidate.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct CandidateMapping {
    /// Its name, or its id.
    pub release: Template,
    /// The port in the id of a new release.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub port: Option<u16>,
    /// All endpoints that are registered for it; empty: they stay.
    #[serde(default)]
    pub endpoints: Vec<Template>,
    /// Percent of new clients that go to it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub blend: Option<Blend>,
    /// The plan by which its blend rises.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub plan: Option<String>,
    /// Why, for the history.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reason: Option<Template>,
}

impl Action {
    pub const SET_CANDIDATE: &str = "set-candidate";
    pub const DEPLOY: &str = "deploy";
    /// All of them, for people.
    pub const ALLOWED: &str = "set-candidate, deploy";
}

/// The key that a hook in is stored at.
pub fn key_of(name: &HookName) -> String {
    format!("{HOOKS_IN_PREFIX}{name}")
}
