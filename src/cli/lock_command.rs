//! A command that runs under a lock, as `flock` runs one: the lock is renewed while it runs, and ends with it.
//!
//! If this process is killed, nobody renews the lock any more, and it ends by itself.

use std::{
    ffi::OsString,
    process::{Command, ExitStatus},
    time::Duration,
};

use tokio::{
    task::JoinHandle,
    time::{MissedTickBehavior, interval},
};

use super::{
    exit::{Exit, Failure},
    lock_call::{LockCall, is_locked},
};
use crate::clock::Clock;

/// How often a lock is renewed in its length: two calls may fail before it ends.
const RENEWALS: u32 = 3;

/// A name that no other run has.
pub(super) fn name_of_this_run() -> String {
    format!("process {} at {}", std::process::id(), Clock::system().wall_ms())
}

/// Runs the command.
pub(super) async fn run(
    call: &LockCall<'_>,
    length: Duration,
    command: Vec<OsString>,
) -> Result<Exit, Failure> {
    let name = command.first().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default();
    let ended = match start(&command) {
        Ok(child) => renew_until(call, length, child).await,
        Err(error) => Err(error.to_string()),
    };
    if let Err(failure) = call.give_back().await {
        call.session.printer.note(&format!("the lock ends by itself: {}", failure.message));
    }
    match ended {
        Ok(status) if status.success() => Ok(Exit::Done),
        Ok(status) => Err(Failure::here(format!("`{name}` ended with {status}"))),
        Err(error) => Err(Failure::here(format!("`{name}` cannot be run: {error}"))),
    }
}

/// A command that runs.
type Running = JoinHandle<std::io::Result<ExitStatus>>;

fn start(command: &[OsString]) -> std::io::Result<Running> {
    let Some((program, arguments)) = command.split_first() else {
        return Err(std::io::ErrorKind::InvalidInput.into());
    };
    let mut child = Command::new(program).args(arguments).spawn()?;
    Ok(tokio::task::spawn_blocking(move || child.wait()))
}

async fn renew_until(
    call: &LockCall<'_>,
    length: Duration,
    mut running: Running,
) -> Result<ExitStatus, String> {
    let pace = length / RENEWALS;
    let mut ticks = interval(pace);
    // The first one would come at once.
    ticks.reset();
    ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    let mut is_lost = false;
    loop {
        tokio::select! {
            ended = &mut running => {
                return ended.map_err(|error| error.to_string())?.map_err(|error| error.to_string());
            }
            _ = ticks.tick() => match call.put(Duration::ZERO).await {
                Ok(_) => is_lost = false,
                Err(failure) if !is_lost => {
                    is_lost = is_locked(&failure);
                    let what = if is_lost { "the lock is lost" } else { "the lock was not renewed" };
                    call.session.printer.note(&format!("{what}: {}", failure.message));
                }
                Err(_) => {}
            },
        }
    }
}
