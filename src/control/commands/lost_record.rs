//! A record that was deleted although nobody ordered it: it is written back from the app's newest event, or else refuses
//! commands.

use keyvalues::Write;

use super::{commit::Commit, stored::StoredApp};
use crate::{
    control::shared::{
        core::Core,
        entries::{encode, own_key},
        error::{ApiError, Kind},
    },
    rollout::{app::AppName, keys, record::HistoryEvent},
};

/// The commit that writes a lost record back; none without an event.
pub async fn recovery_commit(core: &Core, stored: &StoredApp) -> Result<Option<Commit>, ApiError> {
    let app = &stored.name;
    let listing = core.store.list(&[&format!("rolling/{app}/events/")]).await?;
    let parsed = listing.entries.iter().rev().find_map(|entry| {
        serde_json::from_slice::<HistoryEvent>(&entry.value)
            .ok()
            .filter(|event| event.record.fault().is_none())
    });
    let Some(HistoryEvent { record, .. }) = parsed else { return Ok(None) };
    tracing::error!(%app, seq = record.seq, "the app's record was lost, and is written back from its newest event");
    let write = Write::put(own_key(&keys::record(app)), encode(&record));
    Ok(Some(Commit { checks: vec![stored.record_check()], writes: vec![write], proof: None }))
}

/// The refusal of a command while the record is lost, and no event tells it.
pub fn record_lost(app: &AppName) -> ApiError {
    let message = format!(
        "the record of `{app}` was deleted in the store, and its history with it; its last good routes are served. \
         `rolling-router store restore` writes it back, `DELETE /api/v1/apps/{app}` removes the app"
    );
    ApiError::new(Kind::Refused("record_lost"), message)
}
