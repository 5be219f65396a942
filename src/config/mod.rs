//! Configuration: the raw form (command line, environment, file) into a valid [`Config`].
//!
//! Every value goes through a parser once, here; nothing downstream checks again. A value on the command line
//! counts before one in the environment, that before one in the file, that before the default. What belongs to one app
//! (hosts, drain, cookie ...) is no configuration: it is a setting in the store, the same for every router.

mod error;
mod keyvalues;
mod listen;
mod raw;
pub mod setting;
mod store;
mod tls;

use std::{
    net::SocketAddr,
    num::NonZeroUsize,
    path::{Path, PathBuf},
    time::Duration,
};

pub use crate::rollout::network::Network;
pub use error::ConfigError;
pub use keyvalues::{Keyvalues, MARKER};
pub use raw::{FILE_ENVIRONMENT, Given, RawConfig, Source};
use setting::Setting;
pub use store::StoreAddress;
pub use tls::Tls;

use crate::{limits::Limits, rollout::app::AppName};

/// The state directory of a router whose store is elsewhere.
const STATE_DEFAULT: &str = "./rolling-router-state";

/// The token file in the state directory.
const TOKEN_FILE_DEFAULT: &str = "tokens";

/// Everything a router is told at start. Start from [`Config::default`] and change fields to make one by hand.
#[derive(Debug, Clone)]
pub struct Config {
    /// The front addresses; at least one. Port 0 takes any free one.
    pub listen: Vec<SocketAddr>,
    /// Where end users are served in TLS; none: nowhere.
    pub tls: Option<Tls>,
    /// Plain http is answered with a redirect to https on this port; none: it is served.
    pub https_redirect: Option<u16>,
    /// The admin address. Port 0 takes any free one.
    pub admin: SocketAddr,
    /// The key-value store.
    pub store: StoreAddress,
    /// What to put into a store that is not set up yet.
    pub keyvalues: Option<Keyvalues>,
    /// The app for hosts that no app has claimed; none: the only one.
    pub app: Option<AppName>,
    /// One more admin token.
    pub token: Option<Secret>,
    /// The token file; made if missing. None: nothing is kept (store `memory` without a state directory), and
    /// without [`Config::token`] a token is made for this process alone.
    pub token_file: Option<PathBuf>,
    /// The state directory; none: nothing is kept.
    pub state: Option<PathBuf>,
    /// What this router is called in its fleet; none: its node id.
    pub node: Option<String>,
    /// Threads that serve end users.
    pub workers: NonZeroUsize,
    /// Where one line per request goes.
    pub access_log: AccessLog,
    /// What that line looks like.
    pub access_log_format: AccessLogFormat,
    /// Peers whose forwarding headers are believed.
    pub trusted_networks: Vec<Network>,
    /// More names of the admin port, lower case.
    pub admin_hosts: Vec<String>,
    /// How long to go on accepting after SIGTERM.
    pub grace: Duration,
    /// Whether loopback addresses may be endpoints.
    pub loopback_endpoints: bool,
    /// How much is told on standard error: a level such as `info`.
    pub log: tracing::Level,
    /// The limits that an operator may set.
    pub limits: Limits,
}

/// Where one line per request goes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum AccessLog {
    /// Nowhere.
    Off,
    /// Standard output.
    Stdout,
    /// The end of a file.
    File(PathBuf),
}

/// What a line of the access log looks like.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum AccessLogFormat {
    /// One JSON object with every field.
    Json,
    /// NCSA common log format.
    Common,
    /// NCSA combined log format.
    Combined,
}

/// A text that is not shown in logs.
#[derive(Clone, PartialEq, Eq)]
pub struct Secret(String);

impl Secret {
    /// The text itself, for whoever compares or sends it.
    pub fn expose(&self) -> &str {
        &self.0
    }
}

impl std::fmt::Debug for Secret {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Secret")
    }
}

impl std::str::FromStr for Secret {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let visible = text.bytes().all(|byte| byte.is_ascii_graphic());
        if visible && (8..=512).contains(&text.len()) {
            Ok(Self(text.into()))
        } else {
            Err("it is too short, too long or has blanks or other characters in it".into())
        }
    }
}

impl Default for Config {
    /// A router with no settings at all.
    fn default() -> Self {
        Self::from_raw(&RawConfig::default()).expect("the defaults in `setting` are valid, as a test shows")
    }
}

