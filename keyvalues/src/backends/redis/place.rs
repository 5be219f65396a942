//! Where the server is: at the one host of its address, or where Sentinels say that the primary is.

use std::fmt;

use redis::Client;

use super::{
    login::{Login, Spot, certificates},
    sentinel::Sentinels,
};
use crate::{backends::remote::Address, contract::StoreError, open_error::OpenError};

/// What a scheme says of the servers that an address names.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Scheme {
    /// They speak TLS.
    pub(super) tls: bool,
    /// They are Sentinels, and the path begins with the name of the primary that they watch.
    pub(super) sentinel: bool,
}

/// Where the server is.
pub(super) enum Place {
    Fixed(Spot, Login),
    Watched(Sentinels),
}

impl Place {
    /// Takes hosts, path and login out of an address.
    pub(super) fn of(address: &mut Address, scheme: Scheme) -> Result<Self, OpenError> {
        let bad = |text: &str| OpenError::Address(text.to_owned());
        let tls = if scheme.tls { Some(certificates(address)?) } else { None };
        if scheme.sentinel {
            let (name, database) = address.path.split_once('/').unwrap_or((&address.path, ""));
            if name.is_empty() {
                return Err(bad(
                    "the name of the primary is missing, as in `redis+sentinel://HOST,HOST/NAME`",
                ));
            }
            let (name, login) = (name.to_owned(), Login::new(address, database, tls.clone())?);
            let (user, password) = (address.option("sentinel_user"), address.option("sentinel_password"));
            let asking = Login::of(user.as_deref(), password.as_deref(), tls);
            return Ok(Self::Watched(Sentinels::new(name, &address.hosts, &asking, login)?));
        }
        let [host] = &address.hosts[..] else {
            return Err(bad(
                "a Redis address has one host; for several that Sentinels watch there is `redis+sentinel://HOST,HOST/NAME`, with the \
                 Sentinels' hosts and the name of the primary",
            ));
        };
        let login = Login::new(address, &address.path, tls)?;
        // What a client refuses, it refuses before anything is connected.
        login.client(host)?;
        Ok(Self::Fixed(host.clone(), login))
    }

    /// Where the primary is now.
    pub(super) async fn find(&self) -> Result<Spot, StoreError> {
        match self {
            Self::Fixed(spot, _) => Ok(spot.clone()),
            Self::Watched(sentinels) => sentinels.primary().await,
        }
    }

    /// A client of the server there.
    pub(super) fn client(&self, spot: &Spot) -> Result<Client, StoreError> {
        let made = self.login().client(spot);
        made.map_err(|error| StoreError::Unreachable(error.to_string()))
    }

    /// The number of the database.
    pub(super) fn database(&self) -> i64 {
        self.login().database()
    }

    /// Whether the primary may move.
    pub(super) const fn moves(&self) -> bool {
        matches!(self, Self::Watched(_))
    }

    /// Waits until the primary is somewhere else.
    pub(super) async fn moved(&self, from: &Spot) -> StoreError {
        match self {
            Self::Fixed(..) => std::future::pending().await,
            Self::Watched(sentinels) => sentinels.moved(from).await,
        }
    }

    const fn login(&self) -> &Login {
        match self {
            Self::Fixed(_, login) => login,
            Self::Watched(sentinels) => sentinels.login(),
        }
    }
}

impl fmt::Debug for Place {
    /// Without the login.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Fixed((host, port), _) => write!(f, "{host}:{port}"),
            Self::Watched(sentinels) => sentinels.fmt(f),
        }
    }
}
