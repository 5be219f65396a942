//! The calls that are commands: candidate, stable, blend, sticky, lock, promote, abort, rollback, drain.

use std::net::SocketAddr;

use axum::{
    extract::{Path, State},
    response::Response,
};
use serde_json::Value;

use super::{
    answer::answer,
    body::Fields,
    request::{Write, app_name},
};
use crate::{
    control::{
        commands::{
            command::{CommandOptions, execute},
            naming::Named,
            stored::StoredApp,
        },
        limits::ENDPOINTS_PER_CALL_MAX,
        shared::{
            core::Core,
            error::{ApiError, Kind},
        },
    },
    rollout::{app::AppName, command::Command, record::Tenure, release::ReleaseId},
};

/// No release has it: tenures begin with 1.
const NOBODYS: Tenure = 0;

type Answer = Result<Response, ApiError>;

/// `PUT .../candidate`
pub async fn set_candidate(State(core): State<Core>, Path(app): Path<String>, mut call: Write) -> Answer {
    let app = app_name(&app)?;
    let (release, endpoints) = take_release(&core, &app, &mut call.fields).await?;
    let blend = call.fields.blend("blend")?;
    let replace = named(&core, &app, &mut call.fields, "replace").await?;
    let given = given(&release, endpoints, false);
    run(&core, &app, Command::SetCandidate { release, blend, replace }, call, given).await
}

/// `PUT .../stable`
pub async fn set_stable(State(core): State<Core>, Path(app): Path<String>, mut call: Write) -> Answer {
    let app = app_name(&app)?;
    let (release, endpoints) = take_release(&core, &app, &mut call.fields).await?;
    let force = call.fields.flag("force")?.unwrap_or(false);
    let given = given(&release, endpoints, force);
    run(&core, &app, Command::SetStable { release }, call, given).await
}

/// `PUT .../blend`
pub async fn set_blend(State(core): State<Core>, Path(app): Path<String>, mut call: Write) -> Answer {
    let app = app_name(&app)?;
    let blend = call.fields.blend("percent")?.ok_or_else(|| missing("percent", "a number from 0 to 100"))?;
    let release = named(&core, &app, &mut call.fields, "release").await?;
    run(&core, &app, Command::SetBlend { blend, release }, call, CommandOptions::default()).await
}

/// `PUT .../sticky`
pub async fn set_sticky(State(core): State<Core>, Path(app): Path<String>, mut call: Write) -> Answer {
    let app = app_name(&app)?;
    let sticky = call.fields.flag("sticky")?.ok_or_else(|| missing("sticky", "true or false"))?;
    run(&core, &app, Command::SetSticky { sticky }, call, CommandOptions::default()).await
}

/// `POST .../promote`
pub async fn promote(State(core): State<Core>, Path(app): Path<String>, mut call: Write) -> Answer {
    let app = app_name(&app)?;
    let release = named(&core, &app, &mut call.fields, "release").await?;
    let force = call.fields.flag("force")?.unwrap_or(false);
    run(&core, &app, Command::Promote { release }, call, CommandOptions { force, endpoints: None }).await
}

/// `POST .../abort` and `DELETE .../candidate`
pub async fn abort(State(core): State<Core>, Path(app): Path<String>, mut call: Write) -> Answer {
    let app = app_name(&app)?;
    let release = named(&core, &app, &mut call.fields, "release").await?;
    run(&core, &app, Command::Abort { release }, call, CommandOptions::default()).await
}

/// `POST .../rollback`
pub async fn rollback(State(core): State<Core>, Path(app): Path<String>, mut call: Write) -> Answer {
    let app = app_name(&app)?;
    let to = named(&core, &app, &mut call.fields, "to").await?;
    let force = call.fields.flag("force")?.unwrap_or(false);
    run(&core, &app, Command::Rollback { to }, call, CommandOptions { force, endpoints: None }).await
}

/// `PUT .../lock`
pub async fn lock(State(core): State<Core>, Path(app): Path<String>, mut call: Write) -> Answer {
    let app = app_name(&app)?;
    let mut asker = call.asker(&core)?;
    let reason = std::mem::take(&mut asker.reason);
    if reason.is_empty() {
        return Err(missing("reason", "whoever meets the lock wants to know why"));
    }
    let until = call.fields.number("until")?;
    if let Some(past) = until.filter(|until| *until <= asker.at) {
        let message = format!("{past} is not a time to come, in ms since 1970; now is {}", asker.at);
        return Err(ApiError::value("until", message));
    }
    asker.reason.clone_from(&reason);
    let query = call.finish()?;
    let command = Command::Lock { reason, until };
    let executed = execute(&core, &app, &command, &asker, &CommandOptions::default()).await?;
    Ok(answer(&core, &app, executed, &query).await)
}

/// `DELETE .../lock`
pub async fn unlock(State(core): State<Core>, Path(app): Path<String>, call: Write) -> Answer {
    let app = app_name(&app)?;
    run(&core, &app, Command::Unlock, call, CommandOptions::default()).await
}

/// `DELETE .../draining`
pub async fn finish_drains(State(core): State<Core>, Path(app): Path<String>, call: Write) -> Answer {
    let app = app_name(&app)?;
    let command = Command::FinishDrain { tenure: None, automatic: false };
    run(&core, &app, command, call, CommandOptions::default()).await
}

