//! What the stores on a server share: addresses, the HTTP client, and the feed of changes that one connection fills and every
//! watch reads.

mod address;
#[cfg(any(feature = "etcd", feature = "http"))]
mod client;
#[cfg(any(feature = "redis", feature = "etcd"))]
mod feed;
#[cfg(any(feature = "redis", feature = "etcd"))]
mod pending;
mod timing;

pub(crate) use self::address::Address;
#[cfg(any(feature = "etcd", feature = "http"))]
pub(crate) use self::client::{Failure, Lines, base, causes, client, redirected};
#[cfg(any(feature = "redis", feature = "etcd"))]
pub(crate) use self::feed::{Feeder, Hub, ResyncWatch};
#[cfg(any(feature = "redis", feature = "etcd"))]
pub(crate) use self::pending::PendingAnswer;
pub(crate) use self::timing::*;
