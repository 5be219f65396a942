//! The lock: the one that operators set, and the one that a pipeline takes for itself.

use std::time::Duration;

use axum::extract::{Path, State};
use tokio::time::sleep;

use super::{
    answer::answer,
    request::{Write, app_name},
    tracks::{Answer, run},
};
use crate::{
    control::{
        commands::{
            command::{CommandOptions, CommandOutcome, execute},
            pipeline_lock::{self, Run},
        },
        limits::{FLEET_WAIT_MAX, LOCK_PLACE_KEPT, WAIT_PACE},
        shared::{
            core::Core,
            error::{ApiError, Kind},
        },
    },
    rollout::{
        app::AppName,
        command::{Asker, Command, Role},
    },
    schema::change::{LockRequest, UnlockRequest},
};

/// A year: who means longer sends none.
const LOCK_SECONDS_MAX: u64 = 365 * 86_400;

/// `PUT .../lock`
pub async fn lock(State(core): State<Core>, Path(app): Path<String>, call: Write) -> Answer {
    let app = app_name(&app)?;
    let LockRequest { reason, until, seconds, holder, wait } = call.read()?;
    let asker = call.asker(&core, Some(reason))?;
    let reason = asker.reason.clone();
    if reason.is_empty() {
        let message = "the reason is empty; a lock needs one, which is shown to everyone whom it holds back";
        return Err(ApiError::value("reason", message));
    }
    let end = End::of(asker.at, until, seconds)?;
    let has_end = !matches!(end, End::Never);
    if holder.is_some() || asker.role <= Role::Ci && has_end {
        let holder = holder.unwrap_or_else(|| asker.actor.clone());
        let wait = Duration::from_secs(wait.unwrap_or(0)).min(FLEET_WAIT_MAX);
        let query = call.finish()?;
        let executed = take(&core, &app, asker, &holder, (end, wait)).await?;
        return Ok(answer(&core, &app, executed, &query).await);
    }
    if asker.role <= Role::Ci {
        let message =
            "a `ci` token may lock only with an end; send `seconds`, and renew the lock while you need it";
        return Err(ApiError::new(Kind::Forbidden, message).field("until"));
    }
    if wait.is_some() {
        return Err(ApiError::value("wait", "only a lock of a `holder` is waited for"));
    }
    let command = Command::Lock { reason: reason.clone(), until: end.at(asker.at) };
    run(&core, &app, command, call, Some(reason), CommandOptions::default()).await
}

/// `DELETE .../lock`
pub async fn unlock(State(core): State<Core>, Path(app): Path<String>, call: Write) -> Answer {
    let app = app_name(&app)?;
    let UnlockRequest { holder, reason } = call.read()?;
    let asker = call.asker(&core, reason)?;
    let query = call.finish()?;
    let ended = pipeline_lock::give_back(&core, &app, &asker, holder.as_deref()).await?;
    let executed = match ended {
        Some(executed) if holder.is_some() || asker.role <= Role::Ci => executed,
        None if holder.is_some() => {
            let message = "the run that is named has no lock; it may have ended by itself";
            return Err(ApiError::new(Kind::NotFound, message).field("holder"));
        }
        // An operator who names no run ends whatever stands.
        ended => {
            let options = CommandOptions::default();
            let executed = execute(&core, &app, &Command::Unlock, &asker, &options).await?;
            let revision = ended.map_or(executed.revision, |ended| ended.revision.max(executed.revision));
            CommandOutcome { changed: executed.changed || ended.is_some(), revision, ..executed }
        }
    };
    Ok(answer(&core, &app, executed, &query).await)
}

/// When a lock ends.
#[derive(Debug, Clone, Copy)]
enum End {
    Never,
    At(u64),
    /// So many ms after it is taken.
    After(u64),
}

impl End {
    fn of(now: u64, until: Option<u64>, seconds: Option<u64>) -> Result<Self, ApiError> {
        match (until, seconds) {
            (None, None) => Ok(Self::Never),
            (Some(_), Some(_)) => {
                let message = "both `until` and `seconds` are sent; allowed is one of them";
                Err(ApiError::value("seconds", message))
            }
            (None, Some(seconds)) if !(1..=LOCK_SECONDS_MAX).contains(&seconds) => {
                let message =
                    format!("{seconds} is not a whole number of seconds from 1 to {LOCK_SECONDS_MAX}");
                Err(ApiError::value("seconds", message))
            }
            (None, Some(seconds)) => Ok(Self::After(seconds * 1_000)),
            (Some(past), None) if past <= now => {
                let message =
                    format!("{past} has passed; allowed is a later time than now, {now}, in ms since 1970");
                Err(ApiError::value("until", message))
            }
            (Some(until), None) => Ok(Self::At(until)),
        }
    }

    fn at(self, now: u64) -> Option<u64> {
        match self {
            Self::Never => None,
            Self::At(until) => Some(until),
            Self::After(ms) => Some(now.saturating_add(ms)),
        }
    }
}

/// Takes a pipeline's lock, as soon as it is free.
async fn take(
    core: &Core,
    app: &AppName,
    asker: Asker,
    holder: &str,
    (end, wait): (End, Duration),
) -> Result<CommandOutcome, ApiError> {
    let begun = core.clock.monotonic();
    let left = || wait.saturating_sub(core.clock.monotonic().saturating_sub(begun));
    let place = u64::try_from((wait + LOCK_PLACE_KEPT).as_millis()).unwrap_or(u64::MAX);
    let waits_until = (!wait.is_zero()).then(|| core.clock.wall_ms().saturating_add(place));
    loop {
        let asker = Asker { at: core.clock.wall_ms(), ..asker.clone() };
        let until = end.at(asker.at).unwrap_or(asker.at);
        match pipeline_lock::take(core, app, &asker, Run { holder, until, waits_until }).await {
            Err(error) if error.kind() == Kind::Locked && !left().is_zero() => {
                until_free(core, app, (&asker.actor, holder), left()).await;
            }
            outcome => return outcome,
        }
    }
}

/// Waits until this router has read that the lock is free for this run of a token, or the time has passed.
async fn until_free(core: &Core, app: &AppName, (by, holder): (&str, &str), time: Duration) {
    let begun = core.clock.monotonic();
    let is_free = || {
        let (reading, now) = (core.replica.reading.load(), core.clock.wall_ms());
        reading.apps.get(app).is_none_or(|app| {
            let is_locked = app.record.as_ref().is_some_and(|record| record.lock_at(now).is_some());
            !is_locked && app.pipeline_lock.is_free_for(by, holder, now)
        })
    };
    sleep(WAIT_PACE).await;
    while !is_free() && core.clock.monotonic().saturating_sub(begun) < time {
        sleep(WAIT_PACE).await;
    }
}
