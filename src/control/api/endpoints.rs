//! The calls about single endpoints: one that is to be stopped drains first.

use axum::{
    Json,
    extract::{Path, State},
};

use super::{
    request::{Read, Write, app_name},
    snapshot::Snapshot,
    tracks::{Answer, forced, run},
};
use crate::{
    control::{
        commands::{
            command::{CommandOptions, unknown_app},
            release_name::ReleaseName,
        },
        shared::{
            core::Core,
            error::{ApiError, Kind},
        },
    },
    rollout::{address::Address, app::AppName, command::Command, release::ReleaseId},
    schema::{
        change::ReasonRequest,
        endpoint::{EndpointDrainRequest, EndpointState},
    },
};

/// App, release and address as the path has them.
type Parts = Path<(String, String, String)>;

/// `PUT .../releases/{release}/endpoints/{endpoint}/drain`
pub async fn drain(State(core): State<Core>, Path(parts): Parts, call: Write) -> Answer {
    let (app, release, address) = resolve(&core, parts).await?;
    let EndpointDrainRequest { seconds, force, reason } = call.read()?;
    let command = Command::DrainEndpoint { release, address, seconds, softly: false };
    run(&core, &app, command, call, reason, forced(force)).await
}

/// `DELETE .../releases/{release}/endpoints/{endpoint}/drain`
pub async fn undrain(State(core): State<Core>, Path(parts): Parts, call: Write) -> Answer {
    let (app, release, address) = resolve(&core, parts).await?;
    let ReasonRequest { reason } = call.read()?;
    let command = Command::UndrainEndpoint { release, address };
    run(&core, &app, command, call, reason, CommandOptions::default()).await
}

/// `GET .../releases/{release}/endpoints/{endpoint}/drain`: what is left there, also once it is in no release.
pub async fn read(
    State(core): State<Core>,
    Path(parts): Parts,
    call: Read,
) -> Result<Json<EndpointState>, ApiError> {
    call.query.finish()?;
    let (app, release, address) = resolve(&core, parts).await?;
    let snapshot = Snapshot::of(&core);
    if snapshot.seq(&app).is_none() {
        return Err(unknown_app(&app));
    }
    let found = snapshot.endpoint_of(&app, &release, address).ok_or_else(|| {
        let message = format!("`{release}` has no endpoint `{address}`, and had none lately");
        ApiError::new(Kind::NotFound, message).field("endpoint")
    })?;
    Ok(Json(found))
}

/// What the path names.
async fn resolve(
    core: &Core,
    (app, release, address): (String, String, String),
) -> Result<(AppName, ReleaseId, Address), ApiError> {
    let app = app_name(&app)?;
    let address = address.parse().map_err(|_| {
        let shown = address.escape_debug();
        let message = format!(
            "the endpoint is `{shown}`; what drains is an address, `ip:port` or `unix:/path`, such as 10.0.0.9:3000 or [fd00::9]:3000: \
             one of those that a name stands for, too"
        );
        ApiError::new(Kind::Malformed, message).field("endpoint")
    })?;
    let release = ReleaseName::new("release", release).resolve(core, &app).await?;
    Ok((app, release, address))
}
