//! The calls that let requests of an app wait, answer them by a page, and let them go on.

use axum::extract::{Path, State};

use super::{
    request::{Write, app_name},
    tracks::{Answer, run},
};
use crate::{
    control::{commands::command::CommandOptions, shared::core::Core},
    rollout::{
        command::{Command, Role},
        halt::PAUSE_SECONDS,
    },
    schema::change::{PauseRequest, ReasonRequest, StopRequest},
};

/// `POST .../pause`
pub async fn pause(State(core): State<Core>, Path(app): Path<String>, call: Write) -> Answer {
    let app = app_name(&app)?;
    let PauseRequest { seconds, reason } = call.read()?;
    let command = Command::Pause { seconds: seconds.unwrap_or(PAUSE_SECONDS) };
    run(&core, &app, command, call, reason, CommandOptions::default()).await
}

/// `POST .../stop`
pub async fn stop(State(core): State<Core>, Path(app): Path<String>, call: Write) -> Answer {
    call.caller.needs(Role::Operator)?;
    let app = app_name(&app)?;
    let StopRequest { message, reason } = call.read()?;
    let command = Command::Stop { message: message.unwrap_or_default() };
    run(&core, &app, command, call, reason, CommandOptions::default()).await
}

/// `POST .../resume`
pub async fn resume(State(core): State<Core>, Path(app): Path<String>, call: Write) -> Answer {
    let app = app_name(&app)?;
    let ReasonRequest { reason } = call.read()?;
    run(&core, &app, Command::Resume, call, reason, CommandOptions::default()).await
}
