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

/// Opens the store. A server that cannot be reached now is waited for, so that what was served last is served again.
pub async fn open_store(config: &Config) -> Result<Arc<dyn Store>, Error> {
    let url = config.store.url();
    match keyvalues::open(&url).await {
        Ok(store) => Ok(store),
        Err(OpenError::Store(StoreError::Unreachable(why))) => {
            tracing::warn!("the store {} cannot be reached and is waited for: {why}", config.store);
            let followed = config.state.as_ref().is_some_and(|state| state.join(FOLLOWED_FILE).exists());
            Ok(keyvalues::open_later(&url, !followed))
        }
        Err(OpenError::Store(StoreError::Corrupt(why))) => {
            tracing::error!(
                "the store's file is damaged, and what was served last is served: {why}; move the file away, then \
                 `rolling-router store restore`"
            );
            Ok(keyvalues::open_later(&url, true))
        }
        Err(error) => Err(error.into()),
    }
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
    Ok((keyvalues::open(&own.url()).await?, Some(store)))
}

/// The folder of the embedded store, so that a router without settings starts in an empty directory. One that is there
/// may be anybody's; the file in it is private.
pub fn make_folder(store: &StoreAddress) -> Result<(), Error> {
    let Some(folder) = store.folder().filter(|folder| !folder.is_dir()) else { return Ok(()) };
    let what = format!("the store's folder {} cannot be made", folder.display());
    make_private(folder).map_err(Error::io(what))
}