impl Config {
    /// Checks everything that was written.
    ///
    /// Reads the keyvalues file and the certificate if they are named; opens nothing else.
    pub fn from_raw(raw: &RawConfig) -> Result<Self, ConfigError> {
        let store: StoreAddress = required(raw, &setting::STORE, str::parse)?;
        let state = optional(raw, &setting::STATE, path)?.or_else(|| default_state(&store));
        let in_state = |state: &PathBuf| state.join(TOKEN_FILE_DEFAULT);
        let config = Self {
            listen: required(raw, &setting::LISTEN, listen::parse_many)?,
            tls: tls(raw)?,
            https_redirect: required(raw, &setting::HTTPS_REDIRECT, https_redirect)?,
            admin: required(raw, &setting::ADMIN, listen::parse_one)?,
            keyvalues: read_keyvalues(raw)?,
            app: optional(raw, &setting::APP, app_name)?,
            token: optional(raw, &setting::TOKEN, str::parse)?,
            token_file: optional(raw, &setting::TOKEN_FILE, path)?.or_else(|| state.as_ref().map(in_state)),
            node: optional(raw, &setting::NODE, node_name)?,
            workers: required(raw, &setting::WORKERS, workers)?,
            access_log: required(raw, &setting::ACCESS_LOG, access_log)?,
            access_log_format: required(raw, &setting::ACCESS_LOG_FORMAT, access_log_format)?,
            trusted_networks: list(raw, &setting::TRUSTED_NETWORKS, str::parse)?,
            admin_hosts: list(raw, &setting::ADMIN_HOSTS, host_name)?,
            grace: required(raw, &setting::GRACE_SECONDS, seconds)?,
            loopback_endpoints: required(raw, &setting::LOOPBACK_ENDPOINTS, allow_or_refuse)?,
            log: required(raw, &setting::LOG, level)?,
            limits: limits(raw)?,
            store,
            state,
        };
        config.without_contradictions()
    }

    fn without_contradictions(self) -> Result<Self, ConfigError> {
        let secure = self.tls.iter().flat_map(|tls| &tls.listen);
        let listening: Vec<(&str, &SocketAddr)> = std::iter::once(("admin", &self.admin))
            .chain(self.listen.iter().map(|address| (setting::LISTEN.name, address)))
            .chain(secure.map(|address| (setting::LISTEN_TLS.name, address)))
            .collect();
        for (at, (name, address)) in listening.iter().enumerate() {
            let earlier = listening[..at].iter().filter(|(other, _)| other != name);
            if let Some((other, taken)) = earlier.clone().find(|(_, taken)| collide(address, taken)) {
                return Err(ConfigError::Contradiction(format!(
                    "`{name}` has {address} and `{other}` has {taken}: each needs ports of its own"
                )));
            }
        }
        if self.https_redirect.is_some() && self.tls.is_none() && self.trusted_networks.is_empty() {
            return Err(ConfigError::Contradiction(
                "`https_redirect` is on, but nothing is served in https: give `listen_tls`, or name the proxy that \
                 does it in `trusted_networks`"
                    .into(),
            ));
        }
        Ok(self)
    }
}

/// Whether two listeners cannot both be had.
fn collide(left: &SocketAddr, right: &SocketAddr) -> bool {
    let unspecified = left.ip().is_unspecified() || right.ip().is_unspecified();
    left.port() == right.port()
        && left.port() != 0
        && left.is_ipv4() == right.is_ipv4()
        && (unspecified || left.ip() == right.ip())
}

/// The certificate is read here once, to be sure of it.
fn tls(raw: &RawConfig) -> Result<Option<Tls>, ConfigError> {
    let listen = optional(raw, &setting::LISTEN_TLS, listen::parse_many)?;
    let certificate = optional(raw, &setting::TLS_CERTIFICATE, path)?;
    let tls = Tls::from_settings(listen, certificate, optional(raw, &setting::TLS_KEY, path)?)?;
    tls.map(|tls| tls.read().map(|_| tls)).transpose()
}

/// A setting that has a default.
fn required<T>(
    raw: &RawConfig,
    setting: &'static Setting,
    parse: impl Fn(&str) -> Result<T, String>,
) -> Result<T, ConfigError> {
    let given = raw.get(setting).unwrap_or(Given { text: String::new(), source: Source::Default });
    parse(given.text.trim()).map_err(|fault| ConfigError::Value {
        setting,
        place: given.source.clone(),
        text: given.text.clone(),
        fault,
    })
}

/// A setting that may be left out.
fn optional<T>(
    raw: &RawConfig,
    setting: &'static Setting,
    parse: impl Fn(&str) -> Result<T, String>,
) -> Result<Option<T>, ConfigError> {
    raw.get(setting).map(|_| required(raw, setting, parse)).transpose()
}

