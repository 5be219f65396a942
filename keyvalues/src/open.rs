//! From a store's address to a running store.
//!
//! The address is what an operator writes after `--store`. Messages name the scheme and what is built in, and
//! never repeat the rest of the address, which may hold a password.

use std::sync::Arc;

use crate::{Memory, Store, StoreError, backends::awaited::Awaited};

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

/// Opens the store of this address: `memory`, `embedded:FILE`, `redis://...`, `etcd://...`, `http://...`, or with TLS
/// `rediss://...`, `etcds://...`, `https://...`. Must be called inside a tokio runtime.
pub async fn open(url: &str) -> Result<Arc<dyn Store>, OpenError> {
    let (scheme, rest) = url.split_once(':').unwrap_or((url, ""));
    match scheme {
        "memory" if rest.is_empty() => Ok(Arc::new(Memory::new())),
        "memory" => Err(OpenError::Address("`memory` takes nothing after it".into())),
        #[cfg(feature = "embedded")]
        "embedded" if rest.is_empty() => {
            Err(OpenError::Address("`embedded:` names no file; write `embedded:FILE`".into()))
        }
        #[cfg(feature = "embedded")]
        "embedded" => Ok(Arc::new(crate::Embedded::open(rest).await?)),
        #[cfg(feature = "etcd")]
        "etcd" | "etcds" => Ok(Arc::new(crate::Etcd::open(rest, scheme == "etcds").await?)),
        #[cfg(feature = "http")]
        "http" | "https" => crate::Http::open(rest, scheme == "https").await,
        #[cfg(feature = "redis")]
        "redis" | "rediss" => Ok(Arc::new(crate::Redis::open(rest, scheme == "rediss").await?)),
        _ => Err(OpenError::Scheme { scheme: scheme.into() }),
    }
}

/// The store of an address whose server does not answer now: it is opened by the first use that finds the server.
/// Until then every use fails with [`StoreError::Unreachable`]. `commits` says whether the server is one that can be
/// commanded; one that turns out to be of the other kind is refused.
pub fn await_later(url: &str, commits: bool) -> Arc<dyn Store> {
    Arc::new(Awaited::new(url, commits))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn an_unknown_scheme_is_told_what_is_built_in_but_not_its_password() {
        let error = open("mongo://user:secret@host").await.expect_err("no such backend").to_string();
        assert!(error.contains("`mongo`") && error.contains("memory"), "{error}");
        assert!(!error.contains("secret"), "{error}");
    }

    #[tokio::test]
    async fn memory_opens_and_takes_no_address() {
        assert!(open("memory").await.is_ok());
        assert!(matches!(open("memory:x").await, Err(OpenError::Address(_))));
    }

    #[cfg(feature = "embedded")]
    #[tokio::test]
    async fn embedded_needs_a_file() {
        assert!(matches!(open("embedded:").await, Err(OpenError::Address(_))));
    }
}
