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

/// A year: who means longer sends none.
const LOCK_SECONDS_MAX: u64 = 365 * 86_400;

/// `PUT .../lock`
pub async fn lock(State(core): State<Core>, Path(app): Path<String>, call: Write) -> Answer {
    let app = app_name(&app)?;
    let LockRequest { reason, until, seconds } = call.read()?;
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
    let until = match seconds {
        Some(seconds) => Some(end_after(seconds, until, asker.at)?),
        None => until,
    };
    let command = Command::Lock { reason: reason.clone(), until };
    run(&core, &app, command, call, Some(reason), CommandOptions::default()).await
}

/// The end of a lock of so many seconds, by this router's clock: the caller's may be another.
fn end_after(seconds: u64, until: Option<u64>, now: u64) -> Result<u64, ApiError> {
    if until.is_some() {
        let message = "both `until` and `seconds` are sent; allowed is one of them";
        return Err(ApiError::value("seconds", message));
    }
    if !(1..=LOCK_SECONDS_MAX).contains(&seconds) {
        let message = format!("{seconds} is not a whole number of seconds from 1 to {LOCK_SECONDS_MAX}");
        return Err(ApiError::value("seconds", message));
    }
    Ok(now.saturating_add(seconds * 1_000))
}

/// `DELETE .../lock`
pub async fn unlock(State(core): State<Core>, Path(app): Path<String>, call: Write) -> Answer {
    let app = app_name(&app)?;
    let ReasonRequest { reason } = call.read()?;
    run(&core, &app, Command::Unlock, call, reason, CommandOptions::default()).await
}
