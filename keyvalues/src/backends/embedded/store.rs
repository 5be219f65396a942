//! The store in one file.

use std::{path::Path, sync::Arc, time::Duration};

use async_trait::async_trait;
use tokio::sync::Mutex;

use super::disk::{Disk, Opener, open_file};
use crate::{
    backends::local::{LeaseHost, LogWatch, Plan, SharedState, State, grant},
    contract::{
        Capabilities, Check, Durability, Entry, Epoch, Lease, LeaseId, Listing, Outcome, Revision, Store,
        StoreError, Watch, WatchMode, Write,
    },
    key::Key,
    limits::{check_commit, check_ttl},
    open_error::OpenError,
};

/// How long [`Embedded::open`] waits for an earlier holder that is just closing the file.
const OPEN_WAIT: Duration = Duration::from_secs(1);

/// Between two attempts at the lock.
const OPEN_RETRY: Duration = Duration::from_millis(50);

/// A store in one file. Dropping it closes the file as soon as writes under way have ended.
#[derive(Debug)]
pub struct Embedded {
    host: Arc<Host>,
    epoch: Epoch,
}

#[derive(Debug)]
struct Host {
    shared: Arc<SharedState>,
    disk: Arc<Mutex<Disk>>,
}

impl Embedded {
    /// Opens the file, or makes it with mode 0600. Only one process can have it open; the next one gets
    /// [`OpenError::InUse`] after a second.
    pub async fn open(path: impl AsRef<Path>) -> Result<Self, OpenError> {
        Self::open_with(path.as_ref(), || Box::new(open_file)).await
    }

    pub(super) async fn open_with(path: &Path, opener: impl Fn() -> Opener) -> Result<Self, OpenError> {
        let mut waited = Duration::ZERO;
        let (disk, state) = loop {
            let (path, opener) = (path.to_owned(), opener());
            let opened = blocking(move || Disk::open(&path, opener)).await?;
            match opened {
                Err(OpenError::InUse(_)) if waited < OPEN_WAIT => {
                    tokio::time::sleep(OPEN_RETRY).await;
                    waited += OPEN_RETRY;
                }
                result => break result?,
            }
        };
        let epoch = Epoch(format!("embedded-{}", disk.id()));
        let host = Host { shared: SharedState::new(state), disk: Arc::new(Mutex::new(disk)) };
        Ok(Self { host: Arc::new(host), epoch })
    }
}

impl Host {
    /// Runs one write to its end, even if the caller goes away.
    async fn carry_out(
        &self,
        plan: impl FnOnce(&mut State) -> Result<Plan, StoreError> + Send + 'static,
    ) -> Result<Outcome, StoreError> {
        let mut disk = Arc::clone(&self.disk).lock_owned().await;
        let shared = Arc::clone(&self.shared);
        match tokio::task::spawn_blocking(move || disk.carry_out(&shared, plan)).await {
            Ok(outcome) => outcome,
            Err(error) if error.is_panic() => Ok(Outcome::Unknown(error.to_string())),
            Err(error) => Err(thread_ended(&error)),
        }
    }

    /// Settles a batch of which it is unknown whether it was written, before anything is read.
    async fn settled(&self) -> Result<(), StoreError> {
        if self.shared.lock().read_error().is_none() {
            return Ok(());
        }
        let mut disk = Arc::clone(&self.disk).lock_owned().await;
        let shared = Arc::clone(&self.shared);
        blocking(move || disk.recover(&shared)).await??;
        self.shared.lock().read_error().map_or(Ok(()), Err)
    }
}

/// Runs work that may wait for the disk on a thread that may block.
async fn blocking<T: Send + 'static>(work: impl FnOnce() -> T + Send + 'static) -> Result<T, StoreError> {
    tokio::task::spawn_blocking(work).await.map_err(|error| thread_ended(&error))
}

fn thread_ended(error: &tokio::task::JoinError) -> StoreError {
    StoreError::Unreachable(format!("a thread of the store ended: {error}"))
}

#[async_trait]
impl LeaseHost for Host {
    async fn end(&self, lease: LeaseId) -> Result<(), StoreError> {
        let ended = self.carry_out(move |state| {
            state.end(lease);
            Ok(state.plan_end(lease))
        });
        match ended.await? {
            Outcome::Unknown(text) => Err(StoreError::Disk(text)),
            Outcome::Done(_) | Outcome::Conflict(_) => Ok(()),
        }
    }
}

#[async_trait]
impl Store for Embedded {
    fn capabilities(&self) -> Capabilities {
        Capabilities {
            atomic_commit: true,
            lease: true,
            watch: WatchMode::Streamed,
            durability: Durability::Disk,
        }
    }

    async fn epoch(&self) -> Result<Epoch, StoreError> {
        Ok(self.epoch.clone())
    }

    async fn get(&self, key: &Key) -> Result<Option<Entry>, StoreError> {
        self.host.settled().await?;
        Ok(self.host.shared.lock().get(key.as_str()).cloned())
    }

    async fn list(&self, prefixes: &[&str]) -> Result<Listing, StoreError> {
        self.host.settled().await?;
        Ok(self.host.shared.lock().list(prefixes))
    }

    async fn commit(&self, checks: Vec<Check>, writes: Vec<Write>) -> Result<Outcome, StoreError> {
        check_commit(&checks, &writes)?;
        self.host.carry_out(move |state| state.plan(&checks, writes)).await
    }

    async fn watch(&self, prefixes: &[&str], after: Revision) -> Result<Box<dyn Watch>, StoreError> {
        self.host.settled().await?;
        Ok(Box::new(LogWatch::new(&self.host.shared, prefixes, after)))
    }

    async fn lease(&self, ttl: Duration) -> Result<Box<dyn Lease>, StoreError> {
        check_ttl(ttl)?;
        let id = self.host.shared.lock().grant();
        Ok(grant(&self.host, id, ttl))
    }
}
