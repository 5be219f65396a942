//! `rollback`: an earlier release becomes stable again.

use clap::Args;
use reqwest::Method;

use super::{
    connect::{AppChoice, Connection},
    dry_run::DryRun,
    exit::{Exit, Failure},
    printer::Printer,
    session::{Change, ChangeOptions, Session, body},
};

/// Make an earlier release stable again; clients of the bad one go to it at once
///
/// A candidate is dropped with it. Pipelines (`ci` tokens) are locked out until an operator's next command. The
/// target is probed first; --force goes to it even if it does not answer.
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
    dry_run: DryRun,
    #[command(flatten)]
    options: ChangeOptions,
    #[command(flatten)]
    app: AppChoice,
    #[command(flatten)]
    connection: Connection,
}

pub(super) async fn run(arguments: Arguments, printer: &Printer) -> Result<Exit, Failure> {
    let session = Session::open(&arguments.connection, arguments.app, printer)?;
    let state = session.state().await?;
    let target = arguments.to.as_deref().or(state.previous_name()).unwrap_or("an earlier release");
    let done = format!("{target} is stable again");
    let force = arguments.force.then_some(true);
    let change = Change {
        method: Method::POST,
        resource: "rollback",
        body: body([("to", arguments.to.into()), ("force", force.into())]),
        seen: None,
        done,
    };
    arguments.dry_run.change(&session, &state.app, change, &arguments.options).await
}
