//! The wrapper around another store.

use std::{sync::Arc, time::Duration};

use async_trait::async_trait;

use super::{
    handle::{AnswerLoss, Faults},
    watch::FaultyWatch,
};
use crate::{
    contract::{
        Capabilities, Check, Entry, Epoch, Lease, LeaseId, Listing, Outcome, Revision, Store, StoreError,
        Watch, Write,
    },
    key::Key,
};

/// The wrapper.
#[derive(Debug)]
pub struct FaultyStore {
    faults: Faults,
}

impl FaultyStore {
    /// Wraps a store; no fault is on.
    pub fn new(inner: Arc<dyn Store>) -> (Arc<Self>, Faults) {
        let faults = Faults::around(inner);
        (Arc::new(Self { faults: faults.clone() }), faults)
    }
}

#[async_trait]
impl Store for FaultyStore {
    fn capabilities(&self) -> Capabilities {
        self.faults.inner().capabilities()
    }

    async fn epoch(&self) -> Result<Epoch, StoreError> {
        self.faults.reach().await?.epoch().await
    }

    async fn get(&self, key: &Key) -> Result<Option<Entry>, StoreError> {
        let inner = self.faults.reach().await?;
        let old = self.faults.lock().old_view.clone();
        let found = match old {
            Some(view) => view.entries.into_iter().find(|entry| entry.key == *key),
            None => inner.get(key).await?,
        };
        Ok(found.map(|entry| self.faults.shown(entry)))
    }

    async fn list(&self, prefixes: &[&str]) -> Result<Listing, StoreError> {
        let inner = self.faults.reach().await?;
        let old = self.faults.lock().old_view.clone();
        let mut listing = match old {
            Some(mut view) => {
                let wanted = |key: &Key| prefixes.iter().any(|prefix| key.as_str().starts_with(prefix));
                view.entries.retain(|entry| wanted(&entry.key));
                view
            }
            None => inner.list(prefixes).await?,
        };
        listing.entries = listing.entries.into_iter().map(|entry| self.faults.shown(entry)).collect();
        Ok(listing)
    }

    async fn commit(&self, checks: Vec<Check>, writes: Vec<Write>) -> Result<Outcome, StoreError> {
        let inner = self.faults.reach().await?;
        if let Some(error) = self.faults.lock().commit_error.clone() {
            return Err(error);
        }
        let lost = self.faults.take_lost();
        if lost == Some(AnswerLoss::BeforeWriting) {
            return Ok(Outcome::Unknown("the request was lost by a fault".into()));
        }
        let outcome = inner.commit(checks, writes).await?;
        Ok(match lost {
            Some(_) => Outcome::Unknown("the answer was lost by a fault".into()),
            None => outcome,
        })
    }

    async fn watch(&self, prefixes: &[&str], after: Revision) -> Result<Box<dyn Watch>, StoreError> {
        let inner = self.faults.reach().await?.watch(prefixes, after).await?;
        Ok(Box::new(FaultyWatch::new(self.faults.clone(), inner)))
    }

    async fn lease(&self, ttl: Duration) -> Result<Box<dyn Lease>, StoreError> {
        let inner = self.faults.reach().await?.lease(ttl).await?;
        Ok(Box::new(FaultyLease { faults: self.faults.clone(), inner }))
    }
}

/// A lease that cannot be reached while the store cannot.
struct FaultyLease {
    faults: Faults,
    inner: Box<dyn Lease>,
}

#[async_trait]
impl Lease for FaultyLease {
    fn id(&self) -> LeaseId {
        self.inner.id()
    }

    async fn keep_alive(&self) -> Result<(), StoreError> {
        self.faults.reach().await?;
        self.inner.keep_alive().await
    }

    async fn revoke(self: Box<Self>) -> Result<(), StoreError> {
        self.faults.reach().await?;
        self.inner.revoke().await
    }
}
