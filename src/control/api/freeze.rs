//! The freeze windows of all apps; those of one app are a setting of it.

use std::sync::Arc;

use axum::{Json, extract::State};
use keyvalues::{Revision, Write as StoreWrite};

use super::request::{Read, Write};
use crate::{
    control::{
        commands::{
            commit::{Commit, Plan},
            transact::transact,
        },
        limits::SERVED_WAIT_MAX,
        shared::{
            audit::trail,
            core::Core,
            entries::{as_read, encode, own_key},
            error::{ApiError, Kind},
            hooks::{event::EventKind, message::Message},
        },
    },
    rollout::{
        command::{Asker, Role},
        freeze::{self, FreezeWindow, WINDOWS_MAX},
        keys,
    },
    schema::freeze::{FreezeWindows, FreezeWindowsRequest},
};

/// `GET /api/v1/freeze-windows`
pub async fn read(State(core): State<Core>, call: Read) -> Result<Json<FreezeWindows>, ApiError> {
    call.query.finish()?;
    let stored = core.store.get(&own_key(keys::FREEZE_WINDOWS)).await?;
    let last_good = || Arc::clone(&core.replica.reading.load().freeze_windows);
    let parsed = stored.as_ref().map(|entry| freeze::parse_list(&entry.value));
    let windows = parsed.map_or_else(Arc::default, |read| read.map_or_else(|_| last_good(), Arc::new));
    let windows = windows.iter().map(|window| window.text().to_owned()).collect();
    Ok(Json(FreezeWindows { windows, version: stored.map_or(0, |entry| entry.modified) }))
}

/// `PUT /api/v1/freeze-windows`
pub async fn write(State(core): State<Core>, call: Write) -> Result<Json<FreezeWindows>, ApiError> {
    call.caller.needs(Role::Operator)?;
    let FreezeWindowsRequest { windows, reason } = call.read()?;
    check(&windows)?;
    let asker = call.asker(&core, reason)?;
    call.finish()?;
    core.replica.require_known_store().await?;
    let (version, changed) = store(&core, &windows, asker.if_match).await?;
    trail::note(|notes| notes.is_unchanged = !changed);
    if changed {
        tracing::info!(actor = ?asker.actor, reason = ?asker.reason, windows = windows.len(), "the freeze windows were set");
        core.hooks.queue_notice(notice(&asker, &windows));
    }
    core.replica.wait_for(version, SERVED_WAIT_MAX).await;
    Ok(Json(FreezeWindows { windows, version }))
}

/// Stores them; the revision that holds them, and whether anything was written.
async fn store(core: &Core, windows: &[String], if_match: Option<u64>) -> Result<(Revision, bool), ApiError> {
    let key = &own_key(keys::FREEZE_WINDOWS);
    let value = &encode(&windows);
    transact(&core.store, "the freeze windows", move |_| async move {
        let stored = core.store.get(key).await?;
        let now = stored.as_ref().map_or(0, |entry| entry.modified);
        if let Some(seen) = if_match.filter(|seen| *seen != now) {
            let message = format!(
                "the freeze windows are at version {now}, but If-Match says {seen}: read them again, then repeat the change"
            );
            return Err(ApiError::new(Kind::Stale, message));
        }
        if stored.as_ref().is_some_and(|entry| entry.value[..] == value[..]) {
            return Ok(Plan::Nothing((now, false)));
        }
        let checks = vec![as_read(stored.as_ref(), keys::FREEZE_WINDOWS)];
        let writes = vec![StoreWrite::put(key.clone(), value.clone())];
        Ok(Plan::write(Commit { checks, writes, proof: None }, |revision| (revision, true)))
    })
    .await
}

/// What hooks are told.
fn notice(asker: &Asker, windows: &[String]) -> Message {
    let actor = &asker.actor;
    let mut text = match windows {
        [] => format!("{actor} ended the freeze windows of all apps"),
        windows => format!("{actor} set the freeze windows of all apps: {}", windows.join("; ")),
    };
    if !asker.reason.is_empty() {
        text = format!("{text} (“{}”)", asker.reason);
    }
    Message::notice(EventKind::FreezeWindows, None, text, asker.at, !windows.is_empty())
}

fn check(windows: &[String]) -> Result<(), ApiError> {
    if windows.len() > WINDOWS_MAX {
        let message = format!("there are {} windows; allowed are at most {WINDOWS_MAX}", windows.len());
        return Err(ApiError::value("windows", message));
    }
    match windows.iter().position(|line| FreezeWindow::parse(line).is_none()) {
        Some(index) => {
            let line = windows[index].escape_debug();
            Err(ApiError::value(format!("windows[{index}]"), format!("`{line}` is not {}", freeze::ALLOWED)))
        }
        None => Ok(()),
    }
}
