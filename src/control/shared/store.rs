//! The store with a deadline on every call, so that no caller can forget one. What a call of the API writes is noted for the
//! audit here, since nobody gets past here.

use std::{sync::Arc, time::Duration};

use arc_swap::ArcSwap;
use bytes::Bytes;
use futures_util::future::join_all;
use imbl::OrdMap;
use keyvalues::{
    Capabilities, Check, Entry, Epoch, Key, Lease, Listing, Outcome, Revision, Store, StoreError, Watch,
    Write, sealed::SealedStore,
};
use tokio::{runtime::Handle, time::timeout};

use super::{
    audit::trail::{self, Attempt, Trail, told},
    entries::is_routed,
    secrets::board::SecretsBoard,
};
use crate::control::limits::{AUDIT_CHANGES_MAX, STORE_COMMIT_MAX, STORE_READ_MAX};

/// A store whose calls end in time. Cheap to clone.
///
/// Whoever calls, the store works on the control plane's threads: its connections are shared, and must not wait for threads
/// that the API has filled with work.
#[derive(Debug, Clone)]
pub struct StoreHandle {
    store: Arc<SealedStore>,
    secrets: Arc<SecretsBoard>,
    threads: Handle,
    held: Arc<ArcSwap<Values>>,
}

/// Values and their revisions by key.
pub type Values = OrdMap<Arc<str>, (Bytes, Revision)>;

impl StoreHandle {
    /// A store that works on the threads where this is called. What it holds of secrets is encrypted as these say.
    pub fn new(store: Arc<dyn Store>, secrets: Arc<SecretsBoard>) -> Self {
        let store = Arc::new(SealedStore::new(store, Arc::clone(&secrets.seals)));
        Self { store, secrets, threads: Handle::current(), held: Arc::default() }
    }

    /// What this router holds of the store: whoever asks what a key held before need not read it again.
    pub fn hold(&self, values: Values) {
        self.held.store(Arc::new(values));
    }

    /// What this router holds of the store: the last good values.
    pub fn held(&self) -> Arc<Values> {
        self.held.load_full()
    }

    pub fn capabilities(&self) -> Capabilities {
        self.store.capabilities()
    }

    pub async fn epoch(&self) -> Result<Epoch, StoreError> {
        let store = Arc::clone(&self.store);
        self.read(async move { store.epoch().await }).await
    }

    pub async fn get(&self, key: &Key) -> Result<Option<Entry>, StoreError> {
        let (store, key) = (Arc::clone(&self.store), key.clone());
        self.read(async move { store.get(&key).await }).await
    }

    pub async fn list(&self, prefixes: &[&str]) -> Result<Listing, StoreError> {
        let (store, prefixes) = (Arc::clone(&self.store), owned(prefixes));
        self.read(async move { store.list(&borrowed(&prefixes)).await }).await
    }

    /// See [`Store::page`].
    pub async fn page(
        &self,
        prefix: &str,
        after: Option<&Key>,
        entries_max: usize,
    ) -> Result<Listing, StoreError> {
        let (store, prefix, after) = (Arc::clone(&self.store), prefix.to_owned(), after.cloned());
        self.read(async move { store.page(&prefix, after.as_ref(), entries_max).await }).await
    }

    pub async fn watch(&self, prefixes: &[&str], after: Revision) -> Result<Box<dyn Watch>, StoreError> {
        let (store, prefixes) = (Arc::clone(&self.store), owned(prefixes));
        self.read(async move { store.watch(&borrowed(&prefixes), after).await }).await
    }

    /// See [`Store::risk`]; none when the store does not answer in time.
    pub async fn risk(&self) -> Option<String> {
        let store = Arc::clone(&self.store);
        self.read(async move { Ok(store.risk().await) }).await.ok().flatten()
    }

    pub async fn lease(&self, ttl: Duration) -> Result<Box<dyn Lease>, StoreError> {
        let store = Arc::clone(&self.store);
        let granted = async move { within(STORE_COMMIT_MAX, store.lease(ttl)).await };
        self.threads
            .spawn(granted)
            .await
            .unwrap_or_else(|error| Err(StoreError::Unreachable(error.to_string())))
    }

