//! One worker's thread: its event loop, from its start to the end of its last connection.

use std::{rc::Rc, sync::Arc, time::Duration};

use tokio::{
    sync::{mpsc, watch},
    task::{spawn_local, yield_now},
    time::{MissedTickBehavior, interval, sleep, timeout},
};

use super::{accept::accept, handover::take_handovers, listen::Sources, listener::Listener};
use crate::{
    limits::SWEEP_MS,
    proxy::worker::{
        Worker, coarse,
        phase::{Phase, reached},
        shared::FrontState,
    },
    telemetry::{access_log::WorkerLog, traces::WorkerTraces},
};

/// Sweeps between two that look at what changes slowly: once a second.
const SWEEPS_PER_SLOW: u32 = 10;
/// How often a worker that drains looks whether anything is left.
const DRAIN_LOOK_MS: u64 = 10;

/// What a worker's thread is started with.
pub struct WorkerThread {
    /// The worker's number.
    pub index: usize,
    /// What all workers share.
    pub shared: Arc<FrontState>,
    /// The worker's part of the access log.
    pub log: Option<WorkerLog>,
    /// The worker's part of the spans.
    pub traces: Option<WorkerTraces>,
    /// A random number.
    pub seed: u64,
    /// Where connections come from.
    pub sources: Sources,
    /// The front's phase.
    pub phase: watch::Receiver<Phase>,
}

impl WorkerThread {
    /// Runs until the front has drained or ended, and then drops `running`.
    pub fn run(self, running: mpsc::Sender<()>) {
        let (clock, index) = (self.shared.clock.clone(), self.index);
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_io()
            .enable_time()
            .on_thread_unpark(move || coarse::refresh(&clock))
            .build_local(tokio::runtime::LocalOptions::default());
        match runtime {
            Ok(runtime) => runtime.block_on(self.run_worker()),
            Err(error) => tracing::error!(%error, index, "a worker cannot start"),
        }
        drop(running);
    }

    async fn run_worker(mut self) {
        let worker = Worker::new(self.index, self.shared, self.log, self.traces, self.seed);
        let mut accepting = Vec::new();
        for (listener, tls) in self.sources.listeners {
            match Listener::new(listener) {
                Ok(listener) => {
                    let task = accept(Rc::clone(&worker), listener, tls, self.phase.clone());
                    accepting.push(spawn_local(task));
                }
                Err(error) => tracing::error!(%error, index = self.index, "a worker cannot listen"),
            }
        }
        if let Some(handovers) = self.sources.handovers {
            accepting.push(spawn_local(take_handovers(Rc::clone(&worker), handovers, self.phase.clone())));
        }
        spawn_local(sweep(Rc::clone(&worker)));
        // Connections of HTTP/2 are told at once that they will end.
        reached(&mut self.phase, Phase::Closing).await;
        worker.deadlines.wake_all();
        // Ends also when the front is gone, which sets the phase before.
        reached(&mut self.phase, Phase::Replaced).await;
        if worker.shared.is_replaced() {
            tokio::select! {
                () = emptied(&worker) => {}
                () = reached(&mut self.phase, Phase::Draining) => {}
            }
        }
        worker.deadlines.wake_all();
        for task in accepting {
            // It ends by itself once it has taken what waits. A panic there was reported.
            let _ = task.await;
        }
        tokio::select! {
            () = emptied(&worker) => {}
            () = reached(&mut self.phase, Phase::Ending) => {
                worker.deadlines.wake_all();
                let _ = timeout(Duration::from_millis(SWEEP_MS), emptied(&worker)).await;
            }
        }
        worker.pool.clear();
        worker.http2.clear();
        worker.flush_log();
        worker.flush_spans();
    }
}

/// Waits until no connection is open.
async fn emptied(worker: &Worker) {
    while worker.open() > 0 {
        sleep(Duration::from_millis(DRAIN_LOOK_MS)).await;
    }
}

/// Looks after deadlines a few times a second, and every second after what changes slowly.
async fn sweep(worker: Rc<Worker>) {
    let mut ticks = interval(Duration::from_millis(SWEEP_MS));
    ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    let mut sweeps = 0_u32;
    loop {
        ticks.tick().await;
        // A worker that was held up finds deadlines that have passed and events that came in time. The events go first.
        yield_now().await;
        coarse::refresh(&worker.shared.clock);
        worker.deadlines.sweep();
        worker.queues.wake_first_of_each();
        worker.paused.wake_at(worker.shared.table.load().generation);
        if worker.buffers.ends_wait() {
            worker.deadlines.wake_all();
        }
        worker.flush_log();
        sweeps = sweeps.wrapping_add(1);
        if sweeps.is_multiple_of(SWEEPS_PER_SLOW) {
            worker.deadlines.sweep_ended(|| worker.random());
            worker.flush_spans();
            worker.sweep_slowly();
        }
    }
}
