//! The composition root: what is started in which order, and ended in which.
//!
//! Start: descriptors, admin socket, store, control plane, front, health checks. Nothing waits for the store: until a
//! first table is live the front answers 503, and `/readyz` says no.
//!
//! End: not ready, go on accepting for the grace time, finish what is open, then the control plane, the store and
//! the log, which by then nobody writes any more.

mod error;
mod examination;
mod logs;
mod memory;
mod own_addresses;
mod signals;

use std::{
    net::{SocketAddr, TcpListener},
    sync::Arc,
    time::Duration,
};

use rustls::sign::CertifiedKey;
use tokio::runtime::Runtime;

use crate::{
    clock::Clock,
    config::{self, Config},
    control::{Control, ControlOptions, RouterOptions, Surroundings, make_private},
    live::{
        handover::{HandoverReceiver, HandoverSender, handovers},
        table::LiveTable,
    },
    proxy::{
        Front, FrontOptions,
        front::tls::{self, Certificate},
    },
    rollout::{cdn_loop, endpoint::AddressPolicy},
    telemetry::{access_log::AccessLog, counters::Counters, log_file::LogFile},
    upstream::health::check_endpoints,
};

pub use error::Error;
pub use examination::{Examination, examine};
use logs::{open_access_log, open_audit_log};
use own_addresses::{OwnAddresses, front_addresses};
use signals::{SignalAction, Signals};

/// Threads of the control plane, the store and health checks: a slow store call must not hold up the admin port.
const CONTROL_THREADS: usize = 2;
/// What the router makes of a followed server's keys.
const FOLLOWED_FILE: &str = "followed.redb";
/// How long threads of the control plane may take to end.
const CONTROL_END: Duration = Duration::from_secs(2);

/// Runs a router until SIGTERM or SIGINT, then ends it without losing a request. A second signal ends it at once.
pub fn run(config: Config) -> Result<(), Error> {
    let runtime = control_runtime()?;
    // Before anybody can see that it runs: a signal that came earlier would end it the hard way, SIGHUP too.
    let signals = {
        let _runtime = runtime.enter();
        Signals::new().map_err(Error::io("signals cannot be handled"))?
    };
    let router = Router::start_on(runtime, config)?;
    router.announce();
    router.serve_until(signals);
    Ok(())
}

/// A running router.
pub struct Router {
    // Dropped in this order: the front writes the log and reads the table, the runtime drives the control plane.
    front: Front,
    control: Control,
    runtime: Runtime,
    access_log: Option<AccessLog>,
    audit_log: Option<LogFile>,
    secure: Option<Secure>,
    token: Option<String>,
    grace: Duration,
}

impl Router {
    /// Starts everything. When this returns, the front accepts.
    pub fn start(config: Config) -> Result<Self, Error> {
        Self::start_on(control_runtime()?, config)
    }

    fn start_on(runtime: Runtime, config: Config) -> Result<Self, Error> {
        raise_descriptor_limit();
        let workers = config.workers.get();
        let mut config = config;
        fit_memory(&mut config);
        let (clock, counters) = (Clock::system(), Counters::new(workers));
        let live = Arc::new(LiveTable::new(workers));
        let admin = TcpListener::bind(config.admin)
            .map_err(Error::io(format!("cannot listen on {} (--admin)", config.admin)))?;
        let admin_address = admin.local_addr().map_err(Error::io("the admin port"))?;
        make_folder(&config.store)?;
        let store = runtime.block_on(open_store(&config))?;
        let (store, followed) = runtime.block_on(own_store(&config, store))?;
        let (handover_sender, handovers) = handovers(workers);
        let audit_log = open_audit_log(&config)?;
        let control = {
            let _runtime = runtime.enter();
            let own = OwnAddresses::new(&config, admin_address);
            let mut options = control_options(&config, admin, own, handover_sender);
            options.followed = followed;
            options.router.audit_log = audit_log.as_ref().map(LogFile::sender);
            let (live, clock, counters) = (Arc::clone(&live), clock.clone(), counters.clone());
            Control::start(options, Surroundings { store, live, clock, counters })?
        };
        let access_log = open_access_log(&config)?;
        let secure = config.tls.as_ref().map(Secure::read).transpose()?;
        let options = front_options(&config, control.node(), secure.as_ref(), handovers)?;
        let front = Front::start(options, Arc::clone(&live), clock.clone(), counters, access_log.as_ref())
            .map_err(Error::io("the front cannot start (--listen, --listen-tls)"))?;
        control.set_accepting(true);
        let router = cdn_loop::name_of(control.node());
        runtime.spawn(async move { check_endpoints(live, clock, &router).await });
        let token = control.generated_token().map(str::to_owned);
        let token = token.or_else(|| config.token.as_ref().map(|token| token.expose().to_owned()));
        Ok(Self { front, control, runtime, access_log, audit_log, secure, token, grace: config.grace })
    }

