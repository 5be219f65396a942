//! What the calls of a scheduler are answered with: recycles that were begun, and how far they are.

use serde::{Deserialize, Serialize};

use super::deployment::Recycle;

/// The recycles that a call has begun, or that were under way already.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(test, derive(utoipa::ToSchema))]
#[serde(default)]
pub struct ScheduledRecycles {
    /// The ids of the deployments.
    pub ids: Vec<String>,
    /// Those that are not recycled.
    pub refused: Vec<RefusedRecycle>,
}

/// A deployment that is not recycled.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(test, derive(utoipa::ToSchema))]
#[serde(default)]
pub struct RefusedRecycle {
    /// The id of the deployment.
    pub id: String,
    /// Why, for people.
    pub message: String,
}

/// How far recycles are.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[cfg_attr(test, derive(utoipa::ToSchema))]
#[serde(default)]
pub struct PoolStats {
    /// Whether one is under way.
    pub recycling: bool,
    /// The last one of each deployment that had one.
    pub recycles: Vec<DeploymentRecycle>,
}

/// The last recycle of a deployment.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[cfg_attr(test, derive(utoipa::ToSchema))]
#[serde(default)]
pub struct DeploymentRecycle {
    /// The app.
    pub app: String,
    /// The id of the deployment.
    pub deployment: String,
    /// Its release.
    pub release: Option<String>,
    /// How far it is.
    pub recycle: Recycle,
}
