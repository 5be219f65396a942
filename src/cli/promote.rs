//! `promote`: the candidate becomes stable.

use clap::Args;
use reqwest::Method;

use super::{
    connect::{AppChoice, Connection},
    dry_run::DryRun,
    exit::{Exit, Failure},
    printer::Printer,
    session::{Change, ChangeOptions, Session, body},
};

/// Make the candidate stable
///
/// Its clients stay where they are. Clients of the stable release before it keep it while it drains. Sends the
/// candidate and the seq that were read just before, so a change made by somebody else in between is refused
/// (exit code 4) rather than promoted.
///
/// Examples:
///   rolling-router promote --reason "smoke tests green"
///   rolling-router promote --dry-run                                     who would move
///   rolling-router promote --release 1.0.1 --wait fleet --timeout 30s    for pipelines; repeating it is harmless
#[derive(Debug, Args)]
#[command(verbatim_doc_comment)]
pub(super) struct Arguments {
    /// The candidate that is meant; without it the one that is there now
    #[arg(long, value_name = "RELEASE")]
    release: Option<String>,

    /// Promote a release whose endpoints were seen failing
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
    let release = arguments.release.or_else(|| state.candidate_id());
    let change = Change {
        method: Method::POST,
        resource: "promote",
        body: body([("release", release.into()), ("force", arguments.force.then_some(true).into())]),
        seen: Some(state.seq),
        done: format!("{} is stable", state.candidate_name()),
    };
    arguments.dry_run.change(&session, &state.app, change, &arguments.options).await
}
