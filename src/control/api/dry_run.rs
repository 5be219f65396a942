//! `POST .../who-moves`: which of the clients seen lately a command would move, before it is given.
//!
//! The command is decided and its table is built as if it were given; then it is dropped. So it is refused where the
//! command would be, and what it says comes from the code that then does it.

use axum::{
    Json,
    extract::{Path, State},
    response::{IntoResponse as _, Response},
};

use super::{
    request::{Question, app_name},
    tracks::{missing, named},
};
use crate::{
    control::{
        commands::dry_run::dry_run as run,
        shared::{core::Core, error::ApiError},
    },
    rollout::{app::AppName, command::Command},
};

/// `POST .../who-moves`
pub async fn dry_run(
    State(core): State<Core>,
    Path(app): Path<String>,
    mut call: Question,
) -> Result<Response, ApiError> {
    let app = app_name(&app)?;
    let command = command(&core, &app, &mut call).await?;
    let force = call.fields.flag("force")?.unwrap_or(false);
    let asker = call.asker(&core);
    call.finish()?;
    Ok(Json(run(&core, &app, &command, &asker, force).await?).into_response())
}

async fn command(core: &Core, app: &AppName, call: &mut Question) -> Result<Command, ApiError> {
    let allowed = "`blend`, `promote`, `abort` or `rollback`";
    let word = call.fields.text("command")?.ok_or_else(|| missing("command", allowed))?;
    Ok(match word.as_str() {
        "blend" => {
            let blend = call.fields.blend("percent")?;
            let blend = blend.ok_or_else(|| missing("percent", "a number from 0 to 100"))?;
            Command::SetBlend { blend, release: named(core, app, &mut call.fields, "release").await? }
        }
        "promote" => Command::Promote { release: named(core, app, &mut call.fields, "release").await? },
        "abort" => Command::Abort { release: named(core, app, &mut call.fields, "release").await? },
        "rollback" => Command::Rollback { to: named(core, app, &mut call.fields, "to").await? },
        _ => {
            let message = format!("`{}` is not among {allowed}", word.escape_debug());
            return Err(ApiError::value("command", message));
        }
    })
}
