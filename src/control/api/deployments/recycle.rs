//! The call that has the containers of a deployment made anew.

use axum::{
    extract::{Path, State},
    http::StatusCode,
    response::Response,
};

use super::{answer, find};
use crate::{
    control::{
        api::request::Write,
        commands::recycle::{begin, order_of, refuse_new_image},
        shared::{core::Core, error::ApiError},
    },
    rollout::command::Role,
    schema::deployment::RecycleRequest,
};

/// `POST .../deployments/{id}/recycle`
pub async fn recycle(
    State(core): State<Core>,
    Path((app, id)): Path<(String, String)>,
    call: Write,
) -> Result<Response, ApiError> {
    let request: RecycleRequest = call.read()?;
    let (key, deployment) = find(&core, &app, &id)?;
    let order = order_of(&core, &deployment, &call.caller.name, &request)?;
    if order.in_place {
        call.caller.needs(Role::Operator)?;
    } else {
        refuse_new_image(&core, &deployment).await?;
    }
    let asker = call.asker(&core, None)?;
    call.query.finish()?;
    let outcome = begin(&core, &key, &asker, &order).await?;
    Ok(answer(&core, StatusCode::ACCEPTED, outcome).await)
}
