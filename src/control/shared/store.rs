//! The store with a deadline on every call, so that no caller can forget one.

use std::{sync::Arc, time::Duration};

use keyvalues::{
    Capabilities, Check, Entry, Epoch, Key, Lease, Listing, Outcome, Revision, Store, StoreError, Watch,
    Write,
};
use tokio::{runtime::Handle, time::timeout};

use crate::control::limits::{STORE_COMMIT_MAX, STORE_READ_MAX};

/// A store whose calls end in time. Cheap to clone.
///
/// Whoever calls, the store works on the control plane's threads: its connections are shared, and must not wait for threads
/// that the API has filled with work.
#[derive(Debug, Clone)]
pub struct StoreHandle {
    store: Arc<dyn Store>,
    threads: Handle,
}

impl StoreHandle {
    /// A store that works on the threads where this is called.
    pub fn new(store: Arc<dyn Store>) -> Self {
        Self { store, threads: Handle::current() }
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

    pub async fn watch(&self, prefixes: &[&str], after: Revision) -> Result<Box<dyn Watch>, StoreError> {
        let (store, prefixes) = (Arc::clone(&self.store), owned(prefixes));
        self.read(async move { store.watch(&borrowed(&prefixes), after).await }).await
    }

    pub async fn lease(&self, ttl: Duration) -> Result<Box<dyn Lease>, StoreError> {
        let store = Arc::clone(&self.store);
        self.read(async move { store.lease(ttl).await }).await
    }

    /// A call to a lease of this store, with a deadline.
    pub async fn in_time<T>(
        &self,
        call: impl Future<Output = Result<T, StoreError>>,
    ) -> Result<T, StoreError> {
        in_time(call).await
    }

    /// A commit whose answer did not come in time may still take effect, which is what `Unknown` says.
    pub async fn commit(&self, checks: Vec<Check>, writes: Vec<Write>) -> Result<Outcome, StoreError> {
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
        let call = self.threads.spawn(in_time(call));
        call.await.unwrap_or_else(|error| Err(StoreError::Unreachable(error.to_string())))
    }
}

fn owned(prefixes: &[&str]) -> Vec<String> {
    prefixes.iter().map(|prefix| (*prefix).to_owned()).collect()
}

fn borrowed(prefixes: &[String]) -> Vec<&str> {
    prefixes.iter().map(String::as_str).collect()
}

async fn in_time<T>(call: impl Future<Output = Result<T, StoreError>>) -> Result<T, StoreError> {
    match timeout(STORE_READ_MAX, call).await {
        Ok(result) => result,
        Err(_) => Err(StoreError::Unreachable(format!("no answer within {STORE_READ_MAX:?}"))),
    }
}
