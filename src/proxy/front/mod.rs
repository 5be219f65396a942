//! The front: starts the workers, and ends them without losing a request.

pub mod accept;
pub mod admin;
pub mod serve;
pub mod tls;

use std::{
    io,
    net::{SocketAddr, TcpListener as StdListener},
    rc::Rc,
    sync::Arc,
    thread::JoinHandle,
    time::Duration,
};

use tokio::{
    net::TcpListener,
    sync::{mpsc, watch},
    time::{MissedTickBehavior, interval, sleep, timeout},
};

use super::worker::{
    Worker,
    client::Door,
    coarse,
    phase::Phase,
    shared::{Shared, Trust},
};
use crate::{
    clock::Clock,
    limits::{DESCRIPTORS_RESERVED, Limits, SWEEP_MS},
    live::table::LiveTable,
    proxy::worker::phase::reached,
    rollout::cdn_loop,
    telemetry::{
        access_log::{AccessLog, WorkerLog},
        counters::Counters,
    },
};
use accept::{accept, bind};
use admin::AdminDoor;

/// Sweeps between two that look at what changes slowly: once a second.
const SWEEPS_PER_SLOW: u32 = 10;
/// How often a worker that drains looks whether anything is left.
const DRAIN_LOOK_MS: u64 = 10;

/// What a front is started with.
pub struct FrontOptions {
    /// Where it listens; port 0 takes any free port.
    pub listen: Vec<SocketAddr>,
    /// Where it listens in TLS, and with which certificates.
    pub listen_tls: Vec<(SocketAddr, Arc<rustls::ServerConfig>)>,
    /// Plain http is answered with a redirect to https on this port; `None`: it is served.
    pub https_redirect: Option<u16>,
    /// How many threads serve.
    pub workers: usize,
    /// The limits.
    pub limits: Limits,
    /// Names this router among all routers: what CDN-Loop says.
    pub node_id: String,
    /// Whose forwarding headers are believed.
    pub trust: Box<Trust>,
    /// Where the admin port forwards what its preview hosts are asked; none: nowhere.
    pub admin: Option<AdminDoor>,
}

/// A running front. Dropping it ends it at once; [`Front::drain`] ends it properly.
pub struct Front {
    addresses: Vec<SocketAddr>,
    addresses_tls: Vec<SocketAddr>,
    shared: Arc<Shared>,
    phase: watch::Sender<Phase>,
    running: mpsc::Receiver<()>,
    threads: Vec<JoinHandle<()>>,
}

/// What a worker listens on.
type Listeners = Vec<(StdListener, Option<Arc<rustls::ServerConfig>>, Door)>;

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
        let workers = options.workers;
        let mut per_worker: Vec<Listeners> = (0..workers).map(|_| Vec::new()).collect();
        let addresses = bind_all(options.listen.iter().map(|address| (*address, None)), &mut per_worker)?;
        let secure = options.listen_tls.into_iter().map(|(address, config)| (address, Some(config)));
        let addresses_tls = bind_all(secure, &mut per_worker)?;
        let admin_secret = options.admin.map(|door| door.share_out(&mut per_worker));
        let connections_max = connections_max(&options.limits, workers);
        let pseudonym = cdn_loop::name_of(&options.node_id).into_boxed_str();
        let shared = Arc::new(Shared::new(
            options.limits,
            pseudonym,
            options.trust,
            options.https_redirect,
            admin_secret,
            table,
            clock,
            counters,
            connections_max,
        ));
        let (phase, _) = watch::channel(Phase::Serving);
        let (running_until_dropped, running) = mpsc::channel(1);
        let mut threads = Vec::new();
        for (index, listeners) in per_worker.into_iter().enumerate() {
            let (shared, log) = (Arc::clone(&shared), access_log.map(AccessLog::worker));
            let (phase, running) = (phase.subscribe(), running_until_dropped.clone());
            let mut seed = [0; 8];
            getrandom::fill(&mut seed).map_err(io::Error::other)?;
            let seed = u64::from_le_bytes(seed);
            let run = move || run_thread(index, shared, log, seed, listeners, phase, running);
            threads.push(std::thread::Builder::new().name(format!("worker-{index}")).spawn(run)?);
        }
        Ok(Self { addresses, addresses_tls, shared, phase, running, threads })
    }

    /// Where it listens, in the order of [`FrontOptions::listen`].
    pub fn addresses(&self) -> &[SocketAddr] {
        &self.addresses
    }

    /// Where it listens in TLS, in the order of [`FrontOptions::listen_tls`].
    pub fn addresses_tls(&self) -> &[SocketAddr] {
        &self.addresses_tls
    }

    /// Ends the front: goes on accepting for the grace time while asking clients to close, then finishes what is open
    /// for at most `limits.shutdown_ms`, then cuts what is left. `true` when nothing had to be cut.
    pub async fn drain(mut self, grace: Duration) -> bool {
        self.enter(Phase::Closing);
        sleep(grace).await;
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
            // A panic there was reported by the panic hook.
            let _ = thread.join();
        }
    }
}

