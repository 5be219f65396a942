//! A running router: everything that is started, and ended, in the order that [the composition root](super) says.

use std::{
    net::SocketAddr,
    sync::{Arc, Weak},
    time::Duration,
};

use keyvalues::Store;
use tokio::{runtime::Runtime, task::AbortHandle, time::timeout};

use super::{
    activation::Activated,
    certificate::LiveCertificates,
    descriptors::raise_descriptor_limit,
    error::Error,
    logs::{Logs, open_access_log, open_audit_log},
    memory::fit_memory,
    options::{front_flags, front_options},
    plane::{ControlPlane, ControlSockets},
    service_manager::keep_watched,
    signals::{SignalAction, Signals},
    store::make_folder,
    surplus::give_back_regularly,
    traces::start_traces,
    upgrade::{PidFile, Port, Predecessor},
};
use crate::{
    client_tls::identity,
    clock::Clock,
    config::{Config, StoreAddress},
    control::Control,
    endpoint_sockets,
    live::{handover::handovers, table::LiveTable},
    memory::keep_heaps_short,
    proxy::Front,
    rollout::cdn_loop,
    telemetry::{counters::Counters, log_file::LogFile},
    upstream::health::check_endpoints,
};

/// Threads of the control plane, the store and health checks: a slow store call must not hold up the admin port.
const CONTROL_THREADS: usize = 2;
/// How long threads of the control plane may take to end.
pub const CONTROL_END: Duration = Duration::from_secs(2);
/// How long a first table is waited for before the front accepts, so that nobody is told 503 who could be served a moment
/// later. A store that takes longer has an outage.
const FIRST_TABLE: Duration = Duration::from_secs(1);
/// The same in a process that takes over: until it has one, the old process serves. Within this time a store that does not
/// answer is given up, and what was served last is served.
const TAKEN_OVER_TABLE: Duration = Duration::from_secs(30);

/// A running router.
pub struct Router {
    // Dropped in this order: the front writes the log and reads the table, the runtime drives the control plane.
    pub(super) front: Front,
    pub(super) control: Control,
    /// The store on which the control plane works.
    pub(super) store: Weak<dyn Store>,
    pub(super) plane: ControlPlane,
    pub(super) runtime: Runtime,
    pub(super) logs: Logs,
    pub(super) token: Option<String>,
    pub(super) hooks: Option<SocketAddr>,
    pub(super) pid_file: Option<PidFile>,
}

impl Router {
    /// Starts everything. When this returns, the front accepts.
    pub fn start(config: Config) -> Result<Self, Error> {
        keep_heaps_short();
        Self::start_on(control_runtime()?, config, None)
    }

    /// The same in a process that may take over from another one, which it tells how it went.
    pub(super) fn start_on(
        runtime: Runtime,
        config: Config,
        mut from: Option<Predecessor>,
    ) -> Result<Self, Error> {
        if let Some(folder) = config.upstream_certificates.clone() {
            identity::set_folder(folder);
        }
        if !config.endpoint_sockets.is_empty() {
            endpoint_sockets::permit(config.endpoint_sockets.clone(), config.listen_unix.clone());
        }
        let started = Self::start_from(runtime, config, from.as_mut());
        match (&started, from) {
            (Ok(_), Some(predecessor)) => {
                // Without it the old process ends this one, which then ends with what the old one said.
                predecessor.say_serving().map_err(Error::io("the old process cannot be told"))?;
            }
            (Err(error), Some(predecessor)) => predecessor.say_failed(error),
            (_, None) => {}
        }
        started
    }