    /// Where end users are served.
    pub fn front(&self) -> &[SocketAddr] {
        self.front.addresses()
    }

    /// Where the GUI and the API are served.
    pub fn admin(&self) -> SocketAddr {
        self.control.addresses()[0]
    }

    /// A token for the API, if this process made or was given one.
    pub fn token(&self) -> Option<&str> {
        self.token.as_deref()
    }

    /// Says where it listens, and the token if one was made just now.
    fn announce(&self) {
        for address in self.front() {
            tracing::info!("end users on http://{address}/");
        }
        for address in self.front.addresses_tls() {
            tracing::info!("end users on https://{address}/");
        }
        tracing::info!("GUI and API on http://{}/", self.admin());
        if let Some(token) = self.control.generated_token() {
            tracing::info!("admin token, shown this once: {token}");
        }
    }

    /// Waits until requests are routed.
    pub fn wait_for_first_table(&self) {
        self.runtime.block_on(self.control.first_table());
    }

    /// Ends the router without losing a request; `true` when nothing had to be cut.
    pub fn stop(self) -> bool {
        let Self { front, control, runtime, access_log, audit_log, grace, .. } = self;
        control.set_accepting(false);
        let finished = runtime.block_on(front.drain(grace));
        runtime.block_on(control.stop());
        runtime.shutdown_timeout(CONTROL_END);
        drop(access_log);
        drop(audit_log);
        finished
    }

    fn reopen_logs(&self) {
        if let Some(log) = &self.access_log {
            log.reopen();
        }
        if let Some(log) = &self.audit_log {
            log.reopen();
        }
    }

    fn read_again(&self) {
        if let Some(secure) = &self.secure {
            secure.read_again();
        }
        self.runtime.block_on(self.control.read_tokens_again());
    }

    fn serve_until(self, mut signals: Signals) {
        loop {
            match self.runtime.block_on(signals.next()) {
                SignalAction::End => break,
                SignalAction::ReopenLogs => self.reopen_logs(),
                SignalAction::ReadAgain => {
                    self.reopen_logs();
                    self.read_again();
                }
                SignalAction::Nothing => {
                    tracing::info!("SIGUSR2 has no meaning for this version: nothing is done");
                }
            }
        }
        tracing::info!(grace = ?self.grace, "ending: clients are asked to close, open requests finish");
        let end_at_once = async move {
            signals.ended().await;
            tracing::warn!("ending at once");
            std::process::exit(1);
        };
        self.runtime.spawn(end_at_once);
        if !self.stop() {
            tracing::warn!("some exchanges had to be cut: they were open longer than limits.shutdown_ms");
        }
    }
}

fn control_runtime() -> Result<Runtime, Error> {
    tokio::runtime::Builder::new_multi_thread()
        .worker_threads(CONTROL_THREADS)
        .thread_name("control")
        .enable_all()
        .build()
        .map_err(Error::io("the control plane's threads cannot be started"))
}

fn control_options(
    config: &Config,
    admin: TcpListener,
    own: OwnAddresses,
    handovers: HandoverSender,
) -> ControlOptions {
    let entries = config.keyvalues.as_ref().map(|file| file.commits(keyvalues::COMMIT_WRITES_MAX).flatten());
    let router = RouterOptions {
        name: config.node.clone(),
        front: front_addresses(config),
        admin_hosts: config.admin_hosts.clone(),
        default_app: config.app.clone(),
        listeners: own.listeners,
        addresses: AddressPolicy {
            loopback_refused: !config.loopback_endpoints,
            own: own.all,
            fleet: Vec::new(),
        },
        https: config.https_redirect.is_some(),
        trusted_networks: config.trusted_networks.clone(),
        audit_log: None,
        store_kind: store_kind(&config.store),
        limits: config.limits.clone(),
        handovers: Some(handovers),
    };
    ControlOptions {
        router,
        admin: vec![admin],
        token_file: config.token_file.clone(),
        token: config.token.as_ref().map(|token| token.expose().to_owned()),
        state: config.state.clone(),
        keyvalues: entries.into_iter().flatten().cloned().collect(),
        followed: None,
    }
}

/// Opens the store. A server that cannot be reached now is waited for, so that what was served last is served again.
async fn open_store(config: &Config) -> Result<Arc<dyn keyvalues::Store>, Error> {
    let url = config.store.url();
    match keyvalues::open(&url).await {
        Ok(store) => Ok(store),
        Err(keyvalues::OpenError::Store(keyvalues::StoreError::Unreachable(why))) => {
            tracing::warn!("the store {} cannot be reached and is waited for: {why}", config.store);
            let followed = config.state.as_ref().is_some_and(|state| state.join(FOLLOWED_FILE).exists());
            Ok(keyvalues::open_later(&url, !followed))
        }
        Err(keyvalues::OpenError::Store(keyvalues::StoreError::Corrupt(why))) => {
            tracing::error!(
                "the store's file is damaged, and what was served last is served: {why}; move the file away, then \
                 `rolling-router store restore`"
            );
            Ok(keyvalues::open_later(&url, true))
        }
        Err(error) => Err(error.into()),
    }
}

