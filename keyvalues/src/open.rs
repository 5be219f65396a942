//! Opening a store by its address.
//!
//! The address is what an operator writes after `--store`. Messages name its scheme and the schemes of this build. They never
//! repeat the rest of the address, which may hold a password.

use std::sync::Arc;

use crate::{backends::memory::Memory, contract::Store, open_error::OpenError};

/// Opens the store of this address: `memory`, `embedded:FILE`, `redis://...`, `etcd://...`, `http://...`, or with TLS
/// `rediss://...`, `etcds://...`, `https://...`. Must be called inside a tokio runtime.
///
/// # Errors
/// The scheme is not in this build, the address cannot be used, or the store does not answer.
pub async fn open(url: &str) -> Result<Arc<dyn Store>, OpenError> {
    let (scheme, rest) = url.split_once(':').unwrap_or((url, ""));
    match scheme {
        "memory" if rest.is_empty() => Ok(Arc::new(Memory::new())),
        "memory" => Err(OpenError::Address("nothing may follow `memory`".into())),
        #[cfg(feature = "embedded")]
        "embedded" if rest.is_empty() => {
            Err(OpenError::Address("`embedded:` must be followed by a file, as in `embedded:FILE`".into()))
        }
        #[cfg(feature = "embedded")]
        "embedded" => Ok(Arc::new(crate::backends::embedded::Embedded::open(rest).await?)),
        #[cfg(feature = "etcd")]
        "etcd" | "etcds" => Ok(Arc::new(crate::backends::etcd::Etcd::open(rest, scheme == "etcds").await?)),
        #[cfg(feature = "http")]
        "http" | "https" => crate::backends::http::Http::open(rest, scheme == "https").await,
        #[cfg(feature = "redis")]
        "redis" | "rediss" => {
            Ok(Arc::new(crate::backends::redis::Redis::open(rest, scheme == "rediss").await?))
        }
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
