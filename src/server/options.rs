//! What the planes are started with, as the settings say.

use std::{
    net::{SocketAddr, TcpListener},
    os::unix::net::UnixListener,
    path::PathBuf,
    sync::Arc,
};

use rustls::ServerConfig;

use super::{
    certificate::LiveCertificates,
    error::Error,
    own_addresses::{OwnAddresses, front_addresses},
};
use crate::{
    config::{
        Config, StoreAddress,
        acme::{Acme, ChallengeKind},
    },
    control::{AcmeOptions, Challenge, ControlOptions, RouterOptions, SecretsOptions},
    engine::Engines,
    live::handover::{HandoverReceiver, HandoverSender},
    proxy::{
        FrontOptions,
        downstream::follower::followers,
        front::{listen::Listening, tls},
    },
    rollout::endpoint::AddressPolicy,
};

/// What the control plane is started with.
pub fn control_options(
    config: &Config,
    admin: TcpListener,
    own: OwnAddresses,
    handovers: HandoverSender,
) -> ControlOptions {
    let entries = config.keyvalues.as_ref().map(|file| file.commits(keyvalues::COMMIT_WRITES_MAX).flatten());
    let router = RouterOptions {
        name: config.node.clone(),
        member_gone: config.member_gone,
        front: front_addresses(config),
        admin_hosts: config.admin_hosts.clone(),
        admin_base: config.admin_base.clone().unwrap_or_default(),
        default_app: config.app.clone(),
        listeners: own.listeners,
        addresses: AddressPolicy {
            socket_folders: config.endpoint_sockets.clone(),
            own_sockets: config.own_sockets(),
            loopback_refused: !config.loopback_endpoints,
            own: own.all,
            fleet: Vec::new(),
        },
        secrets: SecretsOptions::default(),
        resolver: config.resolver.clone(),
        https: config.https_redirect.is_some(),
        tls: None,
        acme: config.acme.as_ref().map(acme_options),
        sign_in: None,
        trusted_networks: config.trusted_networks.clone(),
        audit_log: None,
        store_kind: store_kind(&config.store),
        engines: Engines::new(config.engines.clone()),
        limits: config.limits.clone(),
        files: config.needed_files().into_iter().map(|file| (file.setting, file.path)).collect(),
        handovers: Some(handovers),
        followers: Some(followers(&config.limits)),
    };
    ControlOptions {
        router,
        admin: vec![admin],
        hooks: Vec::new(),
        token_file: config.token_file.clone(),
        token: config.token.as_ref().map(|token| token.expose().to_owned()),
        state: config.state.clone(),
        keyvalues: entries.into_iter().flatten().cloned().collect(),
        followed: None,
    }
}

/// The CA that is asked.
fn acme_options(acme: &Acme) -> AcmeOptions {
    let word = |kind: &ChallengeKind| match kind {
        ChallengeKind::Http01 => Challenge::Http01,
        ChallengeKind::TlsAlpn01 => Challenge::TlsAlpn01,
    };
    AcmeOptions {
        directory: acme.directory.clone(),
        contact: acme.contact.clone(),
        external_account: acme.external_account.clone(),
        roots: acme.roots.clone(),
        challenges: acme.challenges.iter().map(word).collect(),
        orders_per_week: acme.orders_per_week,
    }
}

/// The TLS of the admin port; none: it speaks plain http.
pub fn admin_tls(certificates: Option<&LiveCertificates>) -> Result<Option<Arc<ServerConfig>>, Error> {
    let shown = certificates.filter(|certificates| certificates.files.admin);
    // People reach it under names of their own network, and look at what they are shown.
    let config = shown.map(|live| tls::server_config(Arc::clone(&live.shown), true, false));
    Ok(config.transpose()?)
}

/// What the front is started with.
pub fn front_options(
    config: &Config,
    node: &str,
    certificates: Option<&LiveCertificates>,
    handovers: Vec<HandoverReceiver>,
    (inherited, inherited_unix): (Vec<Listening>, Vec<(PathBuf, UnixListener)>),
) -> Result<FrontOptions, Error> {
    let mut listen_tls = Vec::new();
    if let Some(LiveCertificates { files, shown, .. }) = certificates {
        let config = tls::server_config(Arc::clone(shown), false, true)?;
        let shown = tls::ListenerTls::choosing(config, Arc::clone(shown));
        listen_tls.extend(files.listen.iter().map(|address| (*address, shown.clone())));
    }
    let trusted = config.trusted_networks.clone();
    Ok(FrontOptions {
        listen: config.listen.clone(),
        listen_tls,
        https_redirect: config.https_redirect,
        proxy_protocol: config.proxy_protocol,
        health_path: config.front_health_path.as_deref().map(Into::into),
        handovers,
        inherited,
        listen_unix: config.listen_unix.clone(),
        inherited_unix,
        workers: config.workers.get(),
        limits: config.limits.clone(),
        node_id: node.to_owned(),
        traces: None,
        trust: Box::new(move |peer| trusted.iter().any(|network| network.contains(peer))),
    })
}

/// Where the front listens, each with the flag that says so.
pub fn front_flags(config: &Config) -> Vec<(&'static str, SocketAddr)> {
    let plain = config.listen.iter().map(|address| ("--listen", *address));
    let tls = config.listen_tls().map(|address| ("--listen-tls", *address));
    plain.chain(tls).collect()
}

/// A store's kind, to be shown.
fn store_kind(store: &StoreAddress) -> String {
    let url = store.url();
    url.split_once(':').map_or(url.as_str(), |(kind, _)| kind).to_owned()
}
