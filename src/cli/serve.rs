//! `serve`: a router, until it is told to end.

use clap::Args;

use super::{
    check::{keyvalue_faults, refusal},
    exit::{Exit, Failure},
    logging,
    router_settings::Settings,
};
use crate::{
    config::{Config, LogDestination, StoreAddress},
    server,
};

/// Run a router
///
/// With no settings it serves at once: end users on port 80, GUI and API on port 8080, the store in
/// ./rolling-router-state. An admin token is made at the first start and printed once.
///
/// Each setting is a flag here, a name in a TOML file (--config) and a variable ROLLING_ROUTER_<NAME> in the
/// environment; a flag counts before the environment, that before the file. The variables of the old rolling-router
/// image work as well: OCCS_API_TOKEN, APP_NAME, KV_IP and KV_PORT.
///
/// Examples:
///   rolling-router serve
///   rolling-router serve --listen 8000 --admin 127.0.0.1:8080 --app hello
///   rolling-router serve --store memory --keyvalues keyvalues.json
#[derive(Debug, Args)]
#[command(verbatim_doc_comment)]
pub(super) struct Arguments {
    #[command(flatten)]
    settings: Settings,
}

pub(super) fn run(arguments: Arguments) -> Result<Exit, Failure> {
    let config = arguments.settings.read()?;
    if let Some(refusal) = refusal(&server::examine(&config)) {
        return Err(refusal);
    }
    let _log = logging::start(config.log, config.log_format);
    announce(&config);
    warn_of_keyvalues(&config);
    server::run(config).map_err(|error| Failure::chain(Exit::Failed, &error))?;
    Ok(Exit::Done)
}

/// Names the values of a new store that are left alone. A router that served before has a store that is set up.
fn warn_of_keyvalues(config: &Config) {
    let Some(file) = config.keyvalues.as_ref().filter(|_| !config.served_before()) else { return };
    for fault in keyvalue_faults(config) {
        tracing::warn!("keyvalues file {}: {fault}", file.path().display());
    }
}

/// Logs the settings, one line each. The server logs what it listens on, once it does.
pub(super) fn announce(config: &Config) {
    tracing::info!("rolling-router {}, {} workers", env!("CARGO_PKG_VERSION"), config.workers);
    tracing::info!("store {}", config.store);
    config.warnings.iter().for_each(|warning| tracing::warn!("{warning}"));
    match &config.app {
        Some(app) => tracing::info!("app {app} serves every host that no app has claimed"),
        None => {
            tracing::info!("no default app is configured: while there is only one app, it serves every host")
        }
    }
    match (&config.token_file, &config.token) {
        (Some(file), _) => tracing::info!("tokens in {}", file.display()),
        (None, Some(_)) => tracing::info!("no token file: the configured token is the only one"),
        (None, None) => tracing::info!("no token file: the router makes a token for this run"),
    }
    if let Some(sso) = &config.sso {
        tracing::info!("people sign in by the header {} of a proxy", sso.header);
    }
    match &config.secrets_key_file {
        Some(file) => {
            tracing::info!("secrets in the store are encrypted with the keys in {}", file.display())
        }
        None if config.store == StoreAddress::Memory => {}
        None => {
            tracing::info!("no secrets_key_file: pin keys and other secrets stand in the store unencrypted")
        }
    }
    match &config.state {
        Some(state) => tracing::info!("state in {}", state.display()),
        None => tracing::info!("no state directory: nothing is kept when this process ends"),
    }
    if let Some(keyvalues) = &config.keyvalues {
        tracing::info!("keyvalues for a new store from {}", keyvalues.path().display());
    }
    if let LogDestination::File(file) = &config.access_log {
        tracing::info!("access log in {}", file.display());
    }
    if let LogDestination::File(file) = &config.audit_log {
        tracing::info!("audit log in {}", file.display());
    }
    if let Some(traces) = &config.traces {
        tracing::info!("spans of {} of the requests to {}", traces.ratio, traces.url);
    }
}
