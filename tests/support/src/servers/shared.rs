//! Cases of the conformance suite on one server: each has its own keys, told apart by what stands before them.

use std::sync::{
    Arc,
    atomic::{AtomicUsize, Ordering::Relaxed},
};

use async_trait::async_trait;
use keyvalues::{
    Key, Store,
    conformance::{Backend, Foreign, Subject},
};

use super::push_out;

/// A server that is running, as stores and other tools reach it. Clones reach the same one.
#[async_trait]
pub trait ServerAccess: Clone + Send + Sync + 'static {
    /// Opens the store whose keys stand behind a prefix.
    async fn open(&self, prefix: &str) -> Arc<dyn Store>;

    /// What stands before the keys of a case. Prefixes begin alike, so that cases would notice each other.
    fn prefix(&self, case: usize) -> String {
        format!("case{case}:")
    }

    /// Makes the server forget the changes up to now.
    async fn compact(&self, store: &dyn Store) {
        push_out(store).await;
    }

    /// Whether other tools write into the same contents, by [`ServerAccess::put`] and [`ServerAccess::delete`].
    const FOREIGN: bool;

    /// Sets a value under its whole name, with another tool.
    async fn put(&self, _name: String, _value: &[u8]) {
        unreachable!("no other tool writes here");
    }

    /// Removes a name, with another tool.
    async fn delete(&self, _name: String) {
        unreachable!("no other tool writes here");
    }
}

/// One server for all cases.
pub struct OneServer<R> {
    reached: R,
    cases: AtomicUsize,
}

impl<R: ServerAccess> OneServer<R> {
    /// All cases on the server that is reached so.
    pub fn new(reached: R) -> Self {
        Self { reached, cases: AtomicUsize::new(0) }
    }
}

#[async_trait]
impl<R: ServerAccess> Backend for OneServer<R> {
    async fn subject(&self) -> Box<dyn Subject> {
        let prefix = self.reached.prefix(self.cases.fetch_add(1, Relaxed));
        let store = self.reached.open(&prefix).await;
        Box::new(PrefixedCase { keys: OtherTool { reached: self.reached.clone(), prefix }, store })
    }
}

struct PrefixedCase<R> {
    keys: OtherTool<R>,
    store: Arc<dyn Store>,
}

#[async_trait]
impl<R: ServerAccess> Subject for PrefixedCase<R> {
    fn store(&self) -> Arc<dyn Store> {
        Arc::clone(&self.store)
    }

    async fn second(&self) -> Arc<dyn Store> {
        self.keys.reached.open(&self.keys.prefix).await
    }

    async fn reopen(&mut self) {
        self.store = self.second().await;
    }

    fn foreign(&self) -> Option<Arc<dyn Foreign>> {
        R::FOREIGN.then(|| Arc::new(self.keys.clone()) as Arc<dyn Foreign>)
    }

    async fn compact(&self) {
        self.keys.reached.compact(&*self.store).await;
    }
}

/// Another tool that writes the keys of one case.
#[derive(Clone)]
pub struct OtherTool<R> {
    /// The server.
    pub reached: R,
    /// What stands before the keys of the case.
    pub prefix: String,
}

#[async_trait]
impl<R: ServerAccess> Foreign for OtherTool<R> {
    async fn put(&self, key: &Key, value: &[u8]) {
        self.reached.put(format!("{}{key}", self.prefix), value).await;
    }

    async fn delete(&self, key: &Key) {
        self.reached.delete(format!("{}{key}", self.prefix)).await;
    }
}
