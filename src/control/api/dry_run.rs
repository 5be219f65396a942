//! `POST .../who-moves`: which of the clients seen lately a command would move, before it is given.
//!
//! The command is decided and its table is built as if it were given; then it is dropped. So it is refused where the
//! command would be, and what the answer says comes from the code that then does it.

use axum::{
    Json,
    extract::{Path, State},
};

use super::{
    request::{Question, app_name},
    tracks::find_release,
};
use crate::{
    control::{
        commands::dry_run::dry_run,
        shared::{core::Core, error::ApiError},
    },
    rollout::{app::AppName, command::Command},
    schema::dry_run::{DryRun, DryRunCommand, DryRunRequest},
};

/// `POST .../who-moves`
pub async fn ask(
    State(core): State<Core>,
    Path(app): Path<String>,
    call: Question,
) -> Result<Json<DryRun>, ApiError> {
    let app = app_name(&app)?;
    let request: DryRunRequest = call.read()?;
    let force = request.force == Some(true);
    let command = command(&core, &app, request).await?;
    let asker = call.asker(&core);
    call.query.finish()?;
    Ok(Json(dry_run(&core, &app, &command, &asker, force).await?))
}

async fn command(core: &Core, app: &AppName, request: DryRunRequest) -> Result<Command, ApiError> {
    let DryRunRequest { command, percent, release, to, .. } = request;
    let (takes_percent, takes_to) = (command == DryRunCommand::Blend, command == DryRunCommand::Rollback);
    let foreign = [
        ("percent", percent.is_some() && !takes_percent),
        ("release", release.is_some() && takes_to),
        ("to", to.is_some() && !takes_to),
    ];
    if let Some((field, _)) = foreign.into_iter().find(|(_, is_foreign)| *is_foreign) {
        return Err(ApiError::value(field, format!("this command has no field `{field}`")));
    }
    let release = find_release(core, app, "release", release).await?;
    Ok(match (command, percent) {
        (DryRunCommand::Blend, Some(blend)) => Command::SetBlend { blend, release },
        (DryRunCommand::Blend, None) => {
            let message =
                "`percent` is missing; allowed is a percentage from 0 to 100 with at most two decimals";
            return Err(ApiError::value("percent", message));
        }
        (DryRunCommand::Promote, _) => Command::Promote { release },
        (DryRunCommand::Abort, _) => Command::Abort { release },
        (DryRunCommand::Rollback, _) => Command::Rollback { to: find_release(core, app, "to", to).await? },
    })
}