/// A server without commits is followed: what the router makes of its keys is kept in a store of its own, in the state
/// directory. Gives the store to work on, and the one to follow.
async fn own_store(
    config: &Config,
    store: Arc<dyn keyvalues::Store>,
) -> Result<(Arc<dyn keyvalues::Store>, Option<Arc<dyn keyvalues::Store>>), Error> {
    if store.capabilities().atomic_commit {
        return Ok((store, None));
    }
    let own = match &config.state {
        Some(state) => {
            let what = format!("the state directory {} cannot be made", state.display());
            make_private(state).map_err(Error::io(what))?;
            config::StoreAddress::Embedded(state.join(FOLLOWED_FILE))
        }
        None => config::StoreAddress::Memory,
    };
    Ok((keyvalues::open(&own.url()).await?, Some(store)))
}

/// The folder of the embedded store, so that a router without settings starts in an empty directory. One that is there
/// may be anybody's; the file in it is private.
fn make_folder(store: &config::StoreAddress) -> Result<(), Error> {
    let Some(folder) = store.folder().filter(|folder| !folder.is_dir()) else { return Ok(()) };
    let what = format!("the store's folder {} cannot be made", folder.display());
    make_private(folder).map_err(Error::io(what))
}

fn store_kind(store: &config::StoreAddress) -> String {
    let url = store.url();
    url.split_once(':').map_or(url.as_str(), |(kind, _)| kind).to_owned()
}

/// The certificate in use, and where it came from.
struct Secure {
    files: config::Tls,
    certificate: Arc<Certificate>,
}

impl Secure {
    fn read(files: &config::Tls) -> Result<Self, Error> {
        let certificate = files.read()?;
        warn_of_expiry(files, &certificate);
        Ok(Self { files: files.clone(), certificate: Certificate::new(certificate) })
    }

    /// Takes a new certificate for the handshakes to come; one that cannot be used changes nothing.
    fn read_again(&self) {
        let file = self.files.certificate.display();
        match self.files.read() {
            Ok(certificate) => {
                warn_of_expiry(&self.files, &certificate);
                self.certificate.replace(certificate);
                tracing::info!("the certificate was read again from {file}");
            }
            Err(error) => tracing::error!("the certificate stays as it was: {error}"),
        }
    }
}

/// Says that clients refuse the certificate. It is shown all the same: one that they can look at is better than none.
fn warn_of_expiry(files: &config::Tls, certificate: &CertifiedKey) {
    if let Some(fault) = config::expiry(certificate, Clock::system().wall_ms()) {
        tracing::error!("{}: {fault}", files.certificate.display());
    }
}

fn front_options(
    config: &Config,
    node: &str,
    secure: Option<&Secure>,
    handovers: Vec<HandoverReceiver>,
) -> Result<FrontOptions, Error> {
    let mut listen_tls = Vec::new();
    if let Some(Secure { files, certificate }) = secure {
        let shown = tls::server_config(Arc::clone(certificate))?;
        listen_tls.extend(files.listen.iter().map(|address| (*address, Arc::clone(&shown))));
    }
    let trusted = config.trusted_networks.clone();
    Ok(FrontOptions {
        listen: config.listen.clone(),
        listen_tls,
        https_redirect: config.https_redirect,
        handovers,
        workers: config.workers.get(),
        limits: config.limits.clone(),
        node_id: node.to_owned(),
        trust: Box::new(move |peer| trusted.iter().any(|network| network.contains(peer))),
    })
}

/// Keeps the buffers within the memory that the process may use: it answers 503 before the kernel ends it.
fn fit_memory(config: &mut Config) {
    let Some(bytes) = memory::limit_bytes() else { return };
    let before = config.limits.clone();
    config.limits.fit_memory(bytes, config.workers.get());
    if config.limits != before {
        let (small, large) = (config.limits.small_buffers_max, config.limits.large_buffers_max);
        tracing::info!(
            bytes,
            small,
            large,
            "this process may use little memory, so each worker lends fewer buffers"
        );
    }
}

/// A proxy needs two descriptors for each client, and the soft limit of most systems is meant for programs that use
/// `select`; so take what the hard limit allows.
fn raise_descriptor_limit() {
    use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};
    let Rlimit { current, maximum } = getrlimit(Resource::Nofile);
    if current == maximum {
        return;
    }
    if let Err(error) = setrlimit(Resource::Nofile, Rlimit { current: maximum, maximum }) {
        tracing::warn!(%error, ?current, "the limit of open files stays as it is");
    }
}
