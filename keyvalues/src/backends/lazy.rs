//! A store that does not answer yet, or a file that cannot be read: every use tries to open it, until one of them succeeds.
//!
//! So a router can start while its store is down, and serve its last good table. A file that was found damaged is looked at
//! again only after it has changed: each look reads all of it.

use std::{fmt, os::unix::fs::MetadataExt as _, sync::Arc, time::Duration};

use async_trait::async_trait;
use parking_lot::Mutex;
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
    /// A file as it was found damaged, and how.
    damage: Mutex<Option<(Stamp, StoreError)>>,
}

/// What tells one content of a file from another: which file, how long, last changed when.
type Stamp = [i64; 3];

/// The file of an address, as it is now; none: the address is a server's, or there is no file.
fn stamp(url: &str) -> Option<Stamp> {
    let found = std::fs::metadata(url.strip_prefix("embedded:")?).ok()?;
    Some([found.ino().cast_signed(), found.len().cast_signed(), found.mtime_nsec()])
}

impl LazyStore {
    fn new(url: &str, commits: bool) -> Self {
        Self { url: url.to_owned(), store: OnceCell::new(), commits, damage: Mutex::new(None) }
    }

    async fn store(&self) -> Result<&Arc<dyn Store>, StoreError> {
        self.store.get_or_try_init(|| self.open()).await
    }

    async fn open(&self) -> Result<Arc<dyn Store>, StoreError> {
        let before = stamp(&self.url);
        if let Some((damaged, error)) = &*self.damage.lock()
            && Some(*damaged) == before
        {
            return Err(error.clone());
        }
        let store = Box::pin(open(&self.url)).await.map_err(|error| match error {
            OpenError::Store(error) => error,
            error => StoreError::Unreachable(error.to_string()),
        });
        if let Err(error @ StoreError::Corrupt(_)) = &store {
            *self.damage.lock() = stamp(&self.url).map(|stamp| (stamp, error.clone()));
        }
        let store = store?;
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

    async fn page(
        &self,
        prefix: &str,
        after: Option<&Key>,
        entries_max: usize,
    ) -> Result<Listing, StoreError> {
        self.store().await?.page(prefix, after, entries_max).await
    }

    async fn commit(&self, checks: Vec<Check>, writes: Vec<Write>) -> Result<Outcome, StoreError> {
        self.store().await?.commit(checks, writes).await
    }

    async fn watch(&self, prefixes: &[&str], after: Revision) -> Result<Box<dyn Watch>, StoreError> {
        self.store().await?.watch(prefixes, after).await
    }

    async fn risk(&self) -> Option<String> {
        self.store().await.ok()?.risk().await
    }

    async fn lease(&self, ttl: Duration) -> Result<Box<dyn Lease>, StoreError> {
        self.store().await?.lease(ttl).await
    }

    async fn has_history(&self, revisions: u64) -> Result<bool, StoreError> {
        self.store().await?.has_history(revisions).await
    }
}

impl fmt::Debug for LazyStore {
    /// Without the address, which may hold a password.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("LazyStore").field("store", &self.store.get()).finish_non_exhaustive()
    }
}
