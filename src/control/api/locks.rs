//! The calls about an app's lock, which holds `ci` tokens back.

use axum::extract::{Path, State};

use super::{
    request::{Write, app_name},
    tracks::{Answer, run},
};
use crate::{
    control::{
        commands::command::CommandOptions,
        shared::{core::Core, error::ApiError},
    },
    rollout::command::Command,
    schema::change::{LockRequest, ReasonRequest},
};

/// `PUT .../lock`
pub async fn lock(State(core): State<Core>, Path(app): Path<String>, call: Write) -> Answer {
    let app = app_name(&app)?;
    let LockRequest { reason, until } = call.read()?;
    let asker = call.asker(&core, Some(reason))?;
    let reason = asker.reason;
    if reason.is_empty() {
        let message = "the reason is empty; a lock needs one, which is shown to everyone whom it holds back";
        return Err(ApiError::value("reason", message));
    }
    if let Some(past) = until.filter(|until| *until <= asker.at) {
        let now = asker.at;
        let message = format!("{past} has passed; allowed is a later time than now, {now}, in ms since 1970");
        return Err(ApiError::value("until", message));
    }
    let command = Command::Lock { reason: reason.clone(), until };
    run(&core, &app, command, call, Some(reason), CommandOptions::default()).await
}

/// `DELETE .../lock`
pub async fn unlock(State(core): State<Core>, Path(app): Path<String>, call: Write) -> Answer {
    let app = app_name(&app)?;
    let ReasonRequest { reason } = call.read()?;
    run(&core, &app, Command::Unlock, call, reason, CommandOptions::default()).await
}
