//! The threads of the admin port, apart from those that follow the store, publish tables and check health.
//!
//! Connections and the reserved lane have their own, and all other calls have others, so that a call that takes long delays
//! neither. The threads of calls give way to whatever else the machine has to do, end users first of all.

use std::io;

use tokio::runtime::{Builder, Handle, Runtime};

/// Threads for connections and the reserved lane: one that is busy leaves the other.
const CONNECTION_THREADS: usize = 2;
/// Threads for all other calls: one that works out a long answer leaves the other.
const CALL_THREADS: usize = 2;
/// How much the threads of calls give way: an end user's request gets nine times as much of a processor that both want.
const CALL_NICENESS: i32 = 10;

/// Threads that end with it.
#[derive(Debug)]
pub struct Threads {
    connections: Option<Runtime>,
    calls: Option<Runtime>,
}

impl Threads {
    /// Starts them.
    pub fn start() -> io::Result<Self> {
        let connections = Builder::new_multi_thread()
            .worker_threads(CONNECTION_THREADS)
            .thread_name("admin")
            .enable_all()
            .build()?;
        let calls = Builder::new_multi_thread()
            .worker_threads(CALL_THREADS)
            .thread_name("api")
            .enable_all()
            .on_thread_start(|| {
                // On Linux this is the thread's own. Without it calls are as urgent as the rest.
                let _ = rustix::process::nice(CALL_NICENESS);
            })
            .build()?;
        Ok(Self { connections: Some(connections), calls: Some(calls) })
    }

    /// Where connections are served.
    pub fn connections(&self) -> Handle {
        handle(self.connections.as_ref())
    }

    /// Where calls are carried out.
    pub fn calls(&self) -> Handle {
        handle(self.calls.as_ref())
    }
}

fn handle(runtime: Option<&Runtime>) -> Handle {
    runtime.expect("only dropping takes the threads").handle().clone()
}

impl Drop for Threads {
    fn drop(&mut self) {
        for runtime in [self.connections.take(), self.calls.take()].into_iter().flatten() {
            // It may be dropped where nobody may wait.
            runtime.shutdown_background();
        }
    }
}
