//! The implementations of the store contract, one file or folder each.

#[cfg(feature = "embedded")]
pub(crate) mod embedded;
#[cfg(feature = "etcd")]
pub(crate) mod etcd;
#[cfg(feature = "http")]
pub(crate) mod http;
pub(crate) mod lazy;
mod local;
pub(crate) mod memory;
#[cfg(feature = "redis")]
pub(crate) mod redis;
#[cfg(any(feature = "redis", feature = "etcd", feature = "http"))]
mod remote;
