//! What the control plane is started with: each option stands here once.

use std::{net::SocketAddr, path::PathBuf, sync::Arc, time::Duration};

use keyvalues::Store;

use super::{access::proxy_sign_in::ProxySignIn, acme::options::AcmeOptions, secrets::board::SecretsOptions};
use crate::{
    clock::Clock,
    engine::Engines,
    limits::Limits,
    live::{handover::HandoverSender, request_follower::RequestFollowers, table::LiveTable},
    rollout::{app::AppName, endpoint::AddressPolicy, network::Network},
    telemetry::{counters::Counters, log_file::LogSender},
};

/// Every option. What is needed only at the start stands here; what is read for as long as the router runs stands in
/// [`RouterOptions`].
#[derive(Debug, Default)]
pub struct ControlOptions {
    /// What is read for as long as the router runs.
    pub router: RouterOptions,
    /// Bound sockets of the admin port, so that an upgrade can hand them over.
    pub admin: Vec<std::net::TcpListener>,
    /// Bound sockets of a port that is for senders to hooks in alone.
    pub hooks: Vec<std::net::TcpListener>,
    /// The token file; made with one admin token when it is missing.
    pub token_file: Option<PathBuf>,
    /// One more admin token.
    pub token: Option<String>,
    /// The state directory. Unused with a store that ends with the process: there is nothing to come back to.
    pub state: Option<PathBuf>,
    /// Keyvalues for a store that has no `rolling/null` yet, in the order they are written, the marker last.
    pub keyvalues: Vec<(String, String)>,
    /// A server without commits whose keys the store is to be a copy of. Such a router takes no command.
    pub followed: Option<Arc<dyn Store>>,
}

/// The options that handlers and tasks read.
#[derive(Debug, Default)]
pub struct RouterOptions {
    /// What people call this router; none: its id.
    pub name: Option<String>,
    /// After how much silence another member is presumed gone; none: never.
    pub member_gone: Option<Duration>,
    /// Where end users are served, to be shown.
    pub front: Vec<SocketAddr>,
    /// Where others reach this router, end users or people: what the fleet is told, since none of it is an endpoint.
    pub listeners: Vec<SocketAddr>,
    /// Names that the admin port answers for beside literal addresses, `localhost` and the machine's own name.
    pub admin_hosts: Vec<String>,
    /// The path of another proxy below which the admin port is reached; empty: none is.
    pub admin_base: String,
    /// How people sign in by a proxy's header; none: nobody does.
    pub sign_in: Option<ProxySignIn>,
    /// Proxies that may say who their client is.
    pub trusted_networks: Vec<Network>,
    /// Where the audit is written, beside what the API shows of it.
    pub audit_log: Option<LogSender>,
    /// The app for hosts that no app has claimed; none: the only one.
    pub default_app: Option<AppName>,
    /// Which addresses may be endpoints. The router's own listeners are to be among the excluded.
    pub addresses: AddressPolicy,
    /// The keys that encrypt the secrets of the store.
    pub secrets: SecretsOptions,
    /// The name servers that are asked for endpoints by name; none: those of the system.
    pub resolver: Vec<SocketAddr>,
    /// Whether http redirects to https, which makes pins `Secure`.
    pub https: bool,
    /// TLS of the admin port; none: it speaks plain http.
    pub tls: Option<Arc<rustls::ServerConfig>>,
    /// The CA that issues certificates; none: none is asked.
    pub acme: Option<AcmeOptions>,
    /// The store's kind, to be shown, such as `embedded`.
    pub store_kind: String,
    /// The way to the data plane's workers, for hosts that show a track; none: no host does.
    pub handovers: Option<HandoverSender>,
    /// Reads requests as the front does; none: as leniently as the admin port's HTTP server.
    pub followers: Option<RequestFollowers>,
    /// The Docker engines.
    pub engines: Engines,
    /// The limits that an operator may set.
    pub limits: Limits,
    /// What this router needs beside its store: the setting and the file, or none for a value in the environment.
    pub files: Vec<(String, Option<PathBuf>)>,
}

/// What the control plane shares with the rest of the process.
#[derive(Clone)]
pub struct Surroundings {
    /// The store that this router works on.
    pub store: Arc<dyn Store>,
    /// Where tables are published for the data plane.
    pub live: Arc<LiveTable>,
    /// Every reading of time.
    pub clock: Clock,
    /// The process's counters, to be shown.
    pub counters: Counters,
}