fn bind_all(
    wanted: impl Iterator<Item = (SocketAddr, Option<Arc<rustls::ServerConfig>>)>,
    per_worker: &mut [Listeners],
) -> io::Result<Vec<SocketAddr>> {
    let mut bound = Vec::new();
    for (address, tls) in wanted {
        let listeners = bind(address, per_worker.len())
            .map_err(|error| io::Error::new(error.kind(), format!("cannot listen on {address}: {error}")))?;
        bound.push(listeners[0].local_addr()?);
        for (worker, listener) in per_worker.iter_mut().zip(listeners) {
            worker.push((listener, tls.clone(), Door::Front));
        }
    }
    Ok(bound)
}

/// How many descriptors each worker may use: what the process may open, less what others need.
fn connections_max(limits: &Limits, workers: usize) -> usize {
    let allowed = descriptors_allowed().unwrap_or(u64::MAX);
    let reserved = DESCRIPTORS_RESERVED.min(allowed / 4);
    let share = usize::try_from(allowed - reserved).unwrap_or(usize::MAX) / workers.max(1);
    share.min(limits.connections_per_worker_max as usize)
}

/// The soft limit of open files. `None` where the system does not tell, or has no limit.
fn descriptors_allowed() -> Option<u64> {
    let text = std::fs::read_to_string("/proc/self/limits").ok()?;
    let line = text.lines().find(|line| line.starts_with("Max open files"))?;
    line.split_ascii_whitespace().nth(3)?.parse().ok()
}

fn run_thread(
    index: usize,
    shared: Arc<Shared>,
    log: Option<WorkerLog>,
    seed: u64,
    listeners: Listeners,
    phase: watch::Receiver<Phase>,
    running: mpsc::Sender<()>,
) {
    let clock = shared.clock.clone();
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_io()
        .enable_time()
        .on_thread_unpark(move || coarse::refresh(&clock))
        .build_local(tokio::runtime::LocalOptions::default());
    match runtime {
        Ok(runtime) => runtime.block_on(run(index, shared, log, seed, listeners, phase)),
        Err(error) => tracing::error!(%error, index, "a worker cannot start"),
    }
    drop(running);
}

async fn run(
    index: usize,
    shared: Arc<Shared>,
    log: Option<WorkerLog>,
    seed: u64,
    listeners: Listeners,
    mut phase: watch::Receiver<Phase>,
) {
    let worker = Worker::new(index, shared, log, seed);
    let mut accepting = Vec::new();
    for (listener, tls, door) in listeners {
        match TcpListener::from_std(listener) {
            Ok(listener) => {
                let task = accept(Rc::clone(&worker), listener, tls, door, phase.clone());
                accepting.push(tokio::task::spawn_local(task));
            }
            Err(error) => tracing::error!(%error, index, "a worker cannot listen"),
        }
    }
    tokio::task::spawn_local(sweep(Rc::clone(&worker)));
    // Ends also when the front is gone, which sets the phase before.
    reached(&mut phase, Phase::Draining).await;
    worker.deadlines.wake_all();
    for task in accepting {
        // It ends by itself once it has taken what waits in the queue; a panic there was reported.
        let _ = task.await;
    }
    let emptied = async {
        while worker.open() > 0 {
            sleep(Duration::from_millis(DRAIN_LOOK_MS)).await;
        }
    };
    tokio::select! {
        () = emptied => {}
        () = reached(&mut phase, Phase::Ending) => {
            worker.deadlines.wake_all();
            let _ = timeout(Duration::from_millis(SWEEP_MS), cut(&worker)).await;
        }
    }
    worker.pool.clear();
    worker.flush_log();
}

/// Waits for exchanges that were told to end.
async fn cut(worker: &Worker) {
    while worker.open() > 0 {
        sleep(Duration::from_millis(DRAIN_LOOK_MS)).await;
    }
}

/// Looks after deadlines and everything else that has time.
async fn sweep(worker: Rc<Worker>) {
    let mut ticks = interval(Duration::from_millis(SWEEP_MS));
    ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    let mut sweeps = 0_u32;
    loop {
        ticks.tick().await;
        coarse::refresh(&worker.shared.clock);
        worker.deadlines.sweep();
        worker.queues.wake_first_of_each();
        worker.flush_log();
        sweeps = sweeps.wrapping_add(1);
        if sweeps.is_multiple_of(SWEEPS_PER_SLOW) {
            worker.deadlines.sweep_ended(|| worker.random());
            worker.sweep_slowly();
        }
    }
}
