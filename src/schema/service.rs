//! What runs at engines, as tables: containers of deployments, and the engines themselves.

use serde::{Deserialize, Serialize};

/// The containers of all deployments.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(test, derive(utoipa::ToSchema))]
#[serde(default)]
pub struct Services {
    /// Each, by name.
    pub services: Vec<RunningService>,
}

/// A container of a deployment.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(test, derive(utoipa::ToSchema))]
#[serde(default)]
pub struct RunningService {
    /// Its name.
    pub name: String,
    /// Its app.
    pub app: String,
    /// Its deployment.
    pub deployment: String,
    /// The image, as it was asked for.
    pub image: String,
    /// `created`, `running`, `paused`, `restarting`, `removing`, `exited` or `dead`, as its engine says; `gone` where the engine has no
    /// such container, and `unknown` where the router that was asked does not have the engine, or the engine does not answer.
    pub status: String,
    /// Where it is an endpoint; null: it is none.
    pub url: Option<String>,
    /// The engine's id of it; null: not known.
    pub id: Option<String>,
    /// The engine.
    pub node: String,
    /// The ports of its deployment, `80` or `8080:80` each.
    pub ports: Vec<String>,
}

/// The engines of one router.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(test, derive(utoipa::ToSchema))]
#[serde(default)]
pub struct Nodes {
    /// Each, by name.
    pub nodes: Vec<Node>,
}

/// An engine.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(test, derive(utoipa::ToSchema))]
#[serde(default)]
pub struct Node {
    /// Its name, as the router's configuration has it.
    pub name: String,
    /// Where its API is.
    pub address: String,
    /// The address of its host, at which ports are published.
    pub host: String,
    /// Its version; null: it does not answer.
    pub version: Option<String>,
    /// The version of its API; null: it does not answer.
    pub api: Option<String>,
    /// Why it does not answer; null: it does.
    pub fault: Option<String>,
    /// Containers of deployments at it.
    pub containers: u64,
}
