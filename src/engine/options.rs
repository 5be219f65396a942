//! What an engine is configured with.

use std::{net::IpAddr, path::PathBuf};

use super::{
    address::{EngineAddress, EngineTls},
    name::{EngineName, NetworkName},
    policy::Policy,
};

/// What an engine is configured with.
#[derive(Debug, Clone)]
pub struct EngineOptions {
    /// Its name among the engines of this router.
    pub name: EngineName,
    /// Where it is.
    pub address: EngineAddress,
    /// How it is known to be itself. None: TCP without TLS, or a socket.
    pub tls: Option<EngineTls>,
    /// What it may be asked for.
    pub policy: Policy,
    /// The address of its host, at which ports are published.
    pub host: IpAddr,
    /// The network by whose addresses its containers are reached. None: by published ports.
    pub network: Option<NetworkName>,
    /// A `config.json` of Docker, with logins to registries. Read again at each pull.
    pub registry_login_file: Option<PathBuf>,
}
