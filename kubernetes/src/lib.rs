//! Keeps the endpoints of releases in rolling-router as the EndpointSlices of Kubernetes say.
//!
//! | file | what it is |
//! |---|---|
//! | `arguments` | what the program is started with |
//! | `cluster` | from the Kubernetes API to what releases should have: a list, then a watch |
//! | `slices` | all EndpointSlices that are followed, and the releases that they add up to |
//! | `slice` | one EndpointSlice: its release, and the addresses that take requests |
//! | `keeper` | from what releases should have to rolling-router: what is due, said, tried again |
//! | `router` | one call of rolling-router's API, and what its answer means |
//! | `release` | a release of an app by its name |
//! | `failure`, `log` | how the program ends when it cannot start; what it tells |
//!
//! *Rules*: A set of endpoints is never emptied, since that takes an app off line: when no pod of a release is ready, or all its
//! slices have gone, its last endpoints stay. Nothing is put on a track, and nothing is taken off one. Whatever either side answers,
//! the program goes on; it ends when it is told to, or when it cannot start.
//!
//! Deliberately absent: a store of its own. What was written is in rolling-router, what should be is in Kubernetes.

mod arguments;
mod cluster;
mod failure;
mod keeper;
mod log;
mod release;
mod router;
mod slice;
mod slices;

use std::process::ExitCode;

use clap::Parser as _;
use tokio::{
    select,
    signal::unix::{Signal, SignalKind, signal},
    sync::watch,
};

use crate::{arguments::Arguments, cluster::Cluster, failure::Failure, keeper::Keeper, router::Router};

/// Runs the program with the process's command line, until a signal ends it.
pub fn run() -> ExitCode {
    let arguments = match Arguments::try_parse() {
        Ok(arguments) => arguments,
        Err(refusal) => refusal.exit(),
    };
    match start(&arguments) {
        Ok(()) => ExitCode::SUCCESS,
        Err(failure) => failure.tell(),
    }
}

fn start(arguments: &Arguments) -> Result<(), Failure> {
    let router = Router::new(&arguments.router)?;
    log::start(arguments.log, arguments.log_format);
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
    let runtime = runtime.map_err(|error| Failure::here(format!("cannot start: {error}")))?;
    runtime.block_on(follow(arguments, router))
}

/// The composition root: Kubernetes on one side, rolling-router on the other, and between them what releases should have.
async fn follow(arguments: &Arguments, router: Router) -> Result<(), Failure> {
    let (mut terminate, mut interrupt) = (on(SignalKind::terminate())?, on(SignalKind::interrupt())?);
    let cluster = Cluster::connect(&arguments.kubernetes).await?;
    tracing::info!("rolling-router-k8s {}: {cluster}, to {router}", env!("CARGO_PKG_VERSION"));
    let (wanted, is_wanted) = watch::channel(None);
    let keeper = Keeper::new(router, arguments.resync());
    select! {
        () = cluster.follow(wanted) => {}
        () = keeper.run(is_wanted) => {}
        _ = terminate.recv() => {}
        _ = interrupt.recv() => {}
    }
    tracing::info!("ended by a signal; the endpoints stay as they are");
    Ok(())
}

fn on(kind: SignalKind) -> Result<Signal, Failure> {
    signal(kind).map_err(|error| Failure::here(format!("signals cannot be received: {error}")))
}
