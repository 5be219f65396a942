//! Whether anybody knows a release: a record or its history names it, or somebody registered endpoints for it.

use super::{ownership::is_in_history, stored::StoredApp};
use crate::{
    control::shared::{core::Core, error::ApiError},
    limits::EVENTS_MAX,
    rollout::{app::AppName, keys, release::ReleaseId},
};

/// Whether a release is known to an app, by what the store holds now.
pub async fn is_known(core: &Core, app: &AppName, release: &ReleaseId) -> Result<bool, ApiError> {
    let reading = core.replica.reading.load_full();
    let record = reading.apps.get(app).and_then(|known| known.record.as_ref());
    if reading.endpoints(release) > 0 || record.is_some_and(|record| record.names(release)) {
        return Ok(true);
    }
    let stored = StoredApp::read(core, app).await?;
    if stored.record.as_ref().is_some_and(|record| record.names(release)) {
        return Ok(true);
    }
    // The count stays where the endpoints are gone.
    let keys = core.store.list(&[&format!("{release}/"), &keys::endpoint_set(release)]).await?;
    if !keys.entries.is_empty() {
        return Ok(true);
    }
    is_in_history(core, app, stored.seq(), release, EVENTS_MAX).await
}
