//! Raw writes to the four old keys: what an old script means by them is adopted in the commit that writes them
//! (docs/design.md section 4, raw rules).

use super::{
    adoption::{event_of, named_endpoints},
    command::Executed,
    commit::{Committed, commit_planned},
    stored::StoredApp,
};
use crate::{
    control::{
        limits::COMMAND_REPEATS_MAX,
        shared::{
            core::Core,
            error::{ApiError, Kind},
        },
    },
    rollout::{
        adopt::{self, OldKey},
        app::AppName,
        command::Asker,
        commit::of_raw_write,
        release::ReleaseId,
    },
};

/// Writes one old key (`None`: deletes it) and adopts what that means. A deleted key is written back from the
/// record, so deleting one only undoes a value that waits or is at fault.
pub async fn write_old_key(
    core: &Core,
    app: &AppName,
    key: OldKey,
    value: Option<&str>,
    asker: &Asker,
) -> Result<Executed, ApiError> {
    core.replica.refuse_when_diverged()?;
    let _turn = core.app_locks.lock(app).await;
    for _ in 0..=COMMAND_REPEATS_MAX {
        let stored = StoredApp::read(core, app).await?;
        if let Some(executed) = attempt(core, &stored, key, value, asker).await? {
            return Ok(executed);
        }
    }
    Err(ApiError::new(Kind::Contended, format!("the keys of `{app}` keep changing; try again")))
}

async fn attempt(
    core: &Core,
    stored: &StoredApp,
    key: OldKey,
    value: Option<&str>,
    asker: &Asker,
) -> Result<Option<Executed>, ApiError> {
    let old = stored.old_keys();
    let counts = named_endpoints(core, &old.clone().after_write(key, value.map(str::to_owned))).await?;
    let background = stored.background(core, false).await?;
    let endpoints = |release: &ReleaseId| counts.get(release).copied().unwrap_or(0);
    let record = stored.record.as_ref();
    let adopted = adopt::write(record, &old, (key, value), asker, &background, &endpoints)?;
    let bytes = value.map(|value| value.as_bytes().to_vec());
    let plan = of_raw_write(&stored.name, key, bytes, record, &adopted);
    let event = event_of(&adopted);
    let committed = commit_planned(core, stored, event, plan, Vec::new()).await?;
    let Committed::Done(revision) = committed else { return Ok(None) };
    let (seq, routed) = match event {
        Some(event) => (event.record.seq, revision),
        None => (stored.seq(), stored.routed()),
    };
    Ok(Some(Executed { changed: event.is_some(), revision, seq, routed }))
}
