//! From a payload to a deployment: as if a pipeline had deployed the image with a token of the role `ci` for this app alone, within
//! what the engine's configuration allows. The release is named by the payload, so the same delivery is the same deployment.

use std::collections::BTreeMap;

use serde_json::Value;

use super::{
    super::{deployments::order::deployment_of, visible::check_registration},
    outcome::OrderOutcome,
};
use crate::{
    control::{
        commands::deployments::create,
        shared::{
            access::caller::Caller,
            core::Core,
            error::ApiError,
            hooks_in::{
                hook_in::{DeployMapping, HookIn},
                template::Template,
            },
        },
    },
    rollout::deployment::record::Deployment,
    schema::deployment::DeployRequest,
};

/// An image that is to be deployed.
pub(super) struct DeployOrder {
    /// The release as the payload names it.
    pub(super) named: String,
    pub(super) deployment: Deployment,
}

impl DeployOrder {
    /// Fills the templates of a mapping. Nothing is changed.
    pub(super) fn of(
        core: &Core,
        hook: &HookIn,
        mapping: &DeployMapping,
        payload: &Value,
        caller: &Caller,
    ) -> Result<Self, ApiError> {
        let DeployMapping { image, release, port, replicas, health_path, environment, blend, plan } = mapping;
        let image = image.fill(payload).map_err(|fault| ApiError::value("image", fault))?;
        let named = release.fill(payload).map_err(|fault| ApiError::value("release", fault))?;
        let variable = |(name, value): (&String, &Template)| {
            let value =
                value.fill(payload).map_err(|fault| ApiError::value(format!("environment.{name}"), fault))?;
            Ok((name.clone(), value))
        };
        let environment = environment.iter().map(variable).collect::<Result<BTreeMap<_, _>, ApiError>>()?;
        let request = DeployRequest {
            image,
            release: Some(named.clone()),
            port: *port,
            replicas: *replicas,
            health_path: health_path.clone(),
            environment: (!environment.is_empty()).then_some(environment),
            blend: *blend,
            plan: plan.clone(),
            ..DeployRequest::default()
        };
        Ok(Self { named, deployment: deployment_of(core, &hook.app, caller, request)? })
    }

    /// What would be done, in words.
    pub(super) fn would(&self) -> String {
        let Deployment { app, id, spec, .. } = &self.deployment;
        format!(
            "`{}` would be deployed as `{id}`, and become the candidate of `{app}` once it serves",
            spec.image
        )
    }

    /// Begins it; it goes on by itself.
    pub(super) async fn run(
        self,
        core: &Core,
        hook: &HookIn,
        caller: &Caller,
    ) -> Result<OrderOutcome, ApiError> {
        if let Some(release) = self.deployment.main_release() {
            check_registration(core, caller, &hook.app, &release)?;
        }
        let done = create(core, &self.deployment, Vec::new()).await?;
        let (app, id) = (&hook.app, done.deployment.id.to_string());
        let message = match done.changed {
            true => format!("`{id}` is being deployed, and becomes the candidate of `{app}` once it serves"),
            false => format!("`{id}` was deployed already"),
        };
        let (changed, is_served) = (done.changed, !done.changed);
        Ok(OrderOutcome { message, changed, seq: None, deployment: Some(id), is_served })
    }
}