    fn start_from(
        runtime: Runtime,
        config: Config,
        mut from: Option<&mut Predecessor>,
    ) -> Result<Self, Error> {
        raise_descriptor_limit();
        let workers = config.workers.get();
        let mut config = config;
        fit_memory(&mut config);
        let (clock, counters) = (Clock::system(), Counters::new(workers));
        let live = Arc::new(LiveTable::new(workers));
        let mut activated = match &from {
            Some(_) => Activated::default(),
            None => Activated::of_this_process(&config)?,
        };
        let sockets = ControlSockets::bind(&config, from.as_deref_mut(), &mut activated)?;
        let hooks = sockets.hooks_address()?;
        make_folder(&config.store)?;
        let (handover_sender, handovers) = handovers(workers);
        let audit_log = open_audit_log(&config)?;
        let read = |files| {
            let issued = Arc::clone(live.certificates());
            LiveCertificates::read(files, config.served_before(), issued, config.acme.is_some())
        };
        let certificates = config.tls.as_ref().map(read).transpose()?;
        let access_log = open_access_log(&config)?;
        let pid_file =
            config.state.as_deref().filter(|_| config.store != StoreAddress::Memory).map(PidFile::of);
        let plane = ControlPlane {
            config,
            sockets,
            live: Arc::clone(&live),
            clock: clock.clone(),
            counters: counters.clone(),
            handovers: handover_sender,
            audit_log: audit_log.as_ref().map(LogFile::sender),
            certificates,
        };
        if let Some(predecessor) = &from {
            predecessor.ask_for_release().map_err(Error::io("the old process does not give way"))?;
        }
        let (control, store) = plane.start(&runtime)?;
        wait_for_table(&runtime, &control, from.is_some())?;
        let (config, certificates) = (&plane.config, &plane.certificates);
        if let Some(certificates) = certificates {
            runtime.spawn(certificates.clone().watch_files());
        }
        let inherited = match from {
            Some(predecessor) => (predecessor.take(Port::Front), predecessor.take_files()),
            None => (activated.take(Port::Front), Vec::new()),
        };
        let mut options = front_options(config, control.node(), certificates.as_ref(), handovers, inherited)?;
        let spans = start_traces(config, control.node(), &runtime, &mut options.traces)?;
        let front = Front::start(options, Arc::clone(&live), clock.clone(), counters, access_log.as_ref())
            .map_err(Error::port("the front cannot start (--listen, --listen-tls)", &front_flags(config)))?;
        control.set_accepting(true);
        let router = cdn_loop::name_of(control.node());
        runtime.spawn(async move { check_endpoints(live, clock, &router).await });
        runtime.spawn(give_back_regularly());
        let token = control.generated_token().map(str::to_owned);
        let token = token.or_else(|| config.token.as_ref().map(|token| token.expose().to_owned()));
        if let Some(file) = &pid_file {
            file.say(None);
        }
        let logs = Logs { access: access_log, audit: audit_log, spans };
        Ok(Self { front, control, store, plane, runtime, logs, token, hooks, pid_file })
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
    pub(super) fn announce(&self) {
        for address in self.front() {
            tracing::info!("end users on http://{address}/");
        }
        for file in self.front.files() {
            tracing::info!("end users on unix:{}", file.path.display());
        }
        for address in self.front.addresses_tls() {
            tracing::info!("end users on https://{address}/");
        }
        let certificates = self.plane.certificates.as_ref();
        let scheme = if certificates.is_some_and(|shown| shown.files.admin) { "https" } else { "http" };
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

    /// Tells the service manager that it lives, until that is broken off. None: nobody watches it.
    pub(super) fn keep_watched(&self) -> Option<AbortHandle> {
        keep_watched(&self.runtime)
    }

    /// Waits for a signal.
    pub(super) fn next_signal(&self, signals: &mut Signals) -> SignalAction {
        self.runtime.block_on(signals.next())
    }

    /// Ends the router as [`Router::stop`] does; a second signal ends it at once.
    pub(super) fn stop_on_signal(self, mut signals: Signals) -> bool {
        tracing::info!(grace = ?self.plane.config.grace, "ending: clients are asked to close, open requests finish");
        self.runtime.spawn(async move {
            signals.ended().await;
            tracing::warn!("ending at once");
            std::process::exit(1);
        });
        self.stop()
    }

    /// Ends the router without losing a request; `true` when nothing had to be cut.
    pub fn stop(self) -> bool {
        let Self { front, control, plane, runtime, logs, pid_file, .. } = self;
        control.set_accepting(false);
        let finished = runtime.block_on(front.drain(plane.config.grace));
        runtime.block_on(control.stop());
        if let Some(spans) = logs.spans {
            runtime.block_on(spans.end());
        }
        runtime.shutdown_timeout(CONTROL_END);
        if let Some(file) = pid_file {
            file.remove();
        }
        drop(logs.access);
        // Both hand entries to the audit log, whose last one is written when nobody can any more.
        drop(plane);
        drop(logs.audit);
        finished
    }

    /// Opens the logs again.
    pub(super) fn reopen_logs(&self) {
        if let Some(log) = &self.logs.access {
            log.reopen();
        }
        if let Some(log) = &self.logs.audit {
            log.reopen();
        }
    }

    /// Reads tokens and certificates again.
    pub(super) fn read_again(&self) {
        if let Some(certificates) = &self.plane.certificates {
            certificates.read_again();
        }
        self.runtime.block_on(self.control.read_tokens_again());
    }
}

/// The threads of the control plane.
pub fn control_runtime() -> Result<Runtime, Error> {
    tokio::runtime::Builder::new_multi_thread()
        .worker_threads(CONTROL_THREADS)
        .thread_name("control")
        .enable_all()
        .build()
        .map_err(Error::io("the control plane's threads cannot be started"))
}

/// Waits for a first table. A process that takes over must have one.
fn wait_for_table(runtime: &Runtime, control: &Control, takes_over: bool) -> Result<(), Error> {
    let longest = if takes_over { TAKEN_OVER_TABLE } else { FIRST_TABLE };
    let first_table = async { timeout(longest, control.first_table()).await };
    match runtime.block_on(first_table) {
        Err(_) if takes_over => Err(Error::NoTable),
        _ => Ok(()),
    }
}
