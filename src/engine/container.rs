//! A container as an engine describes it.

use std::{
    collections::BTreeMap,
    net::{IpAddr, SocketAddr},
    time::Duration,
};

use bollard::models::{ContainerInspectResponse, ContainerStateStatusEnum as Status, NetworkSettings};

use super::{label::LABEL_DEPLOYMENT, name::NetworkName, reference::Digest, signal::Signal};

/// What an engine says of a time that never was.
const NEVER: &str = "0001-01-01T00:00:00Z";

/// A container as an engine describes it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Container {
    /// The engine's id of it: 64 hex digits.
    pub id: String,
    /// Its name.
    pub name: String,
    /// Its labels.
    pub labels: BTreeMap<String, String>,
    /// What it runs. None: the engine calls it by something else than a digest.
    pub digest: Option<Digest>,
    /// The image as it was named when the container was made.
    pub image: String,
    /// Where it is in its life.
    pub state: ContainerState,
    /// Why its process could not be started or ended, if the engine says so.
    pub error: Option<String>,
    /// Whether it was killed because its memory was used up.
    pub out_of_memory: bool,
    /// When its process was last started: RFC 3339 in UTC.
    pub started_at: Option<String>,
    /// The signal that ends it.
    pub stop_signal: Option<Signal>,
    /// How long it may take to end. None: as the engine has it, 10 s.
    pub stop_timeout: Option<Duration>,
    /// Where its ports are reached: the port in the container, and the address on the engine's host.
    published: Vec<(u16, SocketAddr)>,
    /// The ports that its image or whoever made it names.
    exposed: Vec<u16>,
    /// Its addresses, by network.
    networks: BTreeMap<String, IpAddr>,
}

/// Where a container is in its life.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ContainerState {
    /// Made, and never started.
    Created,
    /// Its process runs.
    Running,
    /// Its process is halted.
    Paused,
    /// It ended, and the engine starts it again.
    Restarting,
    /// It is being removed.
    Removing,
    /// Its process ended.
    Exited {
        /// With this code: 137 is SIGKILL, 143 SIGTERM.
        code: i64,
    },
    /// It could not be removed.
    Dead,
}

impl Container {
    /// A label's value.
    pub fn label(&self, name: &str) -> Option<&str> {
        self.labels.get(name).map(String::as_str)
    }

    /// Whether its process runs.
    pub fn is_running(&self) -> bool {
        self.state == ContainerState::Running
    }

    /// Whether the router started it.
    pub fn is_ours(&self) -> bool {
        self.labels.contains_key(LABEL_DEPLOYMENT)
    }

    /// Where a port of it is reached: in a network by its own address, else where the port is published. None while it does not
    /// run, since it has no address then.
    pub fn address(&self, port: u16, network: Option<&NetworkName>) -> Option<SocketAddr> {
        match network {
            Some(network) => self.networks.get(network.as_str()).map(|ip| SocketAddr::new(*ip, port)),
            None => self.published.iter().find(|(inner, _)| *inner == port).map(|(_, address)| *address),
        }
    }

    /// Whether an address leads to it.
    pub fn has_address(&self, address: SocketAddr) -> bool {
        let in_network = || self.networks.values().any(|ip| *ip == address.ip());
        self.published.iter().any(|(_, published)| *published == address) || in_network()
    }

    /// The port that it serves on, if it names exactly one.
    pub fn only_port(&self) -> Option<u16> {
        match self.exposed[..] {
            [port] => Some(port),
            _ => None,
        }
    }

    /// Reads an engine's answer. Published ports are reached under `host`.
    pub(super) fn read(answer: ContainerInspectResponse, host: IpAddr) -> Option<Self> {
        let config = answer.config.unwrap_or_default();
        let state = answer.state.unwrap_or_default();
        let settings = answer.network_settings.unwrap_or_default();
        let exposed = config.exposed_ports.iter().flatten();
        Some(Self {
            id: answer.id?,
            name: answer.name?.trim_start_matches('/').to_owned(),
            labels: config.labels.unwrap_or_default().into_iter().collect(),
            digest: answer.image.and_then(|text| text.parse().ok()),
            image: config.image.unwrap_or_default(),
            state: read_state(state.status?, state.exit_code),
            error: state.error.filter(|text| !text.is_empty()),
            out_of_memory: state.oom_killed.unwrap_or_default(),
            started_at: state.started_at.filter(|text| text != NEVER),
            stop_signal: config.stop_signal.and_then(|text| text.parse().ok()),
            stop_timeout: config
                .stop_timeout
                .and_then(|seconds| u64::try_from(seconds).ok())
                .map(Duration::from_secs),
            published: read_published(&settings, host),
            exposed: exposed.filter_map(|port| tcp_port(port)).collect(),
            networks: read_networks(settings),
        })
    }
}

