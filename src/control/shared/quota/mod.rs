//! Quotas: how much of everything that a token can make there may be, so that no pipeline fills store, tables or metrics.
//!
//! Whatever adds nothing passes, whatever the quotas say: abort, promote, rollback, lock, a repeat of what is there, and a
//! change that takes away as much as it adds. What other writers did a moment ago is not seen yet, so a fleet may
//! exceed a quota by what its other members take in while one of them reads it.

pub mod additions;
pub mod expected;
pub mod full;
pub mod raw;

use parking_lot::Mutex;

use self::{expected::ExpectedUse, raw::RawUsage};

/// What was admitted and is not seen yet.
#[derive(Debug, Default)]
pub struct Quotas {
    pub expected: Mutex<ExpectedUse>,
    pub raw: tokio::sync::Mutex<RawUsage>,
}
