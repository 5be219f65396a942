//! A store on a server that does not answer yet: every use tries to open it, until one of them succeeds.
//!
//! So a router can start while its store is down, and serve its last good table.

use std::{fmt, sync::Arc, time::Duration};

use async_trait::async_trait;
use tokio::sync::OnceCell;

use crate::{
    contract::{
        Capabilities, Check, Durability, Entry, Epoch, Lease, Listing, Outcome, Revision, Store, StoreError,
        Watch, WatchMode, Write,
    },
    key::Key,
    open::open,
    open_error::OpenError,
};

/// What every server promises that can be commanded. A server that turns out to be one to be followed is refused.
const PROMISED: Capabilities = Capabilities {
    atomic_commit: true,
    lease: true,
    watch: WatchMode::Streamed,
    durability: Durability::Server,
};

/// The store of an address whose server does not answer now. The first use that finds the server opens it; until then every
/// use fails with [`StoreError::Unreachable`]. `commits` says whether the server must be one that can be commanded; a server
/// of the other kind is refused.
pub fn open_later(url: &str, commits: bool) -> Arc<dyn Store> {
    Arc::new(LazyStore::new(url, commits))
}

/// A store that is opened when its server answers.
struct LazyStore {
    url: String,
    store: OnceCell<Arc<dyn Store>>,
    /// Whether the server must turn out to be one that can be commanded.
    commits: bool,
}

impl LazyStore {
    fn new(url: &str, commits: bool) -> Self {
        Self { url: url.to_owned(), store: OnceCell::new(), commits }
    }

    async fn store(&self) -> Result<&Arc<dyn Store>, StoreError> {
        self.store.get_or_try_init(|| self.open()).await
    }

    async fn open(&self) -> Result<Arc<dyn Store>, StoreError> {
        let store = Box::pin(open(&self.url)).await.map_err(|error| match error {
            OpenError::Store(error) => error,
            error => StoreError::Unreachable(error.to_string()),
        })?;
        if store.capabilities().atomic_commit == self.commits {
            return Ok(store);
        }
        let text = "the server is of another kind than before: start this process again";
        Err(StoreError::Unreachable(text.into()))
    }
}

#[async_trait]
impl Store for LazyStore {
    fn capabilities(&self) -> Capabilities {
        let promised = Capabilities { atomic_commit: self.commits, lease: self.commits, ..PROMISED };
        self.store.get().map_or(promised, |store| store.capabilities())
    }

    async fn epoch(&self) -> Result<Epoch, StoreError> {
        self.store().await?.epoch().await
    }

    async fn get(&self, key: &Key) -> Result<Option<Entry>, StoreError> {
        self.store().await?.get(key).await
    }

    async fn list(&self, prefixes: &[&str]) -> Result<Listing, StoreError> {
        self.store().await?.list(prefixes).await
    }

    async fn commit(&self, checks: Vec<Check>, writes: Vec<Write>) -> Result<Outcome, StoreError> {
        self.store().await?.commit(checks, writes).await
    }

    async fn watch(&self, prefixes: &[&str], after: Revision) -> Result<Box<dyn Watch>, StoreError> {
        self.store().await?.watch(prefixes, after).await
    }

    async fn lease(&self, ttl: Duration) -> Result<Box<dyn Lease>, StoreError> {
        self.store().await?.lease(ttl).await
    }
}

impl fmt::Debug for LazyStore {
    /// Without the address, which may hold a password.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("LazyStore").field("store", &self.store.get()).finish_non_exhaustive()
    }
}
