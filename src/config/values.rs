//! The configuration: every setting as a valid value.

use std::{
    net::SocketAddr,
    num::NonZeroUsize,
    path::{Path, PathBuf},
    time::Duration,
};

use super::{
    access_log::{AccessLogFormat, LogDestination, LogFormat},
    acme::Acme,
    acme_settings::ACME_DIRECTORY,
    endpoint_settings, engines,
    error::ConfigError,
    keyvalues_file::Keyvalues,
    listen,
    needed_file::NeededFile,
    parsers,
    raw::RawConfig,
    secret::Secret,
    setting,
    sso::Sso,
    store::StoreAddress,
    store_file,
    tls::Tls,
    traces::TraceExport,
};
use crate::{
    engine::EngineOptions,
    limits::Limits,
    rollout::{app::AppName, network::Network, socket_path::SocketPath},
};

/// The state directory of a router whose store is elsewhere.
const STATE_DEFAULT: &str = "./rolling-router-state";

/// The token file in the state directory.
const TOKEN_FILE_DEFAULT: &str = "tokens";

/// Everything that a router is told at start. To make one by hand, start from [`Config::default`] and change fields.
#[derive(Debug, Clone)]
pub struct Config {
    /// The file with settings. None: there is none.
    pub file: Option<PathBuf>,
    /// The front addresses; at least one. Port 0 takes any free one.
    pub listen: Vec<SocketAddr>,
    /// Where connections of this machine alone come in: files.
    pub listen_unix: Vec<PathBuf>,
    /// Where TLS is spoken, and with which certificates. None: nowhere.
    pub tls: Option<Tls>,
    /// The CA that issues certificates. None: none does.
    pub acme: Option<Acme>,
    /// The port of https to which plain http is redirected. None: plain http is served.
    pub https_redirect: Option<u16>,
    /// A path of the front that says whether this router is ready. None: none does.
    pub front_health_path: Option<String>,
    /// The admin address. Port 0 takes any free one.
    pub admin: SocketAddr,
    /// The path of another proxy below which the admin port is reached. None: none is.
    pub admin_base: Option<String>,
    /// How people sign in by a proxy's header. None: nobody does.
    pub sso: Option<Sso>,
    /// A port for senders to hooks in alone. Port 0 takes any free one. None: the admin port is theirs.
    pub hooks_listen: Option<SocketAddr>,
    /// The key-value store.
    pub store: StoreAddress,
    /// The file that holds the store's address. None: it was given as such.
    pub store_file: Option<PathBuf>,
    /// The file of the keys that encrypt the store's secrets. None: they are stored as they are.
    pub secrets_key_file: Option<PathBuf>,
    /// What to put into a store that is not set up yet. None: nothing.
    pub keyvalues: Option<Keyvalues>,
    /// The app for hosts that no app claims. None: the stored one, or the only app.
    pub app: Option<AppName>,
    /// One more admin token, beside those of the token file.
    pub token: Option<Secret>,
    /// The token file, which is made if it is missing. None: no token is kept (store `memory` without a state directory), and
    /// without [`Config::token`] a token is made that only this process knows.
    pub token_file: Option<PathBuf>,
    /// The state directory. None: nothing is kept.
    pub state: Option<PathBuf>,
    /// The name of this router in its fleet. None: its node id.
    pub node: Option<String>,
    /// After how much silence another member is presumed gone. None: never.
    pub member_gone: Option<Duration>,
    /// How many threads serve end users.
    pub workers: NonZeroUsize,
    /// Where the access log is written: one line for each request.
    pub access_log: LogDestination,
    /// The format of that line.
    pub access_log_format: AccessLogFormat,
    /// Where the audit is written: one line for each change, done or refused.
    pub audit_log: LogDestination,
    /// Which collector is sent spans. None: there are none.
    pub traces: Option<TraceExport>,
    /// Peers whose forwarding headers are believed.
    pub trusted_networks: Vec<Network>,
    /// Whether trusted proxies say by the PROXY protocol whose connections they pass on.
    pub proxy_protocol: bool,
    /// More host names of the admin port, in lower case.
    pub admin_hosts: Vec<String>,
    /// How long to go on accepting connections after SIGTERM.
    pub grace: Duration,
    /// Whether loopback addresses may be endpoints.
    pub loopback_endpoints: bool,
    /// The name servers that are asked for endpoints by name. Empty: those of the system.
    pub resolver: Vec<SocketAddr>,
    /// The folders below which sockets may be endpoints.
    pub endpoint_sockets: Vec<SocketPath>,
    /// The folder of the client certificates for endpoints.
    pub upstream_certificates: Option<PathBuf>,
    /// The Docker engines, by name.
    pub engines: Vec<EngineOptions>,
    /// The files that their tables name.
    pub engine_files: Vec<NeededFile>,
    /// How much is logged on standard error.
    pub log: tracing::Level,
    /// The format of that.
    pub log_format: LogFormat,
    /// The limits that an operator may set.
    pub limits: Limits,
    /// What an operator should mend, though all of it is valid.
    pub warnings: Vec<String>,
}

