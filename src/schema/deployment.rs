//! Deployments: containers that an engine runs for a release, and calls about them.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::{app::Outcome, change::Blend};

/// Deploy an image: start its containers, wait until they pass the health check, register them, set the candidate.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
#[cfg_attr(test, derive(utoipa::ToSchema))]
#[serde(deny_unknown_fields)]
pub struct DeployRequest {
    /// The image, such as `registry.example/shop:1.0`; the engine's configuration says which are allowed.
    pub image: String,
    /// The name of the release; left out: the time, as `20261119-143005`.
    pub release: Option<String>,
    /// How many containers, 1 to 100; left out: 1.
    pub replicas: Option<u32>,
    /// The port in the container; left out: 80.
    pub port: Option<u16>,
    /// The port of the engine's host; left out: whichever is free.
    pub host_port: Option<u16>,
    /// The command; left out: the image's own.
    pub command: Option<Vec<String>>,
    /// The environment, value by name. No value is shown again.
    pub environment: Option<BTreeMap<String, String>>,
    /// Named volumes, `NAME:/path` each; the engine's configuration says which are allowed.
    pub volumes: Option<Vec<String>>,
    /// The network of the containers; left out: their ports are published.
    pub network: Option<String>,
    /// The path of the health check; left out: as the app's settings say.
    pub health_path: Option<String>,
    /// How much memory each container may use, in bytes, from 6291456 (6 MiB); left out: as much as there is.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub memory: Option<u64>,
    /// How many processors each container may use, such as 0.5; left out: all.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub cpus: Option<f64>,
    /// The engine, or `spread` for all of them; left out: the only one, else `spread`.
    pub engine: Option<String>,
    /// Percent of new clients that go to the candidate; left out: 0.
    pub blend: Option<Blend>,
    /// The plan of the setting `plans` by which its blend rises, instead of a blend; left out: none.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub plan: Option<String>,
    /// What is worth knowing of the release, at most 12 facts by name, such as `commit`, `author`, `build` or `notes`; `image` is known
    /// without being said. Said again of a release that is deployed already, they are put down as well.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub facts: Option<BTreeMap<String, String>>,
    /// How many seconds it may take until it serves, 1 to 3600; left out: 300.
    pub timeout: Option<u32>,
    /// Start the containers, and leave the tracks as they are.
    pub without_candidate: Option<bool>,
}

/// Change how many containers a deployment has.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
#[cfg_attr(test, derive(utoipa::ToSchema))]
#[serde(deny_unknown_fields)]
pub struct ScaleRequest {
    /// How many containers, 1 to 100.
    pub replicas: u32,
}

/// Make the containers of a deployment anew, one after the other.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
#[cfg_attr(test, derive(utoipa::ToSchema))]
#[serde(deny_unknown_fields)]
pub struct RecycleRequest {
    /// Of what the image's name means now; only operators. Left out: of what it meant when it was deployed.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub in_place: Option<bool>,
    /// How many containers are replaced at a time, half of them at the most; left out: 1.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub parallel: Option<u32>,
    /// How many seconds the clients of a container may stay there unless they navigate, 0 to 2592000; left out: as the app's
    /// `drainseconds`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub drain: Option<u32>,
}

/// A recycle: containers that are made anew.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(test, derive(utoipa::ToSchema))]
#[serde(default)]
pub struct Recycle {
    /// How far it is: `under_way`, `done` or `failed`. One that failed goes on until nothing of it is left half done.
    pub state: String,
    /// How many containers were replaced.
    pub done: usize,
    /// Of how many.
    pub of: usize,
    /// The name of the token that asked for it.
    pub by: String,
    /// When, Unix ms.
    pub since: u64,
    /// When it was over, Unix ms; null: it goes on.
    pub ended_at: Option<u64>,
    /// Whether the new containers are made of what the image's name means now.
    pub in_place: bool,
    /// How many containers are replaced at a time.
    pub parallel: u32,
    /// How many seconds the clients of a container may stay there unless they navigate.
    pub drain_seconds: u32,
    /// Whether each container is stopped before the one that replaces it is started, since both want one port of the host. Of a
    /// single container nobody is served meanwhile.
    pub stops_first: bool,
    /// What the new containers are made of; null: the image is still to be pulled.
    pub digest: Option<String>,
    /// Each container, in the order in which they are replaced.
    pub containers: Vec<RecycledContainer>,
    /// Why it was stopped before its end; null: it was not. What was not replaced goes on as before.
    pub failure: Option<DeploymentFailure>,
}

