//! A backend under test, as its author describes it.

use std::{sync::Arc, time::Duration};

use async_trait::async_trait;

use crate::{contract::Store, key::Key};

/// A backend under test.
#[async_trait]
pub trait Backend: Send + Sync {
    /// New, empty contents for one case.
    async fn subject(&self) -> Box<dyn Subject>;

    /// The time to live of the leases that cases let run out. Two seconds, which etcd takes as its shortest, and
    /// which a busy machine does not oversleep.
    fn lease_ttl(&self) -> Duration {
        Duration::from_secs(2)
    }
}

/// The contents of one case and the ways to reach them.
#[async_trait]
pub trait Subject: Send + Sync {
    /// The store.
    fn store(&self) -> Arc<dyn Store>;

    /// Another client of the same contents; the same one where only one can be.
    async fn second(&self) -> Arc<dyn Store> {
        self.store()
    }

    /// Closes the store and opens its contents again. No case holds the old store or its watches any more.
    async fn reopen(&mut self) {}

    /// A way to write past the store, with another tool.
    fn foreign(&self) -> Option<Arc<dyn Foreign>> {
        None
    }

    /// Makes the backend forget the history of its changes up to now.
    async fn compact(&self);
}

/// Another tool that writes into the same contents.
#[async_trait]
pub trait Foreign: Send + Sync {
    /// Sets a plain value.
    async fn put(&self, key: &Key, value: &[u8]);
    /// Removes a key.
    async fn delete(&self, key: &Key);
}
