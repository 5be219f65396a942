//! `promote`: the candidate becomes stable.

use clap::Args;
use reqwest::Method;

use super::{
    app_lines::{candidate_id, candidate_name},
    change::{Change, ChangeArguments, DryRunChoice},
    exit::{Exit, Failure},
    printer::Printer,
};
use crate::schema::change::PromoteRequest;

/// Make the candidate stable
///
/// Its clients stay where they are. Clients of the stable release before it keep it while it drains. Sends the
/// candidate and the seq that were read just before, so a change made by somebody else in between is refused
/// (exit code 4) rather than promoted.
///
/// Examples:
///   rolling-router promote --reason "smoke tests green"
///   rolling-router promote --wait 30s                                    its endpoints may take that long to start
///   rolling-router promote --dry-run                                     who would move
///   rolling-router promote --release 1.0.1 --wait fleet --timeout 30s    for pipelines; repeating it is harmless
#[derive(Debug, Args)]
#[command(verbatim_doc_comment)]
pub(super) struct Arguments {
    /// The candidate that is meant; without it the one that is there now
    #[arg(long, value_name = "RELEASE")]
    release: Option<String>,

    /// Promote a release whose endpoints fail the health check
    #[arg(long)]
    force: bool,

    #[command(flatten)]
    dry_run: DryRunChoice,
    #[command(flatten)]
    change: ChangeArguments,
}

pub(super) async fn run(arguments: Arguments, printer: &Printer) -> Result<Exit, Failure> {
    let Arguments { release, force, dry_run, change } = arguments;
    let promote = |app: &_| {
        let release = release.or_else(|| candidate_id(app));
        let request = PromoteRequest { release, force: force.then_some(true), wait: None, reason: None };
        let done = format!("{} is stable", candidate_name(app));
        Change::new(Method::POST, "promote", &request, done).dry_run(&dry_run)
    };
    change.ask_as_seen(promote, printer).await
}
