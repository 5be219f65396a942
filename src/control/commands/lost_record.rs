//! A record that was deleted although nobody ordered it: it is written back from the app's newest event, or else refuses
//! commands; as does one that only a newer version can read.

use keyvalues::Write;
use serde_json::Value;

use super::{commit::Commit, stored::StoredApp};
use crate::{
    control::shared::{
        core::Core,
        entries::{encode, own_key},
        error::{ApiError, Kind},
    },
    rollout::{app::AppName, keys, record::HistoryEvent},
};

/// The commit that writes a lost record back; none without the event of the last seq that this router served. An older event is
/// no record of the app: it would be a return to what others have left behind.
pub async fn recovery_commit(core: &Core, stored: &StoredApp) -> Result<Option<Commit>, ApiError> {
    let app = &stored.name;
    let listing = core.store.list(&[&format!("rolling/{app}/events/")]).await?;
    let parsed = listing.entries.iter().rev().find_map(|entry| {
        let event = serde_json::from_slice::<HistoryEvent>(&entry.value).ok()?;
        event.record.fault().is_none().then_some((event.record, &entry.value))
    });
    let served = served_seq(core, app);
    let Some((record, event)) = parsed.filter(|(record, _)| record.seq >= served) else { return Ok(None) };
    // As text, since a newer version may say more in it.
    let told = serde_json::from_slice::<Value>(event).ok().map(|event| event["record"].clone());
    tracing::error!(%app, seq = record.seq, "the app's record was lost, and is written back from its newest event");
    let write =
        Write::put(own_key(&keys::record(app)), told.map_or_else(|| encode(&record), |told| encode(&told)));
    Ok(Some(Commit { checks: vec![stored.record_check()], writes: vec![write], proof: None }))
}

/// The seq that this router has read of an app; 0 if it has read none. What it aborted by itself is not read.
fn served_seq(core: &Core, app: &AppName) -> u64 {
    if let Some(abort) = core.replica.local_aborts.of(app) {
        return abort.seq;
    }
    let reading = core.replica.reading.load();
    let record = reading.apps.get(app).and_then(|known| known.record.as_ref());
    record.map_or(0, |record| record.seq)
}

/// The refusal of a command while the record is lost, and no event tells it.
pub fn record_lost(app: &AppName) -> ApiError {
    let message = format!(
        "the record of `{app}` was deleted in the store, and its history with it; its last good routes are served. \
         `rolling-router store restore` writes it back, `DELETE /api/v1/apps/{app}` removes the app"
    );
    ApiError::new(Kind::Refused("record_lost"), message)
}

/// The refusal of a command to a record that only a newer version can read.
pub fn record_unreadable(app: &AppName) -> ApiError {
    let message = format!(
        "the record of `{app}` was written by a newer version, and this router ({}) cannot read it: it serves what it read last; \
         give the command to a router of the newer version, or update this one; `DELETE /api/v1/apps/{app}?force=true` removes the app",
        env!("CARGO_PKG_VERSION")
    );
    ApiError::new(Kind::Refused("record_unreadable"), message)
}