    /// See [`Store::has_history`].
    pub async fn has_history(&self, revisions: u64) -> Result<bool, StoreError> {
        let store = Arc::clone(&self.store);
        self.read(async move { store.has_history(revisions).await }).await
    }

    /// See [`Lease::keep_alive`]. As short as a read: who holds a lease asks again well before it ends.
    pub async fn keep_alive(&self, lease: &dyn Lease) -> Result<(), StoreError> {
        within(STORE_READ_MAX, lease.keep_alive()).await
    }

    /// See [`Lease::revoke`]. As long as a commit, since it takes keys away.
    pub async fn revoke(&self, lease: Box<dyn Lease>) -> Result<(), StoreError> {
        within(STORE_COMMIT_MAX, lease.revoke()).await
    }

    /// A commit whose answer did not come in time may still take effect, which is what `Unknown` says. What a call of the
    /// API writes is noted on its trail.
    pub async fn commit(&self, checks: Vec<Check>, writes: Vec<Write>) -> Result<Outcome, StoreError> {
        let Some(trail) = trail::current() else {
            // An admin's own call may, such as the import of a backup.
            self.secrets.refuse_unreadable(&writes)?;
            return self.carry_out(checks, writes).await;
        };
        let attempt = self.begin(&trail, &checks, &writes).await;
        let outcome = self.carry_out(checks, writes).await;
        trail.end(&attempt, &outcome);
        outcome
    }

    /// See [`SealedStore::write_anew`].
    pub async fn write_anew(&self, key: &Key) -> Result<Option<Outcome>, StoreError> {
        let (store, key) = (Arc::clone(&self.store), key.clone());
        self.read(async move { store.write_anew(&key).await }).await
    }

    /// Notes what is about to be written, and what stands there now.
    async fn begin(&self, trail: &Trail, checks: &[Check], writes: &[Write]) -> Attempt {
        let held = self.held.load_full();
        let told = told(writes).into_iter().take(AUDIT_CHANGES_MAX);
        let before = join_all(told.map(|write| self.before(write.key(), checks, &held))).await;
        trail.begin(before, writes)
    }

    /// What a key holds: as its check says that it was read, else as this router last took it, else as the store says.
    async fn before(&self, key: &Key, checks: &[Check], held: &Values) -> Option<Bytes> {
        let check = checks.iter().find(|check| check.key() == key);
        match (held.get(key.as_str()), check) {
            (_, Some(Check::Absent(_))) => None,
            (Some((value, at)), Some(Check::Unchanged(_, read))) if at == read => Some(value.clone()),
            (Some((value, _)), None) => Some(value.clone()),
            (None, None) if is_routed(key.as_str()) => None,
            _ => self.get(key).await.ok().flatten().map(|entry| entry.value),
        }
    }

    async fn carry_out(&self, checks: Vec<Check>, writes: Vec<Write>) -> Result<Outcome, StoreError> {
        let store = Arc::clone(&self.store);
        let commit = self.threads.spawn(async move {
            match timeout(STORE_COMMIT_MAX, store.commit(checks, writes)).await {
                Ok(outcome) => outcome,
                Err(_) => Ok(Outcome::Unknown(format!("no answer within {STORE_COMMIT_MAX:?}"))),
            }
        });
        commit.await.unwrap_or_else(|error| Ok(Outcome::Unknown(error.to_string())))
    }

    async fn read<T: Send + 'static>(
        &self,
        call: impl Future<Output = Result<T, StoreError>> + Send + 'static,
    ) -> Result<T, StoreError> {
        let call = self.threads.spawn(within(STORE_READ_MAX, call));
        call.await.unwrap_or_else(|error| Err(StoreError::Unreachable(error.to_string())))
    }
}

fn owned(prefixes: &[&str]) -> Vec<String> {
    prefixes.iter().map(|prefix| (*prefix).to_owned()).collect()
}

fn borrowed(prefixes: &[String]) -> Vec<&str> {
    prefixes.iter().map(String::as_str).collect()
}

async fn within<T>(
    most: Duration,
    call: impl Future<Output = Result<T, StoreError>>,
) -> Result<T, StoreError> {
    match timeout(most, call).await {
        Ok(result) => result,
        Err(_) => Err(StoreError::Unreachable(format!("no answer within {most:?}"))),
    }
}
