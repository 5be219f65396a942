//! The calls about single endpoints: one that is to be stopped drains first.

use std::net::SocketAddr;

use axum::{
    Json,
    extract::{Path, State},
    response::Response,
};
use serde_json::{Value, json};

use super::{
    request::{Read, Write, app_name},
    state::Snapshot,
    tracks::run,
};
use crate::{
    control::{
        commands::{
            command::{CommandOptions, unknown_app},
            naming::Named,
        },
        shared::{
            core::Core,
            error::{ApiError, Kind},
        },
    },
    rollout::{app::AppName, command::Command, release::ReleaseId},
};

/// App, release and address as the path has them.
type Parts = Path<(String, String, String)>;

/// `PUT .../releases/{release}/endpoints/{endpoint}/drain`
pub async fn drain(
    State(core): State<Core>,
    Path(parts): Parts,
    mut call: Write,
) -> Result<Response, ApiError> {
    let (app, release, address) = named(&core, parts).await?;
    let seconds = call.fields.number("seconds")?;
    let force = call.fields.flag("force")?.unwrap_or(false);
    let command = Command::DrainEndpoint { release, address, seconds };
    run(&core, &app, command, call, CommandOptions { force, endpoints: None }).await
}

/// `DELETE .../releases/{release}/endpoints/{endpoint}/drain`
pub async fn undrain(
    State(core): State<Core>,
    Path(parts): Parts,
    call: Write,
) -> Result<Response, ApiError> {
    let (app, release, address) = named(&core, parts).await?;
    run(&core, &app, Command::UndrainEndpoint { release, address }, call, CommandOptions::default()).await
}

/// `GET .../releases/{release}/endpoints/{endpoint}/drain`: what is left there, also once it is in no release.
pub async fn read(State(core): State<Core>, Path(parts): Parts, call: Read) -> Result<Json<Value>, ApiError> {
    call.query.finish()?;
    let (app, release, address) = named(&core, parts).await?;
    let snapshot = Snapshot::of(&core);
    if snapshot.seq(&app).is_none() {
        return Err(unknown_app(&app));
    }
    let found = snapshot.endpoint_of(&app, &release, address).ok_or_else(|| {
        let message = format!("`{release}` has no endpoint `{address}`, and had none lately");
        ApiError::new(Kind::NotFound, message).field("endpoint")
    })?;
    Ok(Json(json!(found)))
}

async fn named(
    core: &Core,
    (app, release, address): (String, String, String),
) -> Result<(AppName, ReleaseId, SocketAddr), ApiError> {
    let app = app_name(&app)?;
    let address = address.parse().map_err(|_| {
        let message = "an endpoint is `ip:port`, such as 10.0.0.9:3000 or [fd00::9]:3000";
        ApiError::new(Kind::Malformed, message).field("endpoint")
    })?;
    let release = Named::plain("release", release).resolve(core, &app).await?;
    Ok((app, release, address))
}
