//! Raw writes to the four old keys: what an old script means by them is adopted in the commit that writes them
//! (docs/design.md section 4, raw rules).

use std::collections::BTreeSet;

use super::{
    adoption::{event_of, named_endpoints},
    command::CommandOutcome,
    commit::Plan,
    ownership::refuse_foreign_release,
    stored::StoredApp,
    transact::transact_app,
};
use crate::{
    control::shared::{core::Core, error::ApiError},
    rollout::{
        adopt::{self, OldKey},
        app::AppName,
        command::{Asker, Background},
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
) -> Result<CommandOutcome, ApiError> {
    transact_app(core, app, move |stored, _| async move { plan(core, &stored, key, value, asker).await })
        .await
}

async fn plan(
    core: &Core,
    stored: &StoredApp,
    key: OldKey,
    value: Option<&str>,
    asker: &Asker,
) -> Result<Plan<CommandOutcome>, ApiError> {
    let old = stored.old_keys();
    let written = old.clone().after_write(key, value.map(str::to_owned));
    let named = named_endpoints(core, &written, stored.record.as_ref()).await?;
    if let (OldKey::Stable | OldKey::Candidate, Some(value)) = (key, value)
        && let Ok(Some(release)) = ReleaseId::parse_nullable(value)
    {
        refuse_foreign_release(core, stored, &release).await?;
    }
    let count = |release: &ReleaseId| named.get(release).map_or(0, BTreeSet::len);
    let background = Background { endpoints: named.clone(), ..stored.background(core, false).await? };
    let record = stored.record.as_ref();
    let adopted = adopt::write(record, &old, (key, value), asker, &background, &count)?;
    let bytes = value.map(|value| value.as_bytes().to_vec());
    let writes = of_raw_write(&stored.name, key, bytes, record, &adopted);
    let event = event_of(&adopted);
    let commit = stored.commit(event, writes, Vec::new());
    let (seq, routed) = match event {
        Some(event) => (event.record.seq, None),
        None => (stored.seq(), Some(stored.routed())),
    };
    Ok(Plan::write(commit, move |revision| CommandOutcome {
        changed: routed.is_none(),
        created: false,
        revision,
        seq,
        routed: routed.unwrap_or(revision),
    }))
}