/// `DELETE .../draining/{tenure}`
pub async fn finish_drain(
    State(core): State<Core>,
    Path((app, tenure)): Path<(String, String)>,
    call: Write,
) -> Answer {
    let app = app_name(&app)?;
    let tenure = tenure.parse().map_err(|_| {
        ApiError::new(Kind::Malformed, "a tenure is a whole number, as in the app's state").field("tenure")
    })?;
    let command = Command::FinishDrain { tenure: Some(tenure), automatic: false };
    run(&core, &app, command, call, CommandOptions::default()).await
}

/// `POST .../drain/finish`: of a release, of a tenure, or of all.
pub async fn finish_named(State(core): State<Core>, Path(app): Path<String>, mut call: Write) -> Answer {
    let app = app_name(&app)?;
    let tenure = call.fields.number("tenure")?.map(u32::try_from).transpose();
    let tenure = tenure.map_err(|_| ApiError::value("tenure", "a tenure is at most 4294967295"))?;
    let tenure = match (tenure, named(&core, &app, &mut call.fields, "release").await?) {
        (Some(_), Some(_)) => return Err(ApiError::value("tenure", "send either `tenure` or `release`")),
        (tenure, None) => tenure,
        (None, Some(release)) => Some(draining_tenure(&core, &app, &release).await?),
    };
    let command = Command::FinishDrain { tenure, automatic: false };
    run(&core, &app, command, call, CommandOptions::default()).await
}

/// The tenure in which a release drains; that of nobody if it has ceased to.
async fn draining_tenure(core: &Core, app: &AppName, release: &ReleaseId) -> Result<Tenure, ApiError> {
    let record = StoredApp::read(core, app).await?.record;
    let routed = record.iter().flat_map(|record| record.routed()).find(|(routed, _)| *routed == release);
    Ok(routed.map_or(NOBODYS, |(_, tenure)| tenure))
}

pub(super) async fn run(
    core: &Core,
    app: &AppName,
    command: Command,
    mut call: Write,
    given: CommandOptions,
) -> Answer {
    let asker = call.asker(core)?;
    let query = call.finish()?;
    let executed = execute(core, app, &command, &asker, &given).await?;
    Ok(answer(core, app, executed, &query).await)
}

fn given(release: &ReleaseId, endpoints: Vec<SocketAddr>, force: bool) -> CommandOptions {
    let endpoints = (!endpoints.is_empty()).then(|| (release.clone(), endpoints));
    CommandOptions { force, endpoints }
}

/// `id`, or `release` with optional `service` and `port`; and the endpoints to register.
async fn take_release(
    core: &Core,
    app: &AppName,
    fields: &mut Fields,
) -> Result<(ReleaseId, Vec<SocketAddr>), ApiError> {
    let id = fields.text("id")?;
    let release = fields.text("release")?;
    let service = fields.text("service")?;
    let port = fields.number("port")?.map(u16::try_from).transpose();
    let port = port.map_err(|_| ApiError::value("port", "a port is at most 65535"))?;
    let endpoints = take_endpoints(core, fields)?;
    let named = match (id, release) {
        (Some(id), None) if service.is_none() && port.is_none() => Named::plain("id", id),
        (None, Some(text)) => {
            Named { field: "release", text, service, port, registers: !endpoints.is_empty() }
        }
        (None, None) => return Err(missing("release", "`id` or `release` names the release")),
        _ => return Err(ApiError::value("id", "send either `id`, or `release` with `service` and `port`")),
    };
    Ok((named.resolve(core, app).await?, endpoints))
}

fn take_endpoints(core: &Core, fields: &mut Fields) -> Result<Vec<SocketAddr>, ApiError> {
    let list = match fields.take("endpoints") {
        None => return Ok(Vec::new()),
        Some(Value::Array(list)) => list,
        Some(_) => return Err(ApiError::value("endpoints", "a list of `ip:port` is expected")),
    };
    if list.len() > ENDPOINTS_PER_CALL_MAX {
        return Err(ApiError::value("endpoints", format!("at most {ENDPOINTS_PER_CALL_MAX} at once")));
    }
    let mut endpoints = Vec::new();
    for (index, value) in list.iter().enumerate() {
        let text = value.as_str().unwrap_or_default();
        let address = core.options.addresses.parse(text).map_err(|error| {
            ApiError::value(format!("endpoints[{index}]"), format!("`{}`: {error}", text.escape_debug()))
        })?;
        if !endpoints.contains(&address) {
            endpoints.push(address);
        }
    }
    Ok(endpoints)
}

/// A release named in a field, by full id or short name.
pub(super) async fn named(
    core: &Core,
    app: &AppName,
    fields: &mut Fields,
    field: &'static str,
) -> Result<Option<ReleaseId>, ApiError> {
    match fields.text(field)? {
        None => Ok(None),
        Some(text) => Named::plain(field, text).resolve(core, app).await.map(Some),
    }
}

pub(super) fn missing(field: &'static str, what: &str) -> ApiError {
    ApiError::value(field, format!("it is missing: {what}"))
}
