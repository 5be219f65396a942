//! A store behind HTTP: another rolling-router, which keeps the whole contract, or a server with plain keys and values,
//! which is followed. Which of them a server is, is found out when it is opened.

mod link;
mod plain;
mod router;

use std::sync::Arc;

use crate::{contract::Store, open_error::OpenError};

use self::{link::Link, plain::Plain, router::Served};

/// Stores behind HTTP.
#[derive(Debug)]
pub struct Http;

impl Http {
    /// Connects to what follows `http:`, or with TLS to what follows `https:`:
    /// `//[:TOKEN@]host[:port][?prefix=P&token_file=FILE&ca=FILE&cert=FILE&key=FILE]`.
    ///
    /// `prefix` stands before every key; the first word of `token_file` is the token; `ca`, `cert` and `key` are PEM
    /// files.
    pub async fn open(rest: &str, tls: bool) -> Result<Arc<dyn Store>, OpenError> {
        let link = Link::open(rest, tls)?;
        Ok(match Served::about(&link).await? {
            Some(about) => Arc::new(Served::open(link, &about)?),
            None => Arc::new(Plain::open(link).await?),
        })
    }
}
