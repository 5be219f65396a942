//! The store with a deadline on every call, so that no caller can forget one.

use std::{sync::Arc, time::Duration};

use keyvalues::{
    Capabilities, Check, Entry, Epoch, Key, Lease, Listing, Outcome, Revision, Store, StoreError, Watch,
    Write,
};
use tokio::time::timeout;

use crate::control::limits::{STORE_COMMIT_MAX, STORE_READ_MAX};

/// A store whose calls end in time. Cheap to clone.
#[derive(Debug, Clone)]
pub struct StoreHandle(Arc<dyn Store>);

impl StoreHandle {
    pub fn new(store: Arc<dyn Store>) -> Self {
        Self(store)
    }

    pub fn capabilities(&self) -> Capabilities {
        self.0.capabilities()
    }

    pub async fn epoch(&self) -> Result<Epoch, StoreError> {
        in_time(self.0.epoch()).await
    }

    pub async fn get(&self, key: &Key) -> Result<Option<Entry>, StoreError> {
        in_time(self.0.get(key)).await
    }

    pub async fn list(&self, prefixes: &[&str]) -> Result<Listing, StoreError> {
        in_time(self.0.list(prefixes)).await
    }

    pub async fn watch(&self, prefixes: &[&str], after: Revision) -> Result<Box<dyn Watch>, StoreError> {
        in_time(self.0.watch(prefixes, after)).await
    }

    pub async fn lease(&self, ttl: Duration) -> Result<Box<dyn Lease>, StoreError> {
        in_time(self.0.lease(ttl)).await
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
        match timeout(STORE_COMMIT_MAX, self.0.commit(checks, writes)).await {
            Ok(outcome) => outcome,
            Err(_) => Ok(Outcome::Unknown(format!("no answer within {STORE_COMMIT_MAX:?}"))),
        }
    }
}

async fn in_time<T>(call: impl Future<Output = Result<T, StoreError>>) -> Result<T, StoreError> {
    match timeout(STORE_READ_MAX, call).await {
        Ok(result) => result,
        Err(_) => Err(StoreError::Unreachable(format!("no answer within {STORE_READ_MAX:?}"))),
    }
}
