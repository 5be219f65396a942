//! The store that the router works on: opened, waited for or followed.

use std::sync::Arc;

use keyvalues::{OpenError, Store, StoreError};

use super::error::Error;
use crate::{
    config::{Config, StoreAddress},
    control::make_private,
};

/// What the router makes of a followed server's keys.
const FOLLOWED_FILE: &str = "followed.redb";

/// Opens the store. One that cannot be used now is waited for, so that what was served last is served again.
pub async fn open_store(config: &Config) -> Result<Arc<dyn Store>, Error> {
    let followed = config.state.as_ref().is_some_and(|state| state.join(FOLLOWED_FILE).exists());
    open_or_wait(config, &config.store, !followed).await
}

/// Opens a store, or waits for it where its answer is an outage. `commits` says whether it is one that can be commanded, as
/// long as it does not say so itself.
async fn open_or_wait(config: &Config, store: &StoreAddress, commits: bool) -> Result<Arc<dyn Store>, Error> {
    let url = store.url();
    match keyvalues::open(&url).await {
        Ok(store) => return Ok(store),
        Err(OpenError::Store(error)) if is_outage(&error, config.served_before()) => match error {
            StoreError::Corrupt(why) => tracing::error!(
                "the file of the store {store} is damaged, and what was served last is served: {why}; move the file away, \
                 then `rolling-router store restore`"
            ),
            error => tracing::warn!(
                "the store {store} cannot be used now and is tried again; what was served last is served: {error}"
            ),
        },
        Err(OpenError::File(why)) if config.served_before() => tracing::warn!(
            "the store {store} cannot be used now and is tried again; what was served last is served: {why}"
        ),
        Err(error) => return Err(error.into()),
    }
    // A damaged or silent file is opened as what it was before.
    Ok(keyvalues::open_later(&url, commits || matches!(store, StoreAddress::Embedded(_))))
}

/// Whether the answer of a store is an outage. Whoever served before goes on, whatever the store says; without that an
/// answer that time will not change says that the configuration is wrong.
fn is_outage(error: &StoreError, served_before: bool) -> bool {
    served_before || matches!(error, StoreError::Unreachable(_) | StoreError::Corrupt(_))
}

/// A server without commits is followed: what the router makes of its keys is kept in a store of its own, in the state
/// directory. Gives the store to work on, and the one to follow.
pub async fn own_store(
    config: &Config,
    store: Arc<dyn Store>,
) -> Result<(Arc<dyn Store>, Option<Arc<dyn Store>>), Error> {
    if store.capabilities().atomic_commit {
        return Ok((store, None));
    }
    let own = match &config.state {
        Some(state) => {
            let what = format!("the state directory {} cannot be made", state.display());
            make_private(state).map_err(Error::io(what))?;
            StoreAddress::Embedded(state.join(FOLLOWED_FILE))
        }
        None => StoreAddress::Memory,
    };
    Ok((open_or_wait(config, &own, true).await?, Some(store)))
}

/// The folder of the embedded store, so that a router without settings starts in an empty directory. One that is there
/// may be anybody's; the file in it is private.
pub fn make_folder(store: &StoreAddress) -> Result<(), Error> {
    let Some(folder) = store.folder().filter(|folder| !folder.is_dir()) else { return Ok(()) };
    let what = format!("the store's folder {} cannot be made", folder.display());
    make_private(folder).map_err(Error::io(what))
}
