//! Where an endpoint is reached: an IP address and a port, or a socket in the file system of this machine.
//!
//! It is copied with each request, so a path is kept once and pointed to ([`SocketPath`]).

use std::{
    fmt,
    net::{IpAddr, SocketAddr},
    str::FromStr,
};

use super::{
    socket_path::{SocketPath, SocketPathError, UNIX},
    text_form::serde_as_text,
};

/// Where an endpoint is reached.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Address {
    /// By TCP.
    Tcp(SocketAddr),
    /// At a socket in the file system.
    Socket(SocketPath),
}

/// Why a text is no address.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum AddressError {
    /// It is neither.
    #[error(
        "an address is `ip:port` or `unix:/path`, such as 10.0.0.9:3000, [fd00::9]:3000 or unix:/run/app/web.sock"
    )]
    Malformed,
    /// It begins like a socket.
    #[error(transparent)]
    Socket(#[from] SocketPathError),
}

impl Address {
    /// Its address on a network, if it has one.
    pub fn tcp(self) -> Option<SocketAddr> {
        match self {
            Self::Tcp(address) => Some(address),
            Self::Socket(_) => None,
        }
    }

    /// The same without the port.
    pub fn ip(self) -> Option<IpAddr> {
        self.tcp().map(|address| address.ip())
    }
}

impl From<SocketAddr> for Address {
    fn from(address: SocketAddr) -> Self {
        Self::Tcp(address)
    }
}

impl<I: Into<IpAddr>> From<(I, u16)> for Address {
    fn from(address: (I, u16)) -> Self {
        Self::Tcp(address.into())
    }
}

impl FromStr for Address {
    type Err = AddressError;

    /// As it is spelled, whether it may be an endpoint or not.
    fn from_str(text: &str) -> Result<Self, AddressError> {
        match text.strip_prefix(UNIX).filter(|path| path.starts_with('/')) {
            Some(path) => Ok(Self::Socket(path.parse()?)),
            None => text.parse().map(Self::Tcp).map_err(|_| AddressError::Malformed),
        }
    }
}

impl fmt::Display for Address {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Tcp(address) => address.fmt(f),
            Self::Socket(path) => write!(f, "{UNIX}{path}"),
        }
    }
}

impl fmt::Debug for Address {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

serde_as_text!(Address);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn both_kinds_have_one_text() {
        for text in ["10.0.0.9:3000", "[fd00::9]:3000", "unix:/run/app/web.sock"] {
            let address: Address = text.parse().unwrap();
            assert_eq!(address.to_string(), text);
            assert_eq!(serde_json::to_string(&address).unwrap(), format!("\"{text}\""));
            assert_eq!(address.tcp().is_none(), text.starts_with("unix"));
        }
        for wrong in ["", "web:3000", "unix:80", "unix:run/a", "unix:/run/../a", "/run/app/web.sock"] {
            assert!(wrong.parse::<Address>().is_err(), "{wrong}");
        }
        assert!(size_of::<Address>() <= size_of::<SocketAddr>(), "the request path copies it");
    }
}
