//! `upgrade`: a router on this machine is replaced by a new process of the installed program.

use std::time::Duration;

use clap::Args;
use rustix::process::{Pid, Signal, kill_process};
use tokio::time::{Instant, sleep};

use super::{
    exit::{Exit, Failure},
    printer::Printer,
    router_settings::Settings,
};
use crate::server::PidFile;

const LOOK_EVERY: Duration = Duration::from_millis(20);
/// Longer than a router waits for the steps of its new process.
const LONGEST: Duration = Duration::from_secs(150);

/// Replace a running router by the program that is installed now, without losing a request
///
/// Finds the router on this machine by its state directory: give the same --state, --store, --config or variables as to
/// `serve`. The new process takes over listeners, store and state; the old one finishes what is open, and then ends. Where
/// the new one does not become ready, the old one goes on, and this ends with 4 and the reason.
///
/// Examples:
///   rolling-router upgrade
///   rolling-router upgrade --state /var/lib/rolling-router
#[derive(Debug, Args)]
#[command(verbatim_doc_comment)]
pub(super) struct Arguments {
    #[command(flatten)]
    settings: Settings,
}

pub(super) async fn run(arguments: Arguments, printer: &Printer) -> Result<Exit, Failure> {
    let config = arguments.settings.read()?;
    let Some(state) = config.state else {
        return Err(Failure::usage(
            "a store in memory is gone with its process, so such a router cannot be upgraded",
        ));
    };
    let file = PidFile::of(&state);
    let place = state.display();
    let nobody = || Failure::here(format!("no router runs with the state directory {place} (--state)"));
    let before = file.read().ok_or_else(nobody)?;
    let pid = Pid::from_raw(before.pid).ok_or_else(nobody)?;
    // Its own words about an earlier upgrade are over.
    let written = file.written();
    match kill_process(pid, Signal::USR2) {
        Ok(()) => {}
        Err(rustix::io::Errno::SRCH) => return Err(nobody()),
        Err(error) => return Err(Failure::here(format!("process {} cannot be told: {error}", before.pid))),
    }
    let until = Instant::now() + LONGEST;
    while Instant::now() < until {
        sleep(LOOK_EVERY).await;
        match file.read() {
            Some(now) if now.pid != before.pid => {
                printer.line(format!(
                    "process {} serves; process {} finishes what is open",
                    now.pid, before.pid
                ));
                return Ok(Exit::Done);
            }
            Some(now) if file.written() != written => {
                let why = now.failure.unwrap_or_else(|| "its log says why".to_owned());
                let message = format!("process {} goes on as before: {why}", now.pid);
                return Err(Failure::new(Exit::Refused, message));
            }
            _ => {}
        }
    }
    Err(Failure::here(format!("process {} did not say how it went for {} s", before.pid, LONGEST.as_secs())))
}
