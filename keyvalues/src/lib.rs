//! The key-value store contract that rolling-router is built on, and its backends.
//!
//! The crate knows nothing of proxying. It stores small values under string keys, changes them atomically and in order, and
//! reports every change to watches. What each backend promises is in [`Capabilities`]; one conformance suite runs every case
//! that a backend promises. [`open`] opens the [`Store`] of an address.

#![cfg_attr(
    not(all(feature = "embedded", feature = "etcd", feature = "http", feature = "redis")),
    allow(dead_code, unused_imports, reason = "backends share pieces that not each of them uses")
)]

mod backends;
#[cfg(feature = "conformance")]
pub mod conformance;
mod contract;
#[cfg(feature = "conformance")]
pub mod faults;
mod key;
mod limits;
mod open;
mod open_error;
pub mod sealed;
#[cfg(feature = "http")]
pub mod wire;

#[cfg(feature = "embedded")]
pub use backends::embedded::{Embedded, begins_as_store};
#[cfg(feature = "etcd")]
pub use backends::etcd::Etcd;
#[cfg(feature = "http")]
pub use backends::http::Http;
pub use backends::lazy::open_later;
pub use backends::memory::Memory;
#[cfg(feature = "redis")]
pub use backends::redis::Redis;
pub use contract::{
    Batch, Capabilities, Check, Durability, Entry, Epoch, Event, Lease, LeaseId, Listing, Outcome, Revision,
    Store, StoreError, Watch, WatchItem, WatchMode, Write,
};
pub use key::{KEY_BYTES_MAX, Key, KeyError};
pub use limits::{
    COMMIT_BYTES_MAX, COMMIT_CHECKS_MAX, COMMIT_WRITES_MAX, LEASE_TTL_MAX, PROGRESS_EVERY, VALUE_BYTES_MAX,
};
pub use open::{check_address, open};
pub use open_error::OpenError;
