//! The composition root: what is started in which order, and ended in which.
//!
//! Start: descriptors, admin socket, logs, store, control plane, front, health checks. The front accepts once a first table
//! is live. A store that does not answer is waited for only a moment: until then the front answers 503, and `/readyz` says no.
//!
//! End: not ready, go on accepting for the grace time, finish what is open, then the control plane, the store and
//! the log, which by then nobody writes any more. In an upgrade a new process takes over before that: [`upgrade`].

mod activation;
mod addresses;
mod certificate;
mod descriptors;
mod error;
mod examination;
mod logs;
mod memory;
mod options;
mod own_addresses;
mod plane;
mod replace;
mod router;
mod service_manager;
mod sign_in;
mod signals;
mod store;
mod surplus;
mod traces;
mod upgrade;

use tokio::task::AbortHandle;

use crate::{config::Config, memory::keep_heaps_short};

pub use error::Error;
pub use examination::{Examination, examine};
use replace::{Replacement, replace};
pub use router::Router;
use router::control_runtime;
use service_manager::{say_ready, say_stopping};
use signals::{SignalAction, Signals};
pub use upgrade::PidFile;
use upgrade::Predecessor;

/// Runs a router until SIGTERM or SIGINT, then ends it without losing a request. A second signal ends it at once.
pub fn run(config: Config) -> Result<(), Error> {
    keep_heaps_short();
    let predecessor = Predecessor::of_this_process()
        .map_err(Error::io("nothing can be taken over from another process"))?;
    let runtime = control_runtime()?;
    // Before anybody can see that it runs: a signal that came earlier would end it the hard way, SIGHUP too.
    let signals = {
        let _runtime = runtime.enter();
        Signals::new().map_err(Error::io("signals cannot be handled"))?
    };
    let router = Router::start_on(runtime, config, predecessor)?;
    router.announce();
    say_ready();
    let watched = router.keep_watched();
    serve_until(router, signals, watched.as_ref());
    Ok(())
}

/// Serves until a signal ends it, or until a new process of this program has taken over and nothing is open. That one tells the
/// service manager that it lives, and this one's task ends.
fn serve_until(mut router: Router, mut signals: Signals, watched: Option<&AbortHandle>) {
    loop {
        match router.next_signal(&mut signals) {
            SignalAction::End => break,
            SignalAction::ReopenLogs => router.reopen_logs(),
            SignalAction::ReadAgain => {
                router.reopen_logs();
                router.read_again();
            }
            SignalAction::Upgrade => match replace(router, &mut signals) {
                Replacement::Refused(same) => router = *same,
                Replacement::Done(old) => {
                    watched.inspect(|task| task.abort());
                    return old.finish(signals);
                }
                Replacement::Ended(same) => {
                    router = *same;
                    break;
                }
            },
        }
    }
    say_stopping();
    if !router.stop_on_signal(signals) {
        tracing::warn!("some exchanges had to be cut: they were open longer than limits.shutdown_ms");
    }
}
