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
use crate::schema::change::LockRequest;

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
    // The router counts the time, since the clock here may be another.
    let seconds = arguments.length.map(|length| length.as_secs());
    let request = LockRequest { reason, until: None, seconds };
    let lock = Change::new(Method::PUT, "lock", &request, "locked");
    arguments.change.ask_as_seen(|_| lock, printer).await
}
