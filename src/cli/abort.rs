//! `abort`: the candidate is dropped.

use clap::Args;
use reqwest::Method;

use super::{
    app_lines::{candidate_id, candidate_name},
    change::{Change, ChangeArguments, DryRunChoice},
    exit::{Exit, Failure},
    printer::Printer,
};
use crate::schema::change::AbortRequest;

/// Drop the candidate; its clients go to stable at once
///
/// Works under a lock too, and with --local while the store is down. Without a candidate there is nothing to do, which is no error.
///
/// Example: rolling-router abort --reason "errors in checkout"
#[derive(Debug, Args)]
#[command(verbatim_doc_comment)]
pub(super) struct Arguments {
    /// The candidate that is meant; without it the one that is there now
    #[arg(long, value_name = "RELEASE")]
    release: Option<String>,

    /// Also while the store does not answer, then on the asked router alone: the store is given the abort as soon as it
    /// answers, if nothing came between
    #[arg(long, conflicts_with = "dry_run")]
    local: bool,

    #[command(flatten)]
    dry_run: DryRunChoice,
    #[command(flatten)]
    change: ChangeArguments,
}

pub(super) async fn run(arguments: Arguments, printer: &Printer) -> Result<Exit, Failure> {
    let Arguments { release, local, dry_run, change } = arguments;
    let abort = |app: &_| {
        let release = release.or_else(|| candidate_id(app));
        let request = AbortRequest { release, local: local.then_some(true), reason: None };
        let done = format!("{} is dropped; its clients go to stable", candidate_name(app));
        Change::new(Method::POST, "abort", &request, done).dry_run(&dry_run)
    };
    change.ask_as_seen(abort, printer).await
}
