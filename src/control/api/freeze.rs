//! The freeze windows of all apps; those of one app are a setting of it.

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
            error::ApiError,
        },
    },
    rollout::{
        command::Role,
        freeze::{self, FreezeWindow, WINDOWS_MAX},
        keys,
    },
    schema::freeze::{FreezeWindows, FreezeWindowsRequest},
};

/// `GET /api/v1/freeze-windows`
pub async fn read(State(core): State<Core>, call: Read) -> Result<Json<FreezeWindows>, ApiError> {
    call.query.finish()?;
    let reading = core.replica.reading.load();
    let windows = reading.freeze_windows.iter().map(|window| window.text().to_owned()).collect();
    Ok(Json(FreezeWindows { windows }))
}

/// `PUT /api/v1/freeze-windows`
pub async fn write(State(core): State<Core>, call: Write) -> Result<Json<FreezeWindows>, ApiError> {
    call.caller.needs(Role::Operator)?;
    let FreezeWindowsRequest { windows, reason } = call.read()?;
    check(&windows)?;
    let asker = call.asker(&core, reason)?;
    call.finish()?;
    core.replica.require_known_store().await?;
    let (revision, changed) = store(&core, &windows).await?;
    trail::note(|notes| notes.is_unchanged = !changed);
    tracing::info!(actor = ?asker.actor, reason = ?asker.reason, windows = windows.len(), "the freeze windows were set");
    core.replica.wait_for(revision, SERVED_WAIT_MAX).await;
    Ok(Json(FreezeWindows { windows }))
}

/// Stores them; the revision that holds them, and whether anything was written.
async fn store(core: &Core, windows: &[String]) -> Result<(Revision, bool), ApiError> {
    let key = &own_key(keys::FREEZE_WINDOWS);
    let value = &encode(&windows);
    transact(&core.store, "the freeze windows", move |_| async move {
        let stored = core.store.get(key).await?;
        if let Some(entry) = stored.as_ref().filter(|entry| entry.value[..] == value[..]) {
            return Ok(Plan::Nothing((entry.modified, false)));
        }
        let checks = vec![as_read(stored.as_ref(), keys::FREEZE_WINDOWS)];
        let writes = vec![StoreWrite::put(key.clone(), value.clone())];
        Ok(Plan::write(Commit { checks, writes, proof: None }, |revision| (revision, true)))
    })
    .await
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
