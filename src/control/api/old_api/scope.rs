//! Which deployments a token is for. The old API knows no apps, so the ids say it.

use crate::{
    control::shared::{access::caller::Caller, error::ApiError},
    rollout::{app::AppName, deployment::id::DeploymentId},
};

/// Refuses an id that can be of no app which the token is for, whether there is such a deployment or not.
pub fn check_scope(caller: &Caller, text: &str) -> Result<(), ApiError> {
    let id = text.parse::<DeploymentId>();
    let is_own = id.is_ok_and(|id| id.possible_apps().any(|app| caller.scope.has_app(&app)));
    if is_own || caller.scope.has_all_apps() {
        return Ok(());
    }
    Err(caller.out_of_scope(&format!("is for some apps only, and `{}` is not theirs", text.escape_debug())))
}

/// Refuses a deployment of an app that the token is not for.
pub fn check_app(caller: &Caller, app: &AppName, id: &DeploymentId) -> Result<(), ApiError> {
    if caller.scope.has_app(app) {
        return Ok(());
    }
    Err(caller.out_of_scope(&format!("is for some apps only, and `{id}` is of `{app}`")))
}
