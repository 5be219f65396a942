//! `lock`: hold pipelines back.

use std::time::Duration;

use clap::Args;
use reqwest::Method;

use super::{
    change::{Change, ChangeArguments},
    duration,
    exit::{Exit, Failure},
    printer::Printer,
};
use crate::{clock::Clock, schema::change::LockRequest};

/// Hold pipelines back: `ci` tokens may do nothing but abort
///
/// Examples:
///   rolling-router lock --reason "release freeze"
///   rolling-router lock --reason "incident 4711" --for 2h
#[derive(Debug, Args)]
#[command(verbatim_doc_comment)]
pub(super) struct Arguments {
    /// How long; without it until `unlock`
    #[arg(long = "for", value_name = "TIME", value_parser = duration::parse)]
    length: Option<Duration>,

    #[command(flatten)]
    change: ChangeArguments,
}

pub(super) async fn run(arguments: Arguments, printer: &Printer) -> Result<Exit, Failure> {
    let reason = arguments.change.options.reason.clone().filter(|reason| !reason.trim().is_empty());
    let reason = reason.ok_or_else(|| {
        Failure::usage("--reason is missing: a lock needs one, which is shown to everyone whom it holds back")
    })?;
    let until = arguments.length.map(|length| {
        Clock::system().wall_ms().saturating_add(u64::try_from(length.as_millis()).unwrap_or(u64::MAX))
    });
    let lock = Change::new(Method::PUT, "lock", &LockRequest { reason, until }, "locked");
    arguments.change.ask(lock, printer).await
}
