//! What the stores on a server share: the feed of changes that one connection fills and every watch reads, and the
//! parts of an address.

mod address;
#[cfg(any(feature = "redis", feature = "etcd"))]
mod asking;
#[cfg(any(feature = "etcd", feature = "http"))]
mod client;
#[cfg(any(feature = "redis", feature = "etcd"))]
mod feed;

pub(crate) use address::Address;
#[cfg(any(feature = "redis", feature = "etcd"))]
pub(crate) use asking::Asking;
#[cfg(any(feature = "etcd", feature = "http"))]
pub(crate) use client::{Failure, Lines, base, causes, client, redirected};
#[cfg(any(feature = "redis", feature = "etcd"))]
pub(crate) use feed::{Feeder, Hub, Lost};

/// Between two proofs that the feed is current. Four a second, so that a watch that says so every second never
/// says it late.
#[cfg(any(feature = "redis", feature = "etcd"))]
pub(crate) const CONFIRM_EVERY: std::time::Duration = std::time::Duration::from_millis(250);

/// How long an operation may take before its answer counts as lost: longer than a leader's election (etcd: about
/// 1 s), shorter than an operator's patience.
pub(crate) const ANSWER_WITHIN: std::time::Duration = std::time::Duration::from_secs(5);

/// How long a connection may take to be made.
pub(crate) const CONNECT_WITHIN: std::time::Duration = std::time::Duration::from_secs(2);
