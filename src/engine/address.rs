//! Where an engine is, and how it is known to be itself.

use std::{fmt, net::IpAddr, path::PathBuf, sync::Arc};

use rustls::{
    ClientConfig, RootCertStore,
    crypto::aws_lc_rs,
    pki_types::{CertificateDer, PrivateKeyDer, pem::PemObject},
};

use super::refusal::Refusal;

/// Where an engine is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum EngineAddress {
    /// A socket of this machine.
    Unix(PathBuf),
    /// Another machine, or a port of this one.
    Tcp {
        /// Its name or address.
        host: String,
        /// Its port.
        port: u16,
    },
}

impl EngineAddress {
    /// Where ports that its containers publish are reached: on this machine, or under the address. None: it has a name alone.
    pub fn host(&self) -> Option<IpAddr> {
        match self {
            Self::Unix(_) => Some([127, 0, 0, 1].into()),
            Self::Tcp { host, .. } => host.parse().ok(),
        }
    }
}

impl std::str::FromStr for EngineAddress {
    type Err = Refusal;

    fn from_str(text: &str) -> Result<Self, Refusal> {
        let refuse = || Refusal::new("address", text, "unix:///path/of/the/socket or tcp://host:port");
        if let Some(path) = text.strip_prefix("unix://") {
            return if path.len() > 1 && path.starts_with('/') {
                Ok(Self::Unix(path.into()))
            } else {
                Err(refuse())
            };
        }
        let rest = text.strip_prefix("tcp://").ok_or_else(refuse)?;
        let (host, port) = rest.trim_end_matches('/').rsplit_once(':').ok_or_else(refuse)?;
        let bare = host.strip_prefix('[').and_then(|host| host.strip_suffix(']')).unwrap_or(host);
        let is_name = |text: &str| {
            let inner = |byte: u8| byte.is_ascii_alphanumeric() || b".-_".contains(&byte);
            !text.is_empty() && text.bytes().all(inner)
        };
        let port = port.parse().ok().filter(|port| *port > 0).ok_or_else(refuse)?;
        if bare.parse::<IpAddr>().is_ok() || is_name(bare) {
            return Ok(Self::Tcp { host: bare.into(), port });
        }
        Err(refuse())
    }
}

impl fmt::Display for EngineAddress {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Unix(path) => write!(f, "unix://{}", path.display()),
            Self::Tcp { host, port } if host.contains(':') => write!(f, "tcp://[{host}]:{port}"),
            Self::Tcp { host, port } => write!(f, "tcp://{host}:{port}"),
        }
    }
}

/// How an engine shows that it is itself, and the router that it may ask.
#[derive(Clone)]
pub struct EngineTls(pub(super) Arc<ClientConfig>);

impl fmt::Debug for EngineTls {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("EngineTls")
    }
}

impl EngineTls {
    /// From PEM files: who signed the engine's certificate, and the router's own certificate with its key.
    ///
    /// # Errors
    /// The field whose file is wrong, and what is wrong with it.
    pub fn read(ca: &[u8], own: Option<(&[u8], &[u8])>) -> Result<Self, (&'static str, String)> {
        let mut roots = RootCertStore::empty();
        for certificate in certificates("tls_ca", ca)? {
            roots.add(certificate).map_err(|error| ("tls_ca", error.to_string()))?;
        }
        let builder = ClientConfig::builder_with_provider(Arc::new(aws_lc_rs::default_provider()))
            .with_safe_default_protocol_versions()
            .map_err(|error| ("tls_ca", error.to_string()))?
            .with_root_certificates(roots);
        let config = match own {
            None => builder.with_no_client_auth(),
            Some((certificate, key)) => {
                let chain = certificates("tls_certificate", certificate)?;
                // The error may quote the line where parsing stopped, and that line may be the key.
                let key = PrivateKeyDer::from_pem_slice(key)
                    .map_err(|_| ("tls_key", "the file has no private key that can be used".to_owned()))?;
                builder.with_client_auth_cert(chain, key).map_err(|error| ("tls_key", error.to_string()))?
            }
        };
        Ok(Self(Arc::new(config)))
    }
}

fn certificates(
    field: &'static str,
    pem: &[u8],
) -> Result<Vec<CertificateDer<'static>>, (&'static str, String)> {
    let read: Result<Vec<_>, _> = CertificateDer::pem_slice_iter(pem).collect();
    let read = read.map_err(|error| (field, format!("the file is not PEM: {error}")))?;
    if read.is_empty() { Err((field, "the file has no certificate".into())) } else { Ok(read) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_is_a_socket_or_a_port() {
        for text in [
            "unix:///var/run/docker.sock",
            "tcp://10.0.0.2:2376",
            "tcp://node-2.example:2376",
            "tcp://[fd00::2]:2376",
        ] {
            assert_eq!(text.parse::<EngineAddress>().unwrap().to_string(), text);
        }
        let wrong = [
            "",
            "unix://",
            "unix:///",
            "unix://docker.sock",
            "tcp://10.0.0.2",
            "tcp://:2376",
            "tcp://a b:1",
            "ssh://x:1",
            "tcp://x:0",
        ];
        for text in wrong {
            assert!(text.parse::<EngineAddress>().is_err(), "{text}");
        }
        let host = |text: &str| text.parse::<EngineAddress>().unwrap().host();
        assert_eq!(host("unix:///run/docker.sock"), Some([127, 0, 0, 1].into()));
        assert_eq!(host("tcp://node2:2376"), None);
    }
}
