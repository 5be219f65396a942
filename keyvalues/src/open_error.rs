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
    /// The scheme is not one of this build's.
    #[error("unknown store `{scheme}`; this build has {}", BUILT_IN.join(", "))]
    Scheme {
        /// What was given before the colon.
        scheme: String,
    },
    /// The scheme is known, its address is not understood.
    #[error("the store address is not usable: {0}")]
    Address(String),
    /// Another process has it open.
    #[error("the store {0} is in use by another process")]
    InUse(String),
    /// It was found but did not open.
    #[error("the store did not open")]
    Store(#[from] StoreError),
}
