//! Why a router did not start.

use std::{io, net::SocketAddr};

use crate::{config, control::StartError};

/// Ports below this one are for those who have the capability, unless the system says otherwise.
const FREE_PORT_FIRST: u16 = 1_024;

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
    /// A socket that the service manager has opened is for no address of the settings.
    #[error(
        "the service manager gives a socket on {0}, which none of `listen`, `listen_tls`, `admin` and `hooks_listen` names"
    )]
    StraySocket(SocketAddr),
    /// A process that takes over must serve at once, and the old one goes on where it cannot.
    #[error("no table could be published from the store or from what was served last")]
    NoTable,
    /// The certificate cannot be used.
    #[error(transparent)]
    Certificate(#[from] config::ConfigError),
    /// The keys for the store's secrets cannot be used.
    #[error("{0} (--secrets-key-file)")]
    SecretsKeys(String),
    /// The collector could not be told who sends spans.
    #[error("{0} (--otlp-headers-file)")]
    Traces(String),
    /// Nobody could sign in by a proxy.
    #[error("{0} (--admin-sso-secret-file)")]
    SignIn(String),
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

    /// What was tried, and what to do where this user may not have the port. `wanted` are the flags with their addresses.
    pub fn port(what: impl Into<String>, wanted: &[(&str, SocketAddr)]) -> impl FnOnce(io::Error) -> Self {
        let what = what.into();
        let low = wanted.iter().find(|(_, address)| (1..FREE_PORT_FIRST).contains(&address.port()));
        let hint = low.map(|(flag, address)| {
            let port = match (*flag, address.port()) {
                ("--admin", _) => 8_080,
                (_, 443) => 8_443,
                _ => 8_000,
            };
            format!(
                "this user may not have port {}: take another one (`{flag} {port}`), or give the program the capability (`sudo setcap \
                 cap_net_bind_service=+ep \"$(command -v rolling-router)\"`, under systemd AmbientCapabilities=CAP_NET_BIND_SERVICE)",
                address.port()
            )
        });
        move |source| {
            let source = match hint.filter(|_| source.kind() == io::ErrorKind::PermissionDenied) {
                Some(hint) => io::Error::new(source.kind(), format!("{source}; {hint}")),
                None => source,
            };
            Self::Io { what, source }
        }
    }
}