impl Default for Config {
    /// The defaults of all settings.
    fn default() -> Self {
        Self::from_raw(&RawConfig::default()).expect("the defaults in `setting` are valid, as a test shows")
    }
}

impl Config {
    /// Parses and checks all settings. The keyvalues file and the certificate are read if they are named; nothing else is
    /// opened.
    ///
    /// # Errors
    /// A value is not allowed, two values contradict each other, or a file cannot be read.
    pub fn from_raw(raw: &RawConfig) -> Result<Self, ConfigError> {
        let (store, store_file, mut warnings) = store_file::read(raw)?;
        let state = raw.optional(&setting::STATE, parsers::path)?.or_else(|| default_state(&store));
        let served_before = served_before(state.as_deref());
        let engines = engines::read(raw, served_before, &mut warnings)?;
        let acme = acme(raw, served_before, &mut warnings)?;
        let front = raw.required(&setting::LISTEN, listen::parse_front)?;
        let in_state = |state: &PathBuf| state.join(TOKEN_FILE_DEFAULT);
        let config = Self {
            file: None,
            listen: front.addresses,
            listen_unix: front.files,
            tls: tls(raw, served_before)?,
            acme,
            https_redirect: raw.required(&setting::HTTPS_REDIRECT, parsers::https_redirect)?,
            front_health_path: raw.optional(&setting::FRONT_HEALTH_PATH, parsers::health_path)?,
            admin: raw.required(&setting::ADMIN, listen::parse_one)?,
            admin_base: raw.optional(&setting::ADMIN_BASE, parsers::admin_base)?,
            sso: Sso::from_raw(raw)?,
            hooks_listen: raw.optional(&setting::HOOKS_LISTEN, listen::parse_one)?,
            secrets_key_file: raw.optional(&setting::SECRETS_KEY_FILE, parsers::path)?,
            keyvalues: read_keyvalues(raw, served_before, &mut warnings)?,
            app: raw.optional(&setting::APP, parsers::app_name)?,
            token: raw.optional(&setting::TOKEN, str::parse)?,
            token_file: raw
                .optional(&setting::TOKEN_FILE, parsers::path)?
                .or_else(|| state.as_ref().map(in_state)),
            node: raw.optional(&setting::NODE, parsers::node_name)?,
            member_gone: raw.required(&setting::MEMBER_GONE_SECONDS, parsers::member_gone)?,
            workers: raw.required(&setting::WORKERS, parsers::workers)?,
            access_log: raw.required(&setting::ACCESS_LOG, parsers::log_destination)?,
            audit_log: raw.required(&setting::AUDIT_LOG, parsers::log_destination)?,
            traces: TraceExport::from_raw(raw)?,
            access_log_format: raw.required(&setting::ACCESS_LOG_FORMAT, parsers::access_log_format)?,
            trusted_networks: raw.list(&setting::TRUSTED_NETWORKS, parsers::network)?,
            proxy_protocol: raw.required(&setting::PROXY_PROTOCOL, parsers::off_or_on)?,
            admin_hosts: raw.list(&setting::ADMIN_HOSTS, parsers::host_name)?,
            grace: raw.required(&setting::GRACE_SECONDS, parsers::seconds)?,
            loopback_endpoints: raw
                .required(&endpoint_settings::LOOPBACK_ENDPOINTS, parsers::allow_or_refuse)?,
            endpoint_sockets: raw
                .optional(&endpoint_settings::ENDPOINT_SOCKETS, listen::socket_folders)?
                .unwrap_or_default(),
            resolver: raw.list(&endpoint_settings::RESOLVER, parsers::name_server)?,
            upstream_certificates: raw.optional(&endpoint_settings::UPSTREAM_CERTIFICATES, parsers::path)?,
            engines: engines.options,
            engine_files: engines.files,
            log: raw.required(&setting::LOG, parsers::level)?,
            log_format: raw.required(&setting::LOG_FORMAT, parsers::log_format)?,
            limits: limits(raw)?,
            warnings,
            store,
            store_file,
            state,
        };
        config.check_contradictions()
    }

