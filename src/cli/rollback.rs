//! `rollback`: an earlier release becomes stable again.

use clap::Args;
use reqwest::Method;

use super::{
    change::{Change, ChangeArguments, DryRunChoice},
    exit::{Exit, Failure},
    printer::Printer,
};
use crate::schema::{app::App, change::RollbackRequest, release::Release};

/// Make an earlier release stable again; clients of the bad one go to it at once
///
/// A candidate is dropped with it. Pipelines (`ci` tokens) are locked out until an operator's next command. The
/// target must pass its health check first; --force goes to it even if it does not.
///
/// Examples:
///   rolling-router rollback --reason "errors in checkout"       to the release before this one
///   rolling-router rollback --to 0.9.7
#[derive(Debug, Args)]
#[command(verbatim_doc_comment)]
pub(super) struct Arguments {
    /// Any release of the history; without it the one before the present stable
    #[arg(long, value_name = "RELEASE")]
    to: Option<String>,

    /// Do it even if the target does not answer
    #[arg(long)]
    force: bool,

    #[command(flatten)]
    dry_run: DryRunChoice,
    #[command(flatten)]
    change: ChangeArguments,
}

pub(super) async fn run(arguments: Arguments, printer: &Printer) -> Result<Exit, Failure> {
    let Arguments { to, force, dry_run, change } = arguments;
    // Whatever somebody else did in between, the bad release is to go.
    let rollback = |app: &App| {
        let target = to.as_deref().or(app.previous.as_ref().map(Release::name));
        let done = format!("{} is stable again", target.unwrap_or("an earlier release"));
        let request = RollbackRequest { to, force: force.then_some(true), wait: None, reason: None };
        Change::new(Method::POST, "rollback", &request, done).unguarded().dry_run(&dry_run)
    };
    change.ask_as_seen(rollback, printer).await
}
