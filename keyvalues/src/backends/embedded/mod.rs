//! The default store: one file (redb), every acknowledged commit on disk before it is shown.
//!
//! The contents are also held in memory, so reads and watches never wait for the disk and work while it is
//! broken. Writes run one at a time on tokio's blocking threads. There is no batching of commits: a rollout
//! makes a few a minute, and one sync each keeps "acknowledged" simple. Leases are not stored; those of an
//! earlier process have ended when the file opens. Unix only, for the file's mode.
//!
//! A file that holds anything else than what was written, or that is moved away or cut short while it is in use, is an error
//! (`Corrupt`) and never a panic: all of it is checked when it is opened, and before each write whether it is still there.

mod disk;
mod error;
mod guard;
mod store;
mod tables;
#[cfg(test)]
mod tests;

pub use self::{disk::begins_as_store, store::Embedded};
