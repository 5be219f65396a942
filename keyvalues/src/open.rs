//! Opening a store by its address.
//!
//! The address is what an operator writes after `--store`. Messages name its scheme and the schemes of this build. They never
//! repeat the rest of the address, which may hold a password.

use std::sync::Arc;

use crate::{backends::memory::Memory, contract::Store, open_error::OpenError};

/// Opens the store of this address: `memory`, `embedded:FILE`, `redis://...`, `redis+sentinel://...`, `etcd://...`, `http://...`, or with
/// TLS `rediss://...`, `rediss+sentinel://...`, `etcds://...`, `https://...`. Must be called inside a tokio runtime.
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
        #[cfg(feature = "redis")]
        "redis+sentinel" | "rediss+sentinel" => {
            let tls = scheme == "rediss+sentinel";
            Ok(Arc::new(crate::backends::redis::Redis::open_watched(rest, tls).await?))
        }
        _ => Err(OpenError::Scheme { scheme: scheme.into() }),
    }
}

/// Whether an address can be used, as far as that is known without connecting. See [`open`].
///
/// # Errors
/// As those of [`open`], less what only the server or the file can say.
pub fn check_address(url: &str) -> Result<(), OpenError> {
    let (scheme, rest) = url.split_once(':').unwrap_or((url, ""));
    match scheme {
        "memory" if rest.is_empty() => Ok(()),
        "memory" => Err(OpenError::Address("nothing may follow `memory`".into())),
        #[cfg(feature = "embedded")]
        "embedded" if !rest.is_empty() => Ok(()),
        #[cfg(feature = "etcd")]
        "etcd" | "etcds" => crate::backends::etcd::Etcd::check_address(rest, scheme == "etcds"),
        #[cfg(feature = "http")]
        "http" | "https" => crate::backends::http::Http::check_address(rest, scheme == "https"),
        #[cfg(feature = "redis")]
        "redis" | "rediss" => crate::backends::redis::Redis::check_address(rest, scheme == "rediss"),
        #[cfg(feature = "redis")]
        "redis+sentinel" | "rediss+sentinel" => {
            crate::backends::redis::Redis::check_watched_address(rest, scheme == "rediss+sentinel")
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

    #[test]
    fn an_address_is_checked_without_a_server_and_its_password_not_repeated() {
        for url in [
            "redis://:secret@h:99999",
            "redis://:secret/x@h:1/0",
            "redis://:1?secret=x@h:1/0",
            "redis://:secret@h/0?replcias=1",
            "redis://:secret@h,i/0",
            "redis://:secret@h/0?sentinel_password=secret",
            "redis+sentinel://:secret@h,i",
            "redis+sentinel://:secret@h,i/",
            "redis+sentinel://:secret@h,i/name/x",
            "redis+sentinel://:secret@h,i/name?sentinel_pasword=secret",
            "etcd://secret@h",
            "http://:secret@h:port",
            "http://:secret@h/path",
        ] {
            let error = check_address(url).expect_err(url).to_string();
            assert!(!error.contains("secret"), "{url}: {error}");
        }
        for url in [
            "memory",
            "embedded:x",
            "redis://:s@h:1/0",
            "etcd://u:p@h:1,i:2",
            "https://:t@h",
            "redis+sentinel://:s@h:1,i,[::1]:2/name/3?sentinel_password=s&replicas=1",
        ] {
            assert!(check_address(url).is_ok(), "{url}");
        }
    }

    /// They may be right again later, unlike the address itself, so whoever waits for a store has to tell the two apart.
    #[cfg(all(feature = "etcd", feature = "http", feature = "redis"))]
    #[test]
    fn files_that_are_gone_or_hold_something_else_are_told_from_a_wrong_address() {
        let folder = tempfile::tempdir().unwrap();
        let file = |name: &str, text: &str| {
            let path = folder.path().join(name);
            std::fs::write(&path, text).unwrap();
            path.display().to_string()
        };
        let gone = folder.path().join("gone").display().to_string();
        let empty = file("empty", "");
        let text = file("text", "this is no certificate");
        let junk = file("junk", "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n");
        let is_of_file = |url: &str| match check_address(url) {
            Err(OpenError::File(_)) => true,
            Err(OpenError::Address(_)) => false,
            other => panic!("{url}: {other:?}"),
        };
        for path in [&gone, &empty, &text, &junk] {
            for begin in ["rediss://h/0", "rediss+sentinel://h/name", "etcds://h", "https://h"] {
                assert!(is_of_file(&format!("{begin}?ca={path}")), "{begin}: {path}");
                assert!(is_of_file(&format!("{begin}?cert={path}&key={path}")), "{begin}: {path}");
            }
        }
        assert!(is_of_file(&format!("http://h?token_file={gone}")));
        assert!(is_of_file(&format!("http://h?token_file={empty}")));
        assert!(!is_of_file(&format!("https://h:port?ca={junk}")));
        assert!(!is_of_file("https://h?ka=x"));
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