/// One container in the place of another.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(test, derive(utoipa::ToSchema))]
#[serde(default)]
pub struct RecycledContainer {
    /// The name of the one that goes.
    pub old: String,
    /// The name of the one that comes.
    pub new: String,
    /// How far it is: `waiting`, `starting`, `draining`, `stopping`, `done`, or `kept` once the recycle has failed.
    pub state: String,
    /// Until when clients of the old one may stay there, Unix ms; null: it does not drain yet, or not any more.
    pub drains_until: Option<u64>,
}

/// The deployments of an app.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[cfg_attr(test, derive(utoipa::ToSchema))]
#[serde(default)]
pub struct Deployments {
    /// Each, by id.
    pub deployments: Vec<Deployment>,
}

/// A deployment.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[cfg_attr(test, derive(utoipa::ToSchema))]
#[serde(default)]
pub struct Deployment {
    /// Its id, which begins with the app's name.
    pub id: String,
    /// The app.
    pub app: String,
    /// The release that its containers are endpoints of, as `apps/<segment>/containers`; null: it has no port.
    pub release: Option<String>,
    /// The image, as it was asked for.
    pub image: String,
    /// What that name meant when it was pulled; null: not pulled yet, or no engine runs it.
    pub digest: Option<String>,
    /// How many containers are wanted.
    pub replicas: u32,
    /// The ports, `80` or `8080:80` each. The first one is the release's.
    pub ports: Vec<String>,
    /// The command; empty: the image's own.
    pub command: Vec<String>,
    /// The names of its variables. Their values are shown to nobody.
    pub environment: Vec<String>,
    /// Named volumes.
    pub volumes: Vec<String>,
    /// How much memory each container may use, in bytes; null: as much as there is.
    pub memory: Option<u64>,
    /// How many processors each container may use; null: all.
    pub cpus: Option<f64>,
    /// The engine, or `spread`; null: no engine of a router runs it, and whoever does registers its endpoints.
    pub engine: Option<String>,
    /// What is wanted: `serving`, `stopped` (also of a release that was stable and is kept for a rollback) or `removed`.
    pub desired: String,
    /// How far it is: `pending`, `pulling`, `starting`, `checking`, `serving`, `draining`, `stopped` or `failed`.
    pub state: String,
    /// How far the pull of the image is, such as `3 of 5 layers, 12.0 of 40.5 MB`; null: none is under way. A router that does not pull
    /// itself knows it within seconds.
    pub progress: Option<String>,
    /// Counts the sets of its containers.
    pub generation: u32,
    /// Its last recycle; null: it had none.
    pub recycle: Option<Recycle>,
    /// Its containers that an engine has made.
    pub containers: Vec<DeployedContainer>,
    /// Why it failed; null: it did not.
    pub failure: Option<DeploymentFailure>,
    /// The newest steps, oldest first.
    pub steps: Vec<DeploymentStep>,
    /// The name of the token that made it.
    pub created_by: String,
    /// When, Unix ms.
    pub created_at: u64,
    /// In the answer to a change: whether anything was changed.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub result: Option<Outcome>,
}

/// A container of a deployment.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(test, derive(utoipa::ToSchema))]
#[serde(default)]
pub struct DeployedContainer {
    /// Its name.
    pub name: String,
    /// The engine that it is at.
    pub engine: String,
    /// Where it is an endpoint; null: it is none.
    pub address: Option<String>,
}

/// Why a deployment failed.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(test, derive(utoipa::ToSchema))]
#[serde(default)]
pub struct DeploymentFailure {
    /// A sentence for the person who has to act.
    pub reason: String,
    /// What the container said last.
    pub last_words: String,
}

/// A step that was carried out.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(test, derive(utoipa::ToSchema))]
#[serde(default)]
pub struct DeploymentStep {
    /// Its number.
    pub number: u64,
    /// When, Unix ms.
    pub at: u64,
    /// How far the deployment was then.
    pub state: String,
    /// What was done.
    pub text: String,
}
