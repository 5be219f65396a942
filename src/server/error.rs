//! Why a router did not start.

use std::io;

use crate::{config, control::StartError};

/// Why the router did not start.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The operating system refused an address, a thread or a file.
    #[error("{what}: {source}")]
    Io {
        /// What was tried.
        what: String,
        /// Why it failed.
        source: io::Error,
    },
    /// The store cannot be opened.
    #[error("the store cannot be opened: {0}")]
    Store(#[from] keyvalues::OpenError),
    /// The certificate cannot be used.
    #[error(transparent)]
    Certificate(#[from] config::ConfigError),
    /// TLS cannot be set up.
    #[error("TLS cannot be set up: {0}")]
    Tls(#[from] rustls::Error),
    /// The control plane cannot start.
    #[error(transparent)]
    Control(#[from] StartError),
}

impl Error {
    /// What was tried, for an error of the operating system.
    pub fn io(what: impl Into<String>) -> impl FnOnce(io::Error) -> Self {
        let what = what.into();
        move |source| Self::Io { what, source }
    }
}
