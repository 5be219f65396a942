//! The reference: everything in this process, nothing survives it.

use std::{sync::Arc, time::Duration};

use async_trait::async_trait;

use crate::{
    backends::local::{LeaseHost, LogWatch, Plan, SharedState, State, grant, random_id},
    contract::{
        Capabilities, Check, Durability, Entry, Epoch, Lease, LeaseId, Listing, Outcome, Revision, Store,
        StoreError, Watch, WatchMode, Write,
    },
    key::Key,
    limits::{check_commit, check_ttl},
};

/// A store in memory. Each one is an epoch of its own.
#[derive(Debug)]
pub struct Memory {
    host: Arc<Host>,
    epoch: Result<Epoch, StoreError>,
}

#[derive(Debug)]
struct Host(Arc<SharedState>);

impl Memory {
    /// An empty store.
    pub fn new() -> Self {
        Self {
            host: Arc::new(Host(SharedState::new(State::default()))),
            epoch: random_id().map(|id| Epoch(format!("memory-{id}"))),
        }
    }
}

impl Default for Memory {
    fn default() -> Self {
        Self::new()
    }
}

impl Host {
    fn carry_out(
        &self,
        plan: impl FnOnce(&mut State) -> Result<Plan, StoreError>,
    ) -> Result<Outcome, StoreError> {
        let mut state = self.0.lock();
        match plan(&mut state)? {
            Plan::Conflict(key) => Ok(Outcome::Conflict(key)),
            Plan::Nothing(revision) => Ok(Outcome::Done(revision)),
            Plan::Change(batch) => {
                let revision = batch.revision;
                state.apply(batch);
                drop(state);
                self.0.wake();
                Ok(Outcome::Done(revision))
            }
        }
    }
}

#[async_trait]
impl LeaseHost for Host {
    async fn end(&self, lease: LeaseId) -> Result<(), StoreError> {
        self.carry_out(|state| {
            state.end(lease);
            Ok(state.plan_end(lease))
        })
        .map(drop)
    }
}

#[async_trait]
impl Store for Memory {
    fn capabilities(&self) -> Capabilities {
        Capabilities {
            atomic_commit: true,
            lease: true,
            watch: WatchMode::Streamed,
            durability: Durability::Process,
        }
    }

    async fn epoch(&self) -> Result<Epoch, StoreError> {
        self.epoch.clone()
    }

    async fn get(&self, key: &Key) -> Result<Option<Entry>, StoreError> {
        Ok(self.host.0.lock().get(key.as_str()).cloned())
    }

    async fn list(&self, prefixes: &[&str]) -> Result<Listing, StoreError> {
        Ok(self.host.0.lock().list(prefixes))
    }

    async fn commit(&self, checks: Vec<Check>, writes: Vec<Write>) -> Result<Outcome, StoreError> {
        check_commit(&checks, &writes)?;
        self.host.carry_out(|state| state.plan(&checks, writes))
    }

    async fn watch(&self, prefixes: &[&str], after: Revision) -> Result<Box<dyn Watch>, StoreError> {
        Ok(Box::new(LogWatch::new(&self.host.0, prefixes, after)))
    }

    async fn lease(&self, ttl: Duration) -> Result<Box<dyn Lease>, StoreError> {
        check_ttl(ttl)?;
        let id = self.host.0.lock().grant();
        Ok(grant(&self.host, id, ttl))
    }
}
