//! `stable set`: the first release of an app, or a new one without a trial.

use clap::{Args, Subcommand};
use reqwest::Method;

use super::{
    connect::{AppChoice, Connection},
    exit::{Exit, Failure},
    printer::Printer,
    release::ReleaseChoice,
    session::{Change, ChangeOptions, Session},
};

/// Set the stable release directly
#[derive(Debug, Args)]
pub(super) struct Arguments {
    #[command(subcommand)]
    verb: StableVerb,
}

#[derive(Debug, Subcommand)]
enum StableVerb {
    /// Make a release stable: an app's first, or a new one without a trial
    ///
    /// The stable release before it drains: clients pinned to it stay for a while. To try a release on a share of
    /// the clients first, use `candidate set`, `blend` and `promote`.
    ///
    /// Example: rolling-router stable set 1.0.0 --app hello --endpoint 10.0.0.5:3000 --endpoint 10.0.0.6:3000
    #[command(verbatim_doc_comment)]
    Set(SetArguments),
}

#[derive(Debug, Args)]
struct SetArguments {
    #[command(flatten)]
    release: ReleaseChoice,

    /// Also if it is the candidate and its endpoints were seen failing
    #[arg(long)]
    force: bool,

    #[command(flatten)]
    options: ChangeOptions,
    #[command(flatten)]
    app: AppChoice,
    #[command(flatten)]
    connection: Connection,
}

pub(super) async fn run(arguments: Arguments, printer: &Printer) -> Result<Exit, Failure> {
    let StableVerb::Set(arguments) = arguments.verb;
    let session = Session::open(&arguments.connection, arguments.app, printer)?;
    let app = session.app().await?;
    let mut body = arguments.release.body();
    body.insert("force".into(), arguments.force.then_some(true).into());
    let change = Change {
        method: Method::PUT,
        resource: "stable",
        body,
        seen: None,
        done: format!("{} is stable", arguments.release.name()),
    };
    session.change(&app, change, &arguments.options).await
}
