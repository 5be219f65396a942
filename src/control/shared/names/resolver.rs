//! The resolver: what a host name stands for, by /etc/hosts and by name servers.
//!
//! It asks name servers itself, so that a name server that is silent holds up no thread (`getaddrinfo` blocks one for up to half
//! a minute), and so that others than those of the system can be asked. Nothing is kept between two questions: a name is asked
//! for every few seconds, whatever its TTL says.

use std::{
    net::{IpAddr, SocketAddr},
    path::Path,
    time::{Duration, SystemTime},
};

use hickory_resolver::{
    TokioResolver,
    config::{ConnectionConfig, NameServerConfig, ResolverConfig, ResolverOpts},
    net::{DnsError, NetError, runtime::TokioRuntimeProvider},
    proto::{
        op::ResponseCode,
        rr::{Name, RData, RecordType},
    },
    system_conf::read_system_conf,
};
use parking_lot::Mutex;
use tokio::time::timeout;

/// How long one question may take, repeats included: a person waits at the gate.
const LOOK_UP_MAX: Duration = Duration::from_secs(4);
/// How long one name server may take before it is asked again, or another one is.
const ANSWER_MAX: Duration = Duration::from_millis(1_500);

/// The files that say how names are resolved; they may change while the router runs.
const FILES: [&str; 2] = ["/etc/resolv.conf", "/etc/hosts"];

/// The addresses of a host name in one family; or why it is not known whether there are any.
pub type Answer = Result<Vec<IpAddr>, String>;

/// What asks name servers.
#[derive(Default)]
pub struct NameResolver {
    /// The name servers to ask; none: those of the system.
    servers: Vec<SocketAddr>,
    current: Mutex<Option<(FileTimes, TokioResolver)>>,
}

type FileTimes = [Option<SystemTime>; FILES.len()];

impl NameResolver {
    /// Asks these name servers; if there are none, those of the system.
    pub fn new(servers: Vec<SocketAddr>) -> Self {
        Self { servers, current: Mutex::default() }
    }

    /// The addresses that a host name stands for: in IPv4, and in IPv6.
    pub async fn look_up(&self, host: &str) -> [Answer; 2] {
        let (name, resolver) = match (Name::from_ascii(host), self.resolver()) {
            (Ok(name), Ok(resolver)) => (name, resolver),
            (Err(error), _) => return [Err(error.to_string()), Err(error.to_string())],
            (_, Err(error)) => return [Err(said(&error)), Err(said(&error))],
        };
        let ask = async |family: RecordType| {
            let asked = timeout(LOOK_UP_MAX, resolver.lookup(name.clone(), family)).await;
            match asked.unwrap_or(Err(NetError::Timeout)) {
                Ok(found) => Ok(found.answers().iter().filter_map(|record| ip(&record.data)).collect()),
                Err(error) if is_none(&error) => Ok(Vec::new()),
                Err(error) => Err(said(&error)),
            }
        };
        let (v4, v6) = tokio::join!(ask(RecordType::A), ask(RecordType::AAAA));
        [v4, v6]
    }

    /// A resolver by the files as they are now.
    fn resolver(&self) -> Result<TokioResolver, NetError> {
        let times = FILES.map(|file| Path::new(file).metadata().and_then(|file| file.modified()).ok());
        let mut current = self.current.lock();
        if let Some((_, resolver)) = current.as_ref().filter(|(known, _)| *known == times) {
            return Ok(resolver.clone());
        }
        // Without a readable resolv.conf, /etc/hosts still counts.
        let (system, mut options) = read_system_conf().unwrap_or_default();
        let servers = match self.servers.as_slice() {
            [] => system.name_servers().to_vec(),
            servers => servers.iter().copied().map(name_server).collect(),
        };
        let config = ResolverConfig::from_parts(system.domain().cloned(), system.search().to_vec(), servers);
        bound(&mut options);
        let builder = TokioResolver::builder_with_config(config, TokioRuntimeProvider::default());
        let resolver = builder.with_options(options).build()?;
        *current = Some((times, resolver.clone()));
        Ok(resolver)
    }
}

fn bound(options: &mut ResolverOpts) {
    options.timeout = options.timeout.min(ANSWER_MAX);
    options.attempts = options.attempts.min(2);
    options.cache_size = 0;
}

fn name_server(address: SocketAddr) -> NameServerConfig {
    let mut server = NameServerConfig::udp_and_tcp(address.ip());
    server.connections = vec![ConnectionConfig::udp(), ConnectionConfig::tcp()];
    server.connections.iter_mut().for_each(|connection| connection.port = address.port());
    server
}

fn ip(data: &RData) -> Option<IpAddr> {
    match data {
        RData::A(address) => Some(address.0.into()),
        RData::AAAA(address) => Some(address.0.into()),
        _ => None,
    }
}

/// Whether an answer says that there is no such address.
fn is_none(error: &NetError) -> bool {
    matches!(
        error,
        NetError::Dns(DnsError::NoRecordsFound(none))
            if matches!(none.response_code, ResponseCode::NXDomain | ResponseCode::NoError)
    )
}

/// Why there is no answer, for people.
fn said(error: &NetError) -> String {
    match error {
        NetError::Timeout => "no name server answers".to_owned(),
        NetError::NoConnections => "no name server can be reached".to_owned(),
        NetError::Dns(DnsError::ResponseCode(code)) => format!("the name server answers `{code}`"),
        error => error.to_string(),
    }
}
