//! A store behind HTTP: another rolling-router, which keeps the whole contract, or a server with plain keys and values,
//! which is only followed. Which of the two a server is, turns out when it is opened.

mod link;
mod plain_store;
mod router_store;

use std::sync::Arc;

use crate::{contract::Store, open_error::OpenError};

use self::{link::Link, plain_store::PlainStore, router_store::RouterStore};

/// Stores behind HTTP.
#[derive(Debug)]
pub struct Http;

impl Http {
    /// Connects to what follows `http:`, or with TLS to what follows `https:`:
    /// `//[:TOKEN@]host[:port][?prefix=P&token_file=FILE&ca=FILE&cert=FILE&key=FILE]`.
    ///
    /// `prefix` is put before every key; the first word of `token_file` is the token; `ca`, `cert` and `key` are PEM
    /// files.
    pub async fn open(rest: &str, tls: bool) -> Result<Arc<dyn Store>, OpenError> {
        let link = Link::open(rest, tls)?;
        Ok(match RouterStore::about(&link).await? {
            Some(about) => Arc::new(RouterStore::open(link, &about)?),
            None => Arc::new(PlainStore::open(link).await?),
        })
    }

    /// Whether that can be used, as far as it is known without connecting.
    pub fn check_address(rest: &str, tls: bool) -> Result<(), OpenError> {
        Link::open(rest, tls).map(drop)
    }
}
