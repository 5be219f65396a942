//! The front: it starts the workers, and ends them without losing a request.

pub mod accept;
mod asking;
pub mod caught;
pub mod handover;
mod handshake;
pub mod listen;
pub mod listener;
pub mod proxied;
pub mod serve;
pub mod serve_http2;
pub mod thread;
mod tickets;
pub mod tls;
pub mod unix;

use std::{
    io, net::SocketAddr, os::unix::net::UnixListener, path::PathBuf, sync::Arc, thread::JoinHandle,
    time::Duration,
};

use tokio::{
    sync::{mpsc, watch},
    time::{sleep, timeout},
};

use super::worker::{
    phase::Phase,
    shared::{FrontState, Trust},
};
use crate::{
    clock::Clock,
    limits::{DESCRIPTORS_RESERVED, Limits},
    live::{handover::HandoverReceiver, table::LiveTable},
    rollout::cdn_loop,
    telemetry::{access_log::AccessLog, counters::Counters, traces::Traces},
};
use listen::{Listening, Sources, bind_all, bind_files};
use thread::WorkerThread;
use tls::ListenerTls;
use unix::ListeningFile;

/// What a front is started with.
pub struct FrontOptions {
    /// Where it listens. Port 0 takes any free port.
    pub listen: Vec<SocketAddr>,
    /// The files on which it listens, for connections of this machine alone.
    pub listen_unix: Vec<PathBuf>,
    /// Where it listens with TLS, and with which certificates.
    pub listen_tls: Vec<(SocketAddr, ListenerTls)>,
    /// Plain http is redirected to https on this port. `None`: it is served.
    pub https_redirect: Option<u16>,
    /// Trusted proxies say by the PROXY protocol whose connections they pass on.
    pub proxy_protocol: bool,
    /// A path that says whether this router is ready, under any Host. `None`: every path is an app's.
    pub health_path: Option<Box<str>>,
    /// How many threads serve.
    pub workers: usize,
    /// The limits.
    pub limits: Limits,
    /// Names this router among all routers: what CDN-Loop says.
    pub node_id: String,
    /// Whose forwarding headers are believed.
    pub trust: Box<Trust>,
    /// What the admin port hands to each worker. Empty: it hands nothing over.
    pub handovers: Vec<HandoverReceiver>,
    /// Sockets of a process that this one takes over from.
    pub inherited: Vec<Listening>,
    /// The same of files.
    pub inherited_unix: Vec<(PathBuf, UnixListener)>,
    /// Where spans go. None: no request is traced.
    pub traces: Option<Traces>,
}

/// A running front. Dropping it ends it at once; [`Front::drain`] ends it properly.
pub struct Front {
    addresses: Vec<SocketAddr>,
    addresses_tls: Vec<SocketAddr>,
    sockets: Vec<Listening>,
    files: Vec<ListeningFile>,
    shared: Arc<FrontState>,
    phase: watch::Sender<Phase>,
    running: mpsc::Receiver<()>,
    threads: Vec<JoinHandle<()>>,
}

impl Front {
    /// Binds every address and starts the workers; they accept when this returns.
    ///
    /// # Errors
    /// An address cannot be bound, or a thread cannot be started.
    pub fn start(
        options: FrontOptions,
        table: Arc<LiveTable>,
        clock: Clock,
        counters: Counters,
        access_log: Option<&AccessLog>,
    ) -> io::Result<Self> {
        let (workers, paused_ms) = (options.workers, options.limits.body_grace_ms);
        let mut sources: Vec<Sources> = (0..workers).map(|_| Sources::default()).collect();
        let mut inherited = options.inherited;
        let plain = options.listen.iter().map(|address| (*address, None));
        let plain = bind_all(plain, &mut inherited, &mut sources, paused_ms)?;
        let secure =
            options.listen_tls.into_iter().map(|(address, config)| (address, Some(Arc::new(config))));
        let secure = bind_all(secure, &mut inherited, &mut sources, paused_ms)?;
        let mut inherited_unix = options.inherited_unix;
        let files = bind_files(options.listen_unix, &mut inherited_unix, &mut sources)?;
        sources.iter_mut().zip(options.handovers).for_each(|(worker, from)| worker.handovers = Some(from));
        let connections_max = connections_max(&options.limits, workers);
        let pseudonym = cdn_loop::name_of(&options.node_id).into_boxed_str();
        let shared = Arc::new(FrontState::new(
            options.limits,
            pseudonym,
            options.trust,
            options.https_redirect,
            options.proxy_protocol,
            options.health_path,
            table,
            clock,
            counters,
            connections_max,
        ));
        let (phase, _) = watch::channel(Phase::Serving);
        let (running_until_dropped, running) = mpsc::channel(1);
        let mut threads = Vec::new();
        for (index, sources) in sources.into_iter().enumerate() {
            let mut seed = [0; 8];
            getrandom::fill(&mut seed).map_err(io::Error::other)?;
            let thread = WorkerThread {
                index,
                shared: Arc::clone(&shared),
                log: access_log.map(AccessLog::worker),
                traces: options.traces.as_ref().map(Traces::worker),
                seed: u64::from_le_bytes(seed),
                sources,
                phase: phase.subscribe(),
            };
            let running = running_until_dropped.clone();
            let builder = std::thread::Builder::new().name(format!("worker-{index}"));
            threads.push(builder.spawn(move || thread.run(running))?);
        }
        let (addresses, addresses_tls) = (plain.addresses, secure.addresses);
        let sockets = plain.sockets.into_iter().chain(secure.sockets).collect();
        Ok(Self { addresses, addresses_tls, sockets, files, shared, phase, running, threads })
    }

