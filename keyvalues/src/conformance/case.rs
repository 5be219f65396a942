//! One case: what it needs of a backend, and how it is run.

use std::{future::Future, pin::Pin, sync::Arc, time::Duration};

use super::subject::Subject;
use crate::contract::{Capabilities, Durability, Store};

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
    pub(super) fn is_met(self, capabilities: Capabilities, subject: &dyn Subject) -> bool {
        capabilities.atomic_commit
            && match self {
                Self::AtomicCommit => true,
                Self::Lease => capabilities.lease,
                Self::Durable => capabilities.durability != Durability::Process,
                Self::Foreign => subject.foreign().is_some(),
            }
    }
}

/// What a case is input.
pub(super) struct CaseInput {
    pub(super) subject: Box<dyn Subject>,
    pub(super) lease_ttl: Duration,
}

impl CaseInput {
    pub(super) fn store(&self) -> Arc<dyn Store> {
        self.subject.store()
    }
}

type CaseRun = Pin<Box<dyn Future<Output = ()> + Send>>;

/// One case. It panics when the backend breaks it.
#[derive(Clone, Copy)]
pub struct Case {
    /// What holds, as a sentence.
    pub name: &'static str,
    /// What it needs.
    pub needs: Need,
    pub(super) run: fn(CaseInput) -> CaseRun,
}

/// Names the cases of a module by their functions.
macro_rules! cases {
    ($need:ident: $($case:ident),+ $(,)?) => {
        pub(super) const CASES: &[crate::conformance::case::Case] = &[$(crate::conformance::case::Case {
            name: stringify!($case),
            needs: crate::conformance::case::Need::$need,
            run: |input| Box::pin($case(input)),
        }),+];
    };
}
pub(super) use cases;
