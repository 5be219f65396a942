//! What the stores on a server share: the feed of changes that one connection fills and every watch reads, and the
//! parts of an address.

mod address;
#[cfg(any(feature = "redis", feature = "etcd"))]
mod asking;
#[cfg(any(feature = "etcd", feature = "http"))]
mod client;
#[cfg(any(feature = "redis", feature = "etcd"))]
mod feed;
mod pace;

pub(crate) use address::Address;
#[cfg(any(feature = "redis", feature = "etcd"))]
pub(crate) use asking::Asking;
#[cfg(any(feature = "etcd", feature = "http"))]
pub(crate) use client::{Failure, Lines, base, causes, client, redirected};
#[cfg(any(feature = "redis", feature = "etcd"))]
pub(crate) use feed::{Feeder, Hub, Lost};
#[cfg(any(feature = "redis", feature = "etcd"))]
pub(crate) use pace::CONFIRM_EVERY;
pub(crate) use pace::{ANSWER_WITHIN, CONNECT_WITHIN};