/// A setting that may be left out, or name several things separated by commas.
fn list<T>(
    raw: &RawConfig,
    setting: &'static Setting,
    parse: impl Fn(&str) -> Result<T, String>,
) -> Result<Vec<T>, ConfigError> {
    let parts = |text: &str| {
        let written = text.split(',').map(str::trim).filter(|part| !part.is_empty());
        written.map(&parse).collect::<Result<Vec<T>, String>>()
    };
    Ok(optional(raw, setting, parts)?.unwrap_or_default())
}

fn read_keyvalues(raw: &RawConfig) -> Result<Option<Keyvalues>, ConfigError> {
    let file = optional(raw, &setting::KEYVALUES, path)?;
    file.map(|file| Keyvalues::read(&file)).transpose()
}

fn limits(raw: &RawConfig) -> Result<Limits, ConfigError> {
    let Some((path, table)) = &raw.limits else { return Ok(Limits::default()) };
    let refuse = |fault: String| ConfigError::Limit { path: path.clone(), fault };
    let limits: Limits =
        table.clone().try_into().map_err(|error: toml::de::Error| refuse(error.message().into()))?;
    limits.checked().map_err(|error| refuse(error.to_string()))
}

fn default_state(store: &StoreAddress) -> Option<PathBuf> {
    match store {
        StoreAddress::Memory => None,
        StoreAddress::Embedded(_) => store.folder().map(Path::to_owned),
        StoreAddress::Remote(_) => Some(STATE_DEFAULT.into()),
    }
}

fn path(text: &str) -> Result<PathBuf, String> {
    if text.is_empty() { Err("it names nothing".into()) } else { Ok(text.into()) }
}

fn app_name(text: &str) -> Result<AppName, String> {
    text.parse().map_err(|_| "it is no app's name".into())
}

fn node_name(text: &str) -> Result<String, String> {
    let inner = |byte: u8| byte.is_ascii_alphanumeric() || b"._-".contains(&byte);
    let begins = text.as_bytes().first().is_some_and(u8::is_ascii_alphanumeric);
    if begins && text.len() <= 63 && text.bytes().all(inner) {
        Ok(text.to_owned())
    } else {
        Err("it is no such name".into())
    }
}

fn workers(text: &str) -> Result<NonZeroUsize, String> {
    if text == "auto" {
        return Ok(std::thread::available_parallelism().unwrap_or(NonZeroUsize::MIN));
    }
    let number = text.parse().ok().filter(|number: &NonZeroUsize| number.get() <= 512);
    number.ok_or_else(|| "it is no such number".into())
}

fn access_log(text: &str) -> Result<AccessLog, String> {
    match text {
        "off" => Ok(AccessLog::Off),
        "-" => Ok(AccessLog::Stdout),
        file => path(file).map(AccessLog::File),
    }
}

fn access_log_format(text: &str) -> Result<AccessLogFormat, String> {
    match text {
        "json" => Ok(AccessLogFormat::Json),
        "common" => Ok(AccessLogFormat::Common),
        "combined" => Ok(AccessLogFormat::Combined),
        _ => Err("it is no such format".into()),
    }
}

fn host_name(text: &str) -> Result<String, String> {
    let allowed = |byte: u8| byte.is_ascii_alphanumeric() || b".-_".contains(&byte);
    if text.len() <= 253 && text.bytes().all(allowed) {
        Ok(text.to_ascii_lowercase())
    } else {
        Err(format!("`{text}` is no host name"))
    }
}

fn seconds(text: &str) -> Result<Duration, String> {
    let number: Option<u64> = text.parse().ok().filter(|seconds| *seconds <= 3_600);
    number.map(Duration::from_secs).ok_or_else(|| "it is no such number".into())
}

fn allow_or_refuse(text: &str) -> Result<bool, String> {
    match text {
        "allow" => Ok(true),
        "refuse" => Ok(false),
        _ => Err("it is neither".into()),
    }
}

fn https_redirect(text: &str) -> Result<Option<u16>, String> {
    match text {
        "off" => Ok(None),
        "on" => Ok(Some(443)),
        port => match port.parse() {
            Ok(port) if port > 0 => Ok(Some(port)),
            _ => Err("it is neither, and no port".into()),
        },
    }
}

fn level(text: &str) -> Result<tracing::Level, String> {
    text.parse().map_err(|_| "it is no such level".into())
}

#[cfg(test)]
mod tests;