    /// Where end users are served over TLS.
    pub fn listen_tls(&self) -> impl Iterator<Item = &SocketAddr> {
        self.tls.iter().flat_map(|tls| &tls.listen)
    }

    /// The sockets in the file system that the router listens on, as paths.
    pub fn own_sockets(&self) -> Vec<String> {
        self.listen_unix.iter().map(|path| path.display().to_string()).collect()
    }

    /// Whether the admin port speaks https.
    pub fn admin_tls(&self) -> bool {
        self.tls.as_ref().is_some_and(|tls| tls.admin)
    }

    /// Whether an earlier run left what it served. Such a router serves it again, whatever else it misses.
    pub fn served_before(&self) -> bool {
        served_before(self.state.as_deref())
    }

    fn check_contradictions(self) -> Result<Self, ConfigError> {
        let secure = self.listen_tls();
        let listening: Vec<(&str, &SocketAddr)> = std::iter::once(("admin", &self.admin))
            .chain(self.hooks_listen.iter().map(|address| (setting::HOOKS_LISTEN.name, address)))
            .chain(self.listen.iter().map(|address| (setting::LISTEN.name, address)))
            .chain(secure.map(|address| (setting::LISTEN_TLS.name, address)))
            .collect();
        for (at, (name, address)) in listening.iter().enumerate() {
            let earlier = listening[..at].iter().filter(|(other, _)| other != name);
            if let Some((other, taken)) = earlier.clone().find(|(_, taken)| collide(address, taken)) {
                return Err(ConfigError::Contradiction(format!(
                    "`{name}` has {address} and `{other}` has {taken}: each needs a port of its own"
                )));
            }
        }
        let serves_https = self.listen_tls().next().is_some();
        if self.https_redirect.is_some() && !serves_https && self.trusted_networks.is_empty() {
            return Err(ConfigError::Contradiction(
                "`https_redirect` is on, but nothing serves https: set `listen_tls`, or name the proxy that serves https in \
                 `trusted_networks`"
                    .into(),
            ));
        }
        if self.proxy_protocol && self.trusted_networks.is_empty() {
            return Err(ConfigError::Contradiction(
                "`proxy_protocol` is on, but no proxy is trusted: name those that speak it in `trusted_networks`".into(),
            ));
        }
        Ok(self)
    }
}

/// Whether two listeners cannot both listen.
fn collide(left: &SocketAddr, right: &SocketAddr) -> bool {
    let unspecified = left.ip().is_unspecified() || right.ip().is_unspecified();
    left.port() == right.port()
        && left.port() != 0
        && left.is_ipv4() == right.is_ipv4()
        && (unspecified || left.ip() == right.ip())
}

