//! From a store's address to a running store.
//!
//! The address is what an operator writes after `--store`. Messages name the scheme and what is built in, and
//! never repeat the rest of the address, which may hold a password.

use std::sync::Arc;

use crate::{backends, backends::memory::Memory, contract::Store, open_error::OpenError};

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
        "embedded" => Ok(Arc::new(backends::embedded::Embedded::open(rest).await?)),
        #[cfg(feature = "etcd")]
        "etcd" | "etcds" => Ok(Arc::new(backends::etcd::Etcd::open(rest, scheme == "etcds").await?)),
        #[cfg(feature = "http")]
        "http" | "https" => backends::http::Http::open(rest, scheme == "https").await,
        #[cfg(feature = "redis")]
        "redis" | "rediss" => Ok(Arc::new(backends::redis::Redis::open(rest, scheme == "rediss").await?)),
        _ => Err(OpenError::Scheme { scheme: scheme.into() }),
    }
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
