//! `stable set`: the first release of an app, or a new one without a trial.

use clap::{Args, Subcommand};
use reqwest::Method;

use super::{
    change::{Change, ChangeArguments},
    exit::{Exit, Failure},
    printer::Printer,
    release::ReleaseChoice,
};
use crate::schema::change::StableRequest;

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
    change: ChangeArguments,
}

pub(super) async fn run(arguments: Arguments, printer: &Printer) -> Result<Exit, Failure> {
    let StableVerb::Set(arguments) = arguments.verb;
    let done = format!("{} is stable", arguments.release.name());
    let (id, release) = arguments.release.id_or_name();
    let ReleaseChoice { endpoints, service, port, .. } = arguments.release;
    let force = arguments.force.then_some(true);
    let request = StableRequest { id, release, endpoints, service, port, force, reason: None };
    arguments.change.ask(Change::new(Method::PUT, "stable", &request, done), printer).await
}