impl ContainerState {
    /// In one word.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Created => "created",
            Self::Running => "running",
            Self::Paused => "paused",
            Self::Restarting => "restarting",
            Self::Removing => "removing",
            Self::Exited { .. } => "exited",
            Self::Dead => "dead",
        }
    }
}

fn read_state(status: Status, exit_code: Option<i64>) -> ContainerState {
    match status {
        Status::EMPTY | Status::CREATED => ContainerState::Created,
        Status::RUNNING | Status::STOPPING => ContainerState::Running,
        Status::PAUSED => ContainerState::Paused,
        Status::RESTARTING => ContainerState::Restarting,
        Status::REMOVING => ContainerState::Removing,
        Status::EXITED => ContainerState::Exited { code: exit_code.unwrap_or_default() },
        Status::DEAD => ContainerState::Dead,
    }
}

fn read_published(settings: &NetworkSettings, host: IpAddr) -> Vec<(u16, SocketAddr)> {
    let ports = settings.ports.iter().flatten();
    let mut published: Vec<(u16, SocketAddr)> = ports
        .filter_map(|(port, bindings)| {
            let binding =
                bindings.iter().flatten().find_map(|binding| binding.host_port.as_ref()?.parse().ok());
            Some((tcp_port(port)?, SocketAddr::new(host, binding?)))
        })
        .collect();
    published.sort_unstable();
    published
}

fn read_networks(settings: NetworkSettings) -> BTreeMap<String, IpAddr> {
    let networks = settings.networks.unwrap_or_default().into_iter();
    networks
        .filter_map(|(name, place)| {
            let address = |text: Option<String>| text.and_then(|text| text.parse().ok());
            Some((name, address(place.ip_address).or_else(|| address(place.global_ipv6_address))?))
        })
        .collect()
}

/// The number of a TCP port, which engines write as `80/tcp`.
fn tcp_port(text: &str) -> Option<u16> {
    text.strip_suffix("/tcp")?.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &str) -> Container {
        Container::read(serde_json::from_str(text).unwrap(), [10, 0, 0, 2].into()).unwrap()
    }

    #[test]
    fn an_address_is_the_published_one_or_that_in_a_network() {
        let container = read(
            r#"{"Id": "ab", "Name": "/shop", "Image": "shop", "State": {"Status": "running", "StartedAt": "2026-01-02T03:04:05.6Z"},
                "Config": {"ExposedPorts": {"80/tcp": {}}, "StopSignal": "SIGQUIT", "Labels": {"rolling.app": "shop"}},
                "NetworkSettings": {"Ports": {"80/tcp": [{"HostIp": "0.0.0.0", "HostPort": "32768"}], "53/udp": null},
                    "Networks": {"back": {"IPAddress": "172.18.0.2"}, "none": {"IPAddress": ""}}}}"#,
        );
        let back: NetworkName = "back".parse().unwrap();
        assert_eq!(container.address(80, None), Some("10.0.0.2:32768".parse().unwrap()));
        assert_eq!(container.address(80, Some(&back)), Some("172.18.0.2:80".parse().unwrap()));
        assert_eq!(container.address(81, None), None);
        assert_eq!(container.only_port(), Some(80));
        assert_eq!(
            (container.name.as_str(), container.label(crate::engine::label::LABEL_APP)),
            ("shop", Some("shop"))
        );
        assert!(container.is_running() && !container.is_ours());
        assert_eq!(container.stop_signal, Some("QUIT".parse().unwrap()));
    }

    #[test]
    fn one_that_never_ran_has_neither_time_nor_address() {
        let container = read(
            r#"{"Id": "ab", "Name": "/shop", "State": {"Status": "created", "StartedAt": "0001-01-01T00:00:00Z", "Error": ""}}"#,
        );
        assert_eq!((container.state, container.started_at.as_deref()), (ContainerState::Created, None));
        assert_eq!((container.address(80, None), container.error.as_deref()), (None, None));
    }
}
