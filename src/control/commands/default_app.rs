//! The default app, as an operator says it: where hosts lead that no app claims.

use keyvalues::{Revision, Write};

use super::{
    commit::{Commit, Plan},
    transact::transact,
};
use crate::{
    control::shared::{
        core::Core,
        entries::{as_read, own_key, text},
        error::{ApiError, Kind},
    },
    rollout::{app::AppName, keys},
};

/// Stores which app is the default; none: that none is. A router that was started with `--app` keeps to that.
pub async fn set_default(core: &Core, app: Option<&AppName>) -> Result<Revision, ApiError> {
    if let Some(named) = &core.options.default_app {
        let message = format!(
            "this router was started with `--app {named}`, which decides where unknown hosts lead; start it without to have \
             the store decide"
        );
        return Err(ApiError::new(Kind::Refused("set_by_flag"), message));
    }
    core.replica.require_known_store().await?;
    let key = &own_key(keys::DEFAULT_APP);
    let value = &app.map_or(keys::NO_DEFAULT, AppName::as_str).to_owned();
    transact(&core.store, "the default app", move |_| async move {
        let stored = core.store.get(key).await?;
        if let Some(entry) = stored.as_ref().filter(|entry| text(entry) == *value) {
            return Ok(Plan::Nothing(entry.modified));
        }
        let checks = vec![as_read(stored.as_ref(), keys::DEFAULT_APP)];
        let writes = vec![Write::put(key.clone(), value.clone())];
        Ok(Plan::write(Commit { checks, writes, proof: None }, |revision| revision))
    })
    .await
}