/// The last good table in the state directory, as `control::sync::last_good` names it.
const LAST_GOOD_FILE: &str = "table";

fn served_before(state: Option<&Path>) -> bool {
    state.is_some_and(|state| state.join(LAST_GOOD_FILE).exists())
}

/// Reads the certificates once, so that a broken one is refused at the first start.
fn tls(raw: &RawConfig, served_before: bool) -> Result<Option<Tls>, ConfigError> {
    let listen = raw.optional(&setting::LISTEN_TLS, listen::parse_many)?;
    let certificate = raw.optional(&setting::TLS_CERTIFICATE, parsers::paths)?;
    let key = raw.optional(&setting::TLS_KEY, parsers::paths)?;
    let admin = raw.required(&setting::ADMIN_TLS, parsers::off_or_on)?;
    let acme = raw.origin(&ACME_DIRECTORY).is_some();
    let tls = Tls::from_settings(listen, admin, certificate, key, acme)?;
    if let Some(tls) = tls.as_ref().filter(|_| !served_before) {
        tls.pairs.iter().try_for_each(|pair| pair.read().map(drop))?;
    }
    Ok(tls)
}

/// Reads which CA is asked. A router that served before goes without a file that is missing now, and orders nothing.
fn acme(
    raw: &RawConfig,
    served_before: bool,
    warnings: &mut Vec<String>,
) -> Result<Option<Acme>, ConfigError> {
    match Acme::from_raw(raw) {
        Err(error @ ConfigError::Certificate { .. }) if served_before => {
            warnings.push(format!("no certificates are ordered: {error}"));
            Ok(None)
        }
        read => read,
    }
}

/// Reads the keyvalues of a new store. A router that served before has no use for them, so it does not miss them.
fn read_keyvalues(
    raw: &RawConfig,
    served_before: bool,
    warnings: &mut Vec<String>,
) -> Result<Option<Keyvalues>, ConfigError> {
    let file = raw.optional(&setting::KEYVALUES, parsers::path)?;
    match file.map(|file| Keyvalues::read(&file)).transpose() {
        Err(error) if served_before => {
            warnings.push(format!("the keyvalues for a new store are left out: {error}"));
            Ok(None)
        }
        read => read,
    }
}

fn limits(raw: &RawConfig) -> Result<Limits, ConfigError> {
    let Some((path, table)) = &raw.limits else { return Ok(Limits::default()) };
    let refuse = |fault: String| ConfigError::Limit { path: path.clone(), fault };
    let limits: Limits = serde_path_to_error::deserialize(table.clone())
        .map_err(|error| refuse(limit_fault(table, &error.path().to_string(), error.inner())))?;
    limits.checked().map_err(|error| refuse(error.to_string()))
}

/// What is wrong with the limit at which reading stopped: its name, its value and what is allowed.
fn limit_fault(table: &toml::Table, name: &str, error: &toml::de::Error) -> String {
    let known =
        |name: &str| toml::Table::from_iter([(name.to_owned(), 1.into())]).try_into::<Limits>().is_ok();
    let Some(value) = table.get(name).filter(|_| known(name)) else {
        // The message names the unknown limit, and lists the known ones.
        return format!("limits: {}", error.message());
    };
    let whole_number = match value.as_integer() {
        Some(number) if number > u32::MAX.into() => "a whole number from 0 to 4294967295",
        _ => "a whole number, 0 or more",
    };
    format!("limits.{name} is {value}; allowed: {}", Limits::allowed(name).unwrap_or(whole_number))
}

fn default_state(store: &StoreAddress) -> Option<PathBuf> {
    match store {
        StoreAddress::Memory => None,
        StoreAddress::Embedded(_) => store.folder().map(Path::to_owned),
        StoreAddress::Remote(_) => Some(STATE_DEFAULT.into()),
    }
}
