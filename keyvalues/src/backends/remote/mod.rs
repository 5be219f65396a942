//! What the stores on a server share: addresses, the HTTP client, and the feed of changes that one connection fills and every
//! watch reads.

mod address;
#[cfg(any(feature = "etcd", feature = "http"))]
mod client;
#[cfg(feature = "etcd")]
mod clients;
#[cfg(any(feature = "redis", feature = "etcd"))]
mod feed;
#[cfg(any(feature = "redis", feature = "etcd"))]
mod pending;
#[cfg(any(feature = "redis", feature = "etcd"))]
mod rival;
mod timing;

pub(crate) use self::address::Address;
#[cfg(any(feature = "etcd", feature = "http"))]
pub(crate) use self::client::{Failure, Lines, base, client, innermost, redirected};
#[cfg(feature = "etcd")]
pub(crate) use self::clients::Clients;
#[cfg(any(feature = "redis", feature = "etcd"))]
pub(crate) use self::feed::{Feeder, Hub, ResyncWatch};
#[cfg(any(feature = "redis", feature = "etcd"))]
pub(crate) use self::pending::PendingAnswer;
#[cfg(any(feature = "redis", feature = "etcd"))]
pub(crate) use self::rival::Patience;
pub(crate) use self::timing::*;
