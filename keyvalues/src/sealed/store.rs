//! The wrapper around another store.

use std::{sync::Arc, time::Duration};

use async_trait::async_trait;

use super::{
    seals::{Current, Seals},
    watch::SealedWatch,
};
use crate::{
    contract::{
        Capabilities, Check, Entry, Epoch, Lease, Listing, Outcome, Revision, Store, StoreError, Watch, Write,
    },
    key::Key,
};

/// The wrapper.
#[derive(Debug)]
pub struct SealedStore {
    inner: Arc<dyn Store>,
    seals: Arc<Seals>,
}

impl SealedStore {
    /// Wraps a store.
    pub fn new(inner: Arc<dyn Store>, seals: Arc<Seals>) -> Self {
        Self { inner, seals }
    }

    /// What is known of its secrets.
    pub fn seals(&self) -> &Arc<Seals> {
        &self.seals
    }

    /// Writes a secret anew, in the form in which secrets are written now, if it can be read and nobody changes it meanwhile.
    /// None: there is no such value, it cannot be read, or it is written so already.
    ///
    /// # Errors
    /// As those of [`Store::commit`], and the key by which is written is not held.
    pub async fn write_anew(&self, key: &Key) -> Result<Option<Outcome>, StoreError> {
        let Some(stored) = self.inner.get(key).await? else {
            self.seals.forget(key);
            return Ok(None);
        };
        let entry = self.seals.open(stored.clone());
        if self.seals.unreadable(key.as_str()).is_some() {
            return Ok(None);
        }
        let current = self.current().await?;
        if self.seals.is_of_today(key, &current) {
            return Ok(None);
        }
        let Entry { key, modified, lease, .. } = stored;
        let check = Check::Unchanged(key.clone(), modified);
        let value = self.seals.seal(&current, &key, entry.value)?;
        self.inner.commit(vec![check], vec![Write::Put { key, value, lease }]).await.map(Some)
    }

    /// By which key is written: as last read, else as the store says now.
    async fn current(&self) -> Result<Current, StoreError> {
        if let Some(current) = self.seals.known_current() {
            return Ok(current);
        }
        let key = self.seals.current_at().parse::<Key>();
        let key = key.map_err(|error| StoreError::Invalid(error.to_string()))?;
        let current = Current::of(self.inner.get(&key).await?.as_ref().map(|entry| &entry.value[..]));
        self.seals.set_current(current.clone());
        Ok(current)
    }

    fn seal(&self, current: &Current, write: Write) -> Result<Write, StoreError> {
        match write {
            Write::Put { key, value, lease } if self.seals.is_secret(&key) => {
                let value = self.seals.seal(current, &key, value)?;
                Ok(Write::Put { key, value, lease })
            }
            other => Ok(other),
        }
    }
}

#[async_trait]
impl Store for SealedStore {
    fn capabilities(&self) -> Capabilities {
        self.inner.capabilities()
    }

    async fn epoch(&self) -> Result<Epoch, StoreError> {
        self.inner.epoch().await
    }

    async fn get(&self, key: &Key) -> Result<Option<Entry>, StoreError> {
        let found = self.inner.get(key).await?;
        if found.is_none() {
            self.seals.forget(key);
        }
        Ok(found.map(|entry| self.seals.open(entry)))
    }

    async fn list(&self, prefixes: &[&str]) -> Result<Listing, StoreError> {
        Ok(self.seals.open_listing(prefixes, self.inner.list(prefixes).await?))
    }

    async fn page(
        &self,
        prefix: &str,
        after: Option<&Key>,
        entries_max: usize,
    ) -> Result<Listing, StoreError> {
        let mut listing = self.inner.page(prefix, after, entries_max).await?;
        listing.entries = listing.entries.into_iter().map(|entry| self.seals.open(entry)).collect();
        Ok(listing)
    }

    /// A commit that says by which key is written is written by that one.
    async fn commit(&self, checks: Vec<Check>, writes: Vec<Write>) -> Result<Outcome, StoreError> {
        let says = writes.iter().find(|write| write.key().as_str() == self.seals.current_at());
        let says = says.map(|write| Current::of(write.value()));
        let is_secret = |write: &Write| write.value().is_some() && self.seals.is_secret(write.key());
        let writes = if writes.iter().any(is_secret) {
            let current = match &says {
                Some(says) => says.clone(),
                None => self.current().await?,
            };
            let sealed = writes.into_iter().map(|write| self.seal(&current, write));
            sealed.collect::<Result<Vec<Write>, StoreError>>()?
        } else {
            writes
        };
        let outcome = self.inner.commit(checks, writes).await?;
        if let (Some(says), Outcome::Done(_)) = (says, &outcome) {
            self.seals.set_current(says);
        }
        Ok(outcome)
    }

    async fn watch(&self, prefixes: &[&str], after: Revision) -> Result<Box<dyn Watch>, StoreError> {
        let inner = self.inner.watch(prefixes, after).await?;
        Ok(Box::new(SealedWatch::new(inner, Arc::clone(&self.seals))))
    }

    async fn risk(&self) -> Option<String> {
        self.inner.risk().await
    }

    async fn lease(&self, ttl: Duration) -> Result<Box<dyn Lease>, StoreError> {
        self.inner.lease(ttl).await
    }

    async fn has_history(&self, revisions: u64) -> Result<bool, StoreError> {
        self.inner.has_history(revisions).await
    }
}
