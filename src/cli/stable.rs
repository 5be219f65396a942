//! `stable set|clear`: the first release of an app, or a new one without a trial; and none.

use clap::{Args, Subcommand};
use reqwest::Method;

use super::{
    change::{Change, ChangeArguments, NewChoice},
    exit::{Exit, Failure},
    printer::Printer,
    release::ReleaseChoice,
};
use crate::schema::{
    app::App,
    change::{ClearStableRequest, StableRequest},
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
    /// Example: rolling-router stable set 1.0.0 --app hello --new --endpoint 10.0.0.5:3000 --endpoint 10.0.0.6:3000
    #[command(verbatim_doc_comment)]
    Set(SetArguments),

    /// Take the stable release off its track with nothing in its place: new clients get 503
    ///
    /// A raw `rolling/null` in `stable/id` never does that to a release that serves. This does, with --force.
    #[command(verbatim_doc_comment)]
    Clear(ClearArguments),
}

#[derive(Debug, Args)]
struct ClearArguments {
    /// Although the release serves
    #[arg(long)]
    force: bool,

    #[command(flatten)]
    change: ChangeArguments,
}

#[derive(Debug, Args)]
struct SetArguments {
    #[command(flatten)]
    release: ReleaseChoice,

    /// Also if its endpoints were seen failing, or others are registered for it already
    #[arg(long)]
    force: bool,

    #[command(flatten)]
    new: NewChoice,
    #[command(flatten)]
    change: ChangeArguments,
}

pub(super) async fn run(arguments: Arguments, printer: &Printer) -> Result<Exit, Failure> {
    match arguments.verb {
        StableVerb::Set(arguments) => set(arguments, printer).await,
        StableVerb::Clear(ClearArguments { force, change }) => {
            let request = ClearStableRequest { force: force.then_some(true), reason: None };
            let clear = |app: &App| {
                let done = format!("{} has no stable release: new clients get 503", app.app);
                Change::new(Method::DELETE, "stable", &request, done)
            };
            change.ask_as_seen(clear, printer).await
        }
    }
}

async fn set(arguments: SetArguments, printer: &Printer) -> Result<Exit, Failure> {
    let done = format!("{} is stable", arguments.release.name());
    let (id, release) = arguments.release.id_or_name();
    let facts = arguments.release.facts.given();
    let ReleaseChoice { endpoints, service, port, .. } = arguments.release;
    let force = arguments.force.then_some(true);
    let request =
        StableRequest { id, release, endpoints, service, port, facts, force, wait: None, reason: None };
    let change = Change::new(Method::PUT, "stable", &request, done);
    arguments.change.ask_to_begin(change, &arguments.new, printer).await
}
