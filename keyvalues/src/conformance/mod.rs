//! The conformance suite: what every backend must do, as named cases.
//!
//! A case is bound to what it needs; a backend runs every case whose needs its [`Capabilities`] and its
//! [`Subject`] cover, against the real thing. `keyvalues/README.md` names these cases as the proof of its table.
//! Cases assume nothing about how far apart two revisions are and share no contents, so they run at once on one
//! server. They wait with tokio's time, so a backend inside the process can run them with the clock paused.

mod checks;
mod commits;
mod concurrency;
mod durability;
mod foreign;
mod leases;
mod limits;
mod listing;
mod support;
mod watches;

use std::{future::Future, pin::Pin, sync::Arc, time::Duration};

use async_trait::async_trait;
use futures_util::{StreamExt as _, stream};

use crate::{Capabilities, Durability, Key, Store};

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

/// What a case needs of a backend.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Need {
    /// [`Capabilities::atomic_commit`].
    AtomicCommit,
    /// Atomic commits and [`Capabilities::lease`].
    Lease,
    /// Atomic commits that survive a reopening.
    Durable,
    /// Atomic commits and [`Subject::foreign`].
    Foreign,
}

impl Need {
    fn is_met(self, capabilities: Capabilities, subject: &dyn Subject) -> bool {
        capabilities.atomic_commit
            && match self {
                Self::AtomicCommit => true,
                Self::Lease => capabilities.lease,
                Self::Durable => capabilities.durability != Durability::Process,
                Self::Foreign => subject.foreign().is_some(),
            }
    }
}

/// What a case is given.
struct Given {
    subject: Box<dyn Subject>,
    lease_ttl: Duration,
}

impl Given {
    fn store(&self) -> Arc<dyn Store> {
        self.subject.store()
    }
}

type Running = Pin<Box<dyn Future<Output = ()> + Send>>;

/// One case. It panics when the backend breaks it.
#[derive(Clone, Copy)]
pub struct Case {
    /// What holds, as a sentence.
    pub name: &'static str,
    /// What it needs.
    pub needs: Need,
    run: fn(Given) -> Running,
}

/// Names the cases of a module by their functions.
macro_rules! cases {
    ($need:ident: $($case:ident),+ $(,)?) => {
        pub(super) const CASES: &[crate::conformance::Case] = &[$(crate::conformance::Case {
            name: stringify!($case),
            needs: crate::conformance::Need::$need,
            run: |given| Box::pin($case(given)),
        }),+];
    };
}
use cases;

/// Every case.
pub fn all() -> impl Iterator<Item = &'static Case> {
    let groups = [
        commits::CASES,
        checks::CASES,
        limits::CASES,
        listing::CASES,
        watches::CASES,
        concurrency::CASES,
        leases::CASES,
        durability::CASES,
        foreign::CASES,
    ];
    groups.into_iter().flatten()
}

/// How a run ended.
#[derive(Debug, Default)]
pub struct Report {
    /// Cases that held.
    pub passed: Vec<&'static str>,
    /// Cases that did not, and what they said.
    pub failed: Vec<(&'static str, String)>,
    /// Cases that the backend does not promise.
    pub skipped: Vec<&'static str>,
}

/// Runs the cases that are wanted by their names, at most `at_once` at a time.
pub async fn run(backend: &dyn Backend, wanted: impl Fn(&str) -> bool, at_once: usize) -> Report {
    let chosen = all().filter(|case| wanted(case.name));
    let ended = stream::iter(chosen).map(|case| run_one(backend, case)).buffer_unordered(at_once.max(1));
    let mut report = Report::default();
    for (name, verdict) in ended.collect::<Vec<_>>().await {
        match verdict {
            None => report.skipped.push(name),
            Some(Ok(())) => report.passed.push(name),
            Some(Err(text)) => report.failed.push((name, text)),
        }
    }
    report
}

async fn run_one(backend: &dyn Backend, case: &'static Case) -> (&'static str, Option<Result<(), String>>) {
    let given = Given { subject: backend.subject().await, lease_ttl: backend.lease_ttl() };
    if !case.needs.is_met(given.store().capabilities(), &*given.subject) {
        return (case.name, None);
    }
    let ended = tokio::spawn((case.run)(given)).await;
    (case.name, Some(ended.map_err(|error| support::panic_text(error.into_panic()))))
}
