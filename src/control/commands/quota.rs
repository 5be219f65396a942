//! What a change may add: held to the quotas before it is committed.

use keyvalues::Write;

use crate::control::shared::{
    core::Core,
    error::ApiError,
    quota::{additions::Additions, full::Full, raw},
};

/// Admits apps, releases and endpoints that these writes add, or refuses them.
pub async fn admit(core: &Core, writes: &[Write]) -> Result<(), ApiError> {
    let additions = Additions::of(&core.replica.reading.load(), writes);
    if additions.is_empty() || take(core, &additions).is_ok() {
        return Ok(());
    }
    // What was registered before adds nothing.
    let additions = additions.without_stored(&core.store).await?;
    Ok(take(core, &additions)?)
}

fn take(core: &Core, additions: &Additions) -> Result<(), Full> {
    let reading = core.replica.reading.load();
    let now = core.clock.monotonic();
    core.quotas.expected.lock().take(&reading, &core.options.limits, additions, now)
}

/// Admits what these writes add to keys that mean nothing to the router, or refuses it.
pub async fn admit_raw(core: &Core, writes: &[Write]) -> Result<(), ApiError> {
    let puts = raw::puts(writes);
    if puts.is_empty() {
        return Ok(());
    }
    let (limits, now) = (&core.options.limits, core.clock.monotonic());
    core.quotas.raw.lock().await.admit(&core.store, limits, &puts, now).await
}
