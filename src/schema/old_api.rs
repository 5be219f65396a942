//! What the old API answers: deployments as the scripts of the systems before this one know them.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

/// All deployments.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[cfg_attr(test, derive(utoipa::ToSchema))]
pub struct OldDeployments {
    /// Those that the token is for, by app and id.
    pub deployments: Vec<OldDeployment>,
}

/// One deployment.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[cfg_attr(test, derive(utoipa::ToSchema))]
pub struct OldDeploymentAnswer {
    /// The deployment.
    pub deployment: OldDeployment,
}

/// A deployment.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[cfg_attr(test, derive(utoipa::ToSchema))]
pub struct OldDeployment {
    /// Its id, which begins with the name of its app.
    pub deployment_id: String,
    /// What people call it.
    pub deployment_name: String,
    /// 1: it is to run; 0: it is to be stopped.
    pub desired_state: u8,
    /// 1: it runs; 0: it does not.
    pub current_state: u8,
    /// Where it was to run. It has no effect.
    pub placement: Map<String, Value>,
    /// How many containers of each service.
    pub quantities: BTreeMap<String, u32>,
    /// What runs.
    pub stack: OldStack,
    /// The name of the token that made it.
    pub created_by: String,
    /// When, as `2016-10-26T21:59:03Z`.
    pub created_on: String,
}

/// What runs in a deployment.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(test, derive(utoipa::ToSchema))]
pub struct OldStack {
    /// A compose file; `(secret)` stands for each value of an environment.
    pub content: String,
    /// The service that the deployment is called after.
    pub service_id: String,
    /// What people call it.
    pub service_name: String,
    /// `service` or `stack`.
    pub subtype: String,
}

/// A deployment that was removed.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(test, derive(utoipa::ToSchema))]
pub struct OldRemoval {
    /// What is left to say of it.
    pub deployment: OldRemovedDeployment,
}

/// What is left to say of a deployment that was removed.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(test, derive(utoipa::ToSchema))]
pub struct OldRemovedDeployment {
    /// Its id.
    pub deployment_id: String,
    /// 0
    pub desired_state: u8,
    /// 0
    pub current_state: u8,
}

/// The containers of a deployment.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(test, derive(utoipa::ToSchema))]
pub struct OldContainers {
    /// Each, by release and id.
    pub containers: Vec<OldContainer>,
}

/// A container, as it is registered.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(test, derive(utoipa::ToSchema))]
pub struct OldContainer {
    /// Its id.
    pub container_id: String,
    /// Its name.
    pub container_name: String,
    /// The deployment that it is of.
    pub deployment_id: String,
    /// What it was made from.
    pub image: String,
    /// The service in the stack.
    pub service: Option<String>,
    /// Where it is reached, `ip:port`.
    pub address: String,
    /// Its port.
    pub port: Option<u16>,
    /// `Running`
    pub state: String,
}

/// Why the router did not do as asked.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(test, derive(utoipa::ToSchema))]
pub struct OldErrors {
    /// One error.
    pub errors: Vec<OldError>,
    /// For scripts that compare both states whatever the status is: they differ, so what failed does not read as healthy.
    pub deployment: OldStates,
}

/// An error.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(test, derive(utoipa::ToSchema))]
pub struct OldError {
    /// A sentence for the person who has to act.
    pub message: String,
    /// A stable word in snake_case, for programs.
    pub code: String,
}

/// The two states of a deployment that there is not.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(test, derive(utoipa::ToSchema))]
pub struct OldStates {
    /// 1
    pub desired_state: u8,
    /// 0
    pub current_state: u8,
}
