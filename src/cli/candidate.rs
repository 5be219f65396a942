//! `candidate set|clear`: a release on trial, and its end.

use clap::{Args, Subcommand};
use reqwest::Method;

use super::{
    blend,
    connect::{AppChoice, Connection},
    exit::{Exit, Failure},
    printer::Printer,
    release::ReleaseChoice,
    session::{Change, ChangeOptions, Session, body},
};

/// Put a release on trial, or take it off
#[derive(Debug, Args)]
pub(super) struct Arguments {
    #[command(subcommand)]
    verb: CandidateVerb,
}

#[derive(Debug, Subcommand)]
enum CandidateVerb {
    /// Put a release on trial, at blend 0 unless --blend says otherwise
    ///
    /// Doing it again changes nothing. Another candidate is aborted in the same step: its clients go to stable.
    ///
    /// Examples:
    ///   rolling-router candidate set 1.0.1                                   a release the store knows
    ///   rolling-router candidate set 1.0.1 --endpoint 10.0.0.6:3000          registers its endpoint too
    ///   rolling-router candidate set apps/hello-1.0.1-80/containers --blend 10 --reason "build 1188"
    #[command(verbatim_doc_comment)]
    Set(SetArguments),

    /// Drop the candidate; the same as `abort`
    Clear(ClearArguments),
}

#[derive(Debug, Args)]
struct SetArguments {
    #[command(flatten)]
    release: ReleaseChoice,

    /// Percent of new clients that go to it, at most two decimals
    #[arg(long, value_name = "PERCENT", value_parser = blend::parse_percent)]
    blend: Option<f64>,

    /// The candidate it may replace; a `ci` token must name one that has a share of the clients
    #[arg(long, value_name = "RELEASE")]
    replace: Option<String>,

    #[command(flatten)]
    options: ChangeOptions,
    #[command(flatten)]
    app: AppChoice,
    #[command(flatten)]
    connection: Connection,
}

#[derive(Debug, Args)]
struct ClearArguments {
    #[command(flatten)]
    options: ChangeOptions,
    #[command(flatten)]
    app: AppChoice,
    #[command(flatten)]
    connection: Connection,
}

pub(super) async fn run(arguments: Arguments, printer: &Printer) -> Result<Exit, Failure> {
    match arguments.verb {
        CandidateVerb::Set(arguments) => set(arguments, printer).await,
        CandidateVerb::Clear(arguments) => clear(arguments, printer).await,
    }
}

async fn set(arguments: SetArguments, printer: &Printer) -> Result<Exit, Failure> {
    let session = Session::open(&arguments.connection, arguments.app, printer)?;
    let app = session.app().await?;
    let mut said = arguments.release.body();
    said.extend(body([("blend", arguments.blend.into()), ("replace", arguments.replace.into())]));
    let done = format!("{} is the candidate", arguments.release.name());
    let change = Change { method: Method::PUT, resource: "candidate", body: said, seen: None, done };
    session.change(&app, change, &arguments.options).await
}

async fn clear(arguments: ClearArguments, printer: &Printer) -> Result<Exit, Failure> {
    let session = Session::open(&arguments.connection, arguments.app, printer)?;
    let state = session.state().await?;
    let change = Change {
        method: Method::DELETE,
        resource: "candidate",
        body: body([("release", state.candidate_id().into())]),
        seen: Some(state.seq),
        done: format!("{} is no candidate any more; its clients go to stable", state.candidate_name()),
    };
    session.change(&state.app, change, &arguments.options).await
}
