//! The default store: one file (redb), every acknowledged commit on disk before it is shown.
//!
//! The contents are also held in memory, so reads and watches never wait for the disk and work while it is
//! broken. Writes run one at a time on tokio's blocking threads. There is no batching of commits: a rollout
//! makes a few a minute, and one sync each keeps "acknowledged" simple. Leases are not stored; those of an
//! earlier process have ended when the file opens. Unix only, for the file's mode.

mod disk;
mod error;
mod store;
mod tables;
#[cfg(test)]
mod tests;

pub use self::store::Embedded;
