//! Where this router listens, and what else no endpoint may be.

use std::net::{IpAddr, SocketAddr};

use crate::config::Config;

/// Where end users come in.
pub fn front_addresses(config: &Config) -> Vec<SocketAddr> {
    config.listen.iter().chain(config.listen_tls()).copied().collect()
}

/// Addresses that may not be endpoints. A wildcard listener answers at all addresses that the machine has at the start. An
/// address that it gets later is not among them; there `CDN-Loop` stops a loop.
pub struct OwnAddresses {
    /// Where others reach this router.
    pub listeners: Vec<SocketAddr>,
    /// Every address that leads to this router or to its store.
    pub all: Vec<SocketAddr>,
}

impl OwnAddresses {
    /// `others` is where the admin port listens, and the port for senders to hooks in.
    pub fn new(config: &Config, others: &[SocketAddr]) -> Self {
        let mut listeners = front_addresses(config);
        listeners.extend(others);
        // A listener with port 0 has no address yet.
        listeners.retain(|listener| listener.port() != 0);
        let wildcards: Vec<SocketAddr> =
            listeners.iter().copied().filter(|listener| listener.ip().is_unspecified()).collect();
        if !wildcards.is_empty() {
            for ip in machine_addresses() {
                // An IPv6 wildcard usually takes IPv4 as well.
                let answers = wildcards.iter().filter(|wildcard| wildcard.is_ipv6() || ip.is_ipv4());
                listeners.extend(answers.map(|wildcard| SocketAddr::new(ip, wildcard.port())));
            }
        }
        let all = listeners.iter().copied().chain(config.store.addresses()).collect();
        Self { listeners, all }
    }
}

fn machine_addresses() -> Vec<IpAddr> {
    let interfaces = if_addrs::get_if_addrs().unwrap_or_else(|error| {
        tracing::warn!(
            "the machine's addresses cannot be listed, so endpoints are not checked against them: {error}"
        );
        Vec::new()
    });
    interfaces.iter().map(if_addrs::Interface::ip).collect()
}