    /// Where it listens, in the order of [`FrontOptions::listen`].
    pub fn addresses(&self) -> &[SocketAddr] {
        &self.addresses
    }

    /// Where it listens with TLS, in the order of [`FrontOptions::listen_tls`].
    pub fn addresses_tls(&self) -> &[SocketAddr] {
        &self.addresses_tls
    }

    /// The sockets that it listens on, for a process that takes over.
    pub fn sockets(&self) -> &[Listening] {
        &self.sockets
    }

    /// The files that it listens on, for a process that takes over.
    pub fn files(&self) -> &[ListeningFile] {
        &self.files
    }

    /// Ends the front, on whose sockets another process accepts now. Until its time is `over`, clients are asked to close
    /// with their next answer, and what is idle or lasts is left alone; then it ends as [`Front::drain`] does. `true` when
    /// nothing had to be cut.
    pub async fn give_way(mut self, over: impl Future<Output = ()>) -> bool {
        self.enter(Phase::Replaced);
        self.sockets.clear();
        self.files.clear();
        tokio::select! {
            _ = self.running.recv() => return true,
            () = over => {}
        }
        self.end_open().await
    }

    /// Ends the front. For the grace time it goes on accepting, and asks clients to close. Then it finishes what is open, for
    /// at most `limits.shutdown_ms`, and cuts what is left. `true` when nothing had to be cut.
    pub async fn drain(mut self, grace: Duration) -> bool {
        self.enter(Phase::Closing);
        sleep(grace).await;
        // A listener ends with its last copy.
        self.sockets.clear();
        self.files.drain(..).for_each(|file| file.remove());
        self.end_open().await
    }

    /// Finishes what is open, and cuts what is left. `true` when nothing had to be cut.
    async fn end_open(&mut self) -> bool {
        self.enter(Phase::Draining);
        let longest = Duration::from_millis(self.shared.limits.shutdown_ms);
        let finished = timeout(longest, self.running.recv()).await.is_ok();
        self.enter(Phase::Ending);
        // Every worker drops its sender when it has ended; nothing is ever sent.
        let _ = timeout(longest, self.running.recv()).await;
        finished
    }

    fn enter(&self, phase: Phase) {
        self.shared.advance(phase);
        self.phase.send_replace(phase);
    }
}

impl Drop for Front {
    fn drop(&mut self) {
        self.enter(Phase::Ending);
        for thread in self.threads.drain(..) {
            // The panic hook has reported a panic there.
            let _ = thread.join();
        }
    }
}

/// How many descriptors each worker may use: what the process may open, without what its other parts need.
fn connections_max(limits: &Limits, workers: usize) -> usize {
    let allowed = descriptors_allowed().unwrap_or(u64::MAX);
    let reserved = DESCRIPTORS_RESERVED.min(allowed / 4);
    let share = usize::try_from(allowed - reserved).unwrap_or(usize::MAX) / workers.max(1);
    share.min(limits.connections_per_worker_max as usize)
}

/// The soft limit of open files. `None` where the system does not say, or has no limit.
fn descriptors_allowed() -> Option<u64> {
    let text = std::fs::read_to_string("/proc/self/limits").ok()?;
    let line = text.lines().find(|line| line.starts_with("Max open files"))?;
    line.split_ascii_whitespace().nth(3)?.parse().ok()
}
