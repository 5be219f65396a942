//! `abort`: the candidate is dropped.

use clap::Args;
use reqwest::Method;

use super::{
    connect::{AppChoice, Connection},
    dry_run::DryRun,
    exit::{Exit, Failure},
    printer::Printer,
    session::{Change, ChangeOptions, Session, body},
};

/// Drop the candidate; its clients go to stable at once
///
/// Works under a lock too. Without a candidate there is nothing to do, which is no error.
///
/// Example: rolling-router abort --reason "errors in checkout"
#[derive(Debug, Args)]
#[command(verbatim_doc_comment)]
pub(super) struct Arguments {
    /// The candidate that is meant; without it the one that is there now
    #[arg(long, value_name = "RELEASE")]
    release: Option<String>,

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
    let release = arguments.release.or_else(|| state.candidate_id());
    let change = Change {
        method: Method::POST,
        resource: "abort",
        body: body([("release", release.into())]),
        seen: Some(state.seq),
        done: format!("{} is dropped; its clients go to stable", state.candidate_name()),
    };
    arguments.dry_run.change(&session, &state.app, change, &arguments.options).await
}
