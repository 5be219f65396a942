//! The composition root: what is started in which order, and ended in which.
//!
//! Start: descriptors, admin socket, store, control plane, front, health checks. Nothing waits for the store: until a
//! first table is live the front answers 503, and `/readyz` says no.
//!
//! End: not ready, go on accepting for the grace time, finish what is open, then the control plane, the store and
//! the log, which by then nobody writes any more.

mod addresses;
mod certificate;
mod descriptors;
mod error;
mod examination;
mod logs;
mod memory;
mod options;
mod own_addresses;
mod signals;
mod store;
mod surplus;

use std::{
    net::{SocketAddr, TcpListener},
    sync::Arc,
    time::Duration,
};

use tokio::runtime::Runtime;

use crate::{
    clock::Clock,
    config::Config,
    control::{Control, Surroundings},
    live::{handover::handovers, table::LiveTable},
    memory::keep_heaps_short,
    proxy::Front,
    rollout::cdn_loop,
    telemetry::{access_log::AccessLog, counters::Counters, log_file::LogFile},
    upstream::health::check_endpoints,
};

use certificate::LiveCertificates;
use descriptors::raise_descriptor_limit;
pub use error::Error;
pub use examination::{Examination, examine};
use logs::{open_access_log, open_audit_log};
use memory::fit_memory;
use options::{admin_tls, control_options, front_flags, front_options};
use own_addresses::OwnAddresses;
use signals::{SignalAction, Signals};
use store::{make_folder, open_store, own_store};
use surplus::give_back_regularly;

/// Threads of the control plane, the store and health checks: a slow store call must not hold up the admin port.
const CONTROL_THREADS: usize = 2;
/// How long threads of the control plane may take to end.
const CONTROL_END: Duration = Duration::from_secs(2);

/// Runs a router until SIGTERM or SIGINT, then ends it without losing a request. A second signal ends it at once.
pub fn run(config: Config) -> Result<(), Error> {
    keep_heaps_short();
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
    certificates: Option<LiveCertificates>,
    token: Option<String>,
    hooks: Option<SocketAddr>,
    grace: Duration,
}

impl Router {
    /// Starts everything. When this returns, the front accepts.
    pub fn start(config: Config) -> Result<Self, Error> {
        keep_heaps_short();
        Self::start_on(control_runtime()?, config)
    }

    fn start_on(runtime: Runtime, config: Config) -> Result<Self, Error> {
        raise_descriptor_limit();
        let workers = config.workers.get();
        let mut config = config;
        fit_memory(&mut config);
        let (clock, counters) = (Clock::system(), Counters::new(workers));
        let live = Arc::new(LiveTable::new(workers));
        let (admin, admin_address) = bind("--admin", config.admin)?;
        let hooks = config.hooks_listen.map(|address| bind("--hooks-listen", address)).transpose()?;
        let (hooks, hooks_address) = hooks.unzip();
        let served_before = config.served_before();
        make_folder(&config.store)?;
        let store = runtime.block_on(open_store(&config))?;
        let (store, followed) = runtime.block_on(own_store(&config, store))?;
        let (handover_sender, handovers) = handovers(workers);
        let audit_log = open_audit_log(&config)?;
        let read = |files| LiveCertificates::read(files, served_before);
        let certificates = config.tls.as_ref().map(read).transpose()?;
        let control = {
            let _runtime = runtime.enter();
            let others: Vec<SocketAddr> = hooks_address.into_iter().chain([admin_address]).collect();
            let own = OwnAddresses::new(&config, &others);
            let mut options = control_options(&config, admin, own, handover_sender);
            options.followed = followed;
            options.hooks.extend(hooks);
            options.router.audit_log = audit_log.as_ref().map(LogFile::sender);
            options.router.tls = admin_tls(certificates.as_ref())?;
            let (live, clock, counters) = (Arc::clone(&live), clock.clone(), counters.clone());
            Control::start(options, Surroundings { store, live, clock, counters })?
        };
        let access_log = open_access_log(&config)?;
        if let Some(certificates) = &certificates {
            runtime.spawn(certificates.clone().wait_for_files(control.front_fault_teller()));
            runtime.spawn(certificates.clone().watch_files());
        }
        let options = front_options(&config, control.node(), certificates.as_ref(), handovers)?;
        let front = Front::start(options, Arc::clone(&live), clock.clone(), counters, access_log.as_ref())
            .map_err(Error::port("the front cannot start (--listen, --listen-tls)", &front_flags(&config)))?;
        control.set_accepting(true);
        let router = cdn_loop::name_of(control.node());
        runtime.spawn(async move { check_endpoints(live, clock, &router).await });
        runtime.spawn(give_back_regularly());
        let token = control.generated_token().map(str::to_owned);
        let token = token.or_else(|| config.token.as_ref().map(|token| token.expose().to_owned()));
        let (hooks, grace) = (hooks_address, config.grace);
        Ok(Self { front, control, runtime, access_log, audit_log, certificates, token, hooks, grace })
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
        let scheme =
            if self.certificates.as_ref().is_some_and(|shown| shown.files.admin) { "https" } else { "http" };
        tracing::info!("GUI and API on {scheme}://{}/", self.admin());
        if let Some(address) = self.hooks {
            tracing::info!("hooks in on {scheme}://{address}/hooks/in/");
        }
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
        if let Some(certificates) = &self.certificates {
            certificates.read_again();
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

/// Binds a port that a flag names; gives where it is.
fn bind(flag: &'static str, address: SocketAddr) -> Result<(TcpListener, SocketAddr), Error> {
    let listener = TcpListener::bind(address)
        .map_err(Error::port(format!("cannot listen on {address} ({flag})"), &[(flag, address)]))?;
    let bound = listener.local_addr().map_err(Error::io("a port without an address"))?;
    Ok((listener, bound))
}

fn control_runtime() -> Result<Runtime, Error> {
    tokio::runtime::Builder::new_multi_thread()
        .worker_threads(CONTROL_THREADS)
        .thread_name("control")
        .enable_all()
        .build()
        .map_err(Error::io("the control plane's threads cannot be started"))
}
