//! How a router is replaced by a new process of this program, and what the old one does afterwards.

use std::time::Duration;

use tokio::{runtime::Runtime, time::sleep};

use super::{
    logs::Logs,
    router::{CONTROL_END, Router},
    signals::Signals,
    upgrade::{Port, Successor},
};
use crate::{config::StoreAddress, proxy::Front};

/// How long a store that nobody uses any more may take to close its file. The new process cannot open it before, so where
/// that takes long, commands wait.
const CLOSED_MAX: Duration = Duration::from_secs(10);
const LOOK_EVERY: Duration = Duration::from_millis(1);

/// How a replacement ended.
pub enum Replacement {
    /// The new process serves.
    Done(Box<OldRouter>),
    /// The router goes on as before.
    Refused(Box<Router>),
    /// The router was told to end meanwhile.
    Ended(Box<Router>),
}

/// What is left of a router once another process serves.
pub struct OldRouter {
    front: Front,
    runtime: Runtime,
    logs: Logs,
    longest: Duration,
}

/// Starts a new process and gives it everything, or takes everything back.
pub fn replace(router: Router, signals: &mut Signals) -> Replacement {
    tracing::info!("upgrade: a new process of this program is started, which takes over");
    let (successor, is_prepared) = match start_successor(&router) {
        Ok(started) => started,
        Err(why) => return refused(router, &why),
    };
    let preparing = router.runtime.spawn_blocking(is_prepared);
    let prepared = router.runtime.block_on(async {
        tokio::select! {
            prepared = preparing => Some(prepared.unwrap_or_else(|panic| Err(panic.to_string()))),
            () = signals.ended() => None,
        }
    });
    match prepared {
        Some(Ok(())) => give_over(router, successor),
        Some(Err(why)) => {
            drop(successor);
            refused(router, &why)
        }
        None => Replacement::Ended(Box::new(router)),
    }
}

/// Starts the new process, and gives it this one's sockets. With it comes what waits until it is prepared.
fn start_successor(
    router: &Router,
) -> Result<(Successor, impl FnOnce() -> Result<(), String> + Send + use<>), String> {
    if router.plane.config.store == StoreAddress::Memory {
        return Err("what a store in memory holds would be gone with this process".to_owned());
    }
    if std::process::id() == 1 {
        return Err(
            "this is the first process of its container, which would end with it: start a new container"
                .to_owned(),
        );
    }
    let start = || {
        let successor = Successor::start()?;
        for (address, socket) in router.front.sockets() {
            successor.give(Port::Front, *address, socket)?;
        }
        for file in router.front.files() {
            successor.give_file(&file.path, &file.socket)?;
        }
        let sockets = &router.plane.sockets;
        successor.give(Port::Admin, sockets.admin.0, &sockets.admin.1)?;
        if let Some((address, socket)) = &sockets.hooks {
            successor.give(Port::Hooks, *address, socket)?;
        }
        let prepared = successor.prepare()?;
        Ok((successor, prepared))
    };
    start().map_err(|error: std::io::Error| format!("a new process cannot be started: {error}"))
}

/// Ends the control plane, so that the new process can begin with its own. The front goes on with what was published last.
fn give_over(router: Router, mut successor: Successor) -> Replacement {
    let Router { front, control, store, plane, runtime, logs, token, hooks, pid_file } = router;
    let clock = plane.clock.clone();
    let since = clock.monotonic();
    runtime.block_on(async {
        control.stop().await;
        while store.strong_count() > 0 && clock.monotonic() - since < CLOSED_MAX {
            sleep(LOOK_EVERY).await;
        }
    });
    if let Err(why) = successor.release() {
        drop(successor);
        let (control, store) = match plane.start(&runtime) {
            Ok(started) => started,
            Err(error) => {
                // Requests are served on by whoever starts this program again.
                tracing::error!(
                    "upgrade failed: {why}; and the control plane cannot be started again: {error}"
                );
                std::process::exit(1);
            }
        };
        control.set_accepting(true);
        let same = Router { front, control, store, plane, runtime, logs, token, hooks, pid_file };
        return refused(same, &why);
    }
    let pid = successor.pid();
    tracing::info!(pid, commands_waited = ?(clock.monotonic() - since), "upgrade: the new process serves; this one finishes what is open");
    let longest = Duration::from_millis(plane.config.limits.replaced_ms);
    plane.follow_saved(&runtime);
    Replacement::Done(Box::new(OldRouter { front, runtime, logs, longest }))
}

fn refused(router: Router, why: &str) -> Replacement {
    tracing::error!("upgrade failed, and this process goes on as before: {why}");
    if let Some(file) = &router.pid_file {
        file.say(Some(why));
    }
    Replacement::Refused(Box::new(router))
}

impl OldRouter {
    /// Finishes what is open. A signal that ends a router ends what lasts longer.
    pub fn finish(self, mut signals: Signals) {
        let Self { front, runtime, logs, longest } = self;
        let over = async move {
            tokio::select! {
                () = sleep(longest) => {}
                () = signals.ended() => {}
            }
        };
        if !runtime.block_on(front.give_way(over)) {
            tracing::warn!("some exchanges had to be cut: they were open longer than limits.replaced_ms");
        }
        if let Some(spans) = logs.spans {
            runtime.block_on(spans.end());
        }
        runtime.shutdown_timeout(CONTROL_END);
        drop(logs.access);
        drop(logs.audit);
    }
}
