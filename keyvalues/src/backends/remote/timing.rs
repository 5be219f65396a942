//! How long a server is waited for.

use std::time::Duration;

/// Between two proofs that the feed is current. Four a second, so that a watch that says so every second never
/// says it late.
#[cfg(any(feature = "redis", feature = "etcd"))]
pub(crate) const CONFIRM_EVERY: Duration = Duration::from_millis(250);

/// How long a small answer is waited for before a new connection is asked too. With [`CONFIRM_EVERY`] before it, and an answer of
/// the new one after it, a connection that leads nowhere is left within a second.
#[cfg(any(feature = "redis", feature = "etcd"))]
pub(crate) const DOUBTED_AFTER: Duration = Duration::from_millis(400);

/// How long an operation may take before its answer counts as lost: longer than a leader's election (etcd: about
/// 1 s), shorter than an operator's patience.
pub(crate) const ANSWER_WITHIN: Duration = Duration::from_secs(5);

/// How long a connection may take to be made.
pub(crate) const CONNECT_WITHIN: Duration = Duration::from_secs(2);
