//! Why a store could not be opened.

use crate::contract::StoreError;

/// Every scheme of this build, for messages.
const BUILT_IN: &[&str] = &[
    "memory",
    #[cfg(feature = "embedded")]
    "embedded:FILE",
    #[cfg(feature = "etcd")]
    "etcd://HOST",
    #[cfg(feature = "etcd")]
    "etcds://HOST",
    #[cfg(feature = "http")]
    "http://HOST",
    #[cfg(feature = "http")]
    "https://HOST",
    #[cfg(feature = "redis")]
    "redis://HOST",
    #[cfg(feature = "redis")]
    "rediss://HOST",
];

/// Why a store could not be opened.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum OpenError {
    /// The scheme is not one of this build.
    #[error("`{scheme}` is not a store of this build, which has {}", BUILT_IN.join(", "))]
    Scheme {
        /// The scheme, which is what stands before the colon.
        scheme: String,
    },
    /// The scheme is known, but the address cannot be used.
    #[error("the address of the store cannot be used: {0}")]
    Address(String),
    /// A file that the address names cannot be read, or does not hold what it should. It may do so later: files are replaced.
    #[error("the address of the store cannot be used: {0}")]
    File(String),
    /// Another process has the store open.
    #[error("the store {0} is in use by another process")]
    InUse(String),
    /// The store was found, but could not be opened.
    #[error("the store cannot be opened")]
    Store(#[from] StoreError),
}
