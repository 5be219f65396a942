//! How a server is spoken to: user, password, database and TLS.

use redis::{
    Client, ClientTlsConfig, ConnectionAddr, IntoConnectionInfo, RedisConnectionInfo, RedisError,
    TlsCertificates,
};

use crate::{backends::remote::Address, open_error::OpenError};

/// A host and a port.
pub(super) type Spot = (String, u16);

/// How a server is spoken to.
#[derive(Clone)]
pub(super) struct Login {
    settings: RedisConnectionInfo,
    tls: Option<TlsCertificates>,
}

impl Login {
    /// With the user and the password of an address.
    pub(super) fn new(
        address: &Address,
        database: &str,
        tls: Option<TlsCertificates>,
    ) -> Result<Self, OpenError> {
        let number = match database {
            "" => 0,
            path => path.parse().map_err(|_| {
                OpenError::Address(format!("`/{path}` is not the number of a database, such as `/0`"))
            })?,
        };
        let login = Self::of(address.user.as_deref(), address.password.as_deref(), tls);
        Ok(Self { settings: login.settings.set_db(number), ..login })
    }

    /// With this user and this password, where there are any.
    pub(super) fn of(user: Option<&str>, password: Option<&str>, tls: Option<TlsCertificates>) -> Self {
        let mut settings = RedisConnectionInfo::default();
        if let Some(user) = user {
            settings = settings.set_username(user);
        }
        if let Some(password) = password {
            settings = settings.set_password(password);
        }
        Self { settings, tls }
    }

    /// The number of the database.
    pub(super) fn database(&self) -> i64 {
        self.settings.db()
    }

    /// A client that speaks so with the server at a place.
    pub(super) fn client(&self, (host, port): &Spot) -> Result<Client, OpenError> {
        let (host, port) = (host.clone(), *port);
        let bad = |error: RedisError| OpenError::Address(error.to_string());
        let place = match self.tls {
            Some(_) => ConnectionAddr::TcpTls { host, port, insecure: false, tls_params: None },
            None => ConnectionAddr::Tcp(host, port),
        };
        let info = place.into_connection_info().map_err(bad)?.set_redis_settings(self.settings.clone());
        let Some(certificates) = &self.tls else { return Client::open(info).map_err(bad) };
        let bad = |error: RedisError| OpenError::File(error.to_string());
        Client::build_with_tls(info, certificates.clone()).map_err(bad)
    }
}

/// The certificates that an address names.
pub(super) fn certificates(address: &mut Address) -> Result<TlsCertificates, OpenError> {
    let (ca, cert, key) = (address.pem("ca")?, address.pem("cert")?, address.pem("key")?);
    let client_tls = match (cert, key) {
        (Some(client_cert), Some(client_key)) => Some(ClientTlsConfig { client_cert, client_key }),
        (None, None) => None,
        _ => {
            let text = "`cert` and `key` need each other: give both or neither";
            return Err(OpenError::Address(text.into()));
        }
    };
    Ok(TlsCertificates { client_tls, root_cert: ca })
}
