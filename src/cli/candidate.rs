//! `candidate set|clear`: a release on trial, and its end.

use clap::{Args, Subcommand};
use reqwest::Method;

use super::{
    app_lines::{candidate_id, candidate_name},
    blend,
    change::{Change, ChangeArguments, NewChoice},
    exit::{Exit, Failure},
    printer::Printer,
    release::ReleaseChoice,
};
use crate::schema::change::{AbortRequest, Blend, CandidateRequest};

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
    Clear(ChangeArguments),
}

#[derive(Debug, Args)]
struct SetArguments {
    #[command(flatten)]
    release: ReleaseChoice,

    /// Percent of new clients that go to it, at most two decimals
    #[arg(long, value_name = "PERCENT", value_parser = blend::parse_percent)]
    blend: Option<Blend>,

    /// The plan that raises its blend from now on, of the setting `plans`; instead of --blend
    #[arg(long, value_name = "PLAN", conflicts_with = "blend")]
    plan: Option<String>,

    /// The candidate it may replace; a `ci` token must name one that has a share of the clients
    #[arg(long, value_name = "RELEASE")]
    replace: Option<String>,

    /// Replace its endpoints although others are registered for it already
    #[arg(long)]
    force: bool,

    #[command(flatten)]
    new: NewChoice,
    #[command(flatten)]
    change: ChangeArguments,
}

pub(super) async fn run(arguments: Arguments, printer: &Printer) -> Result<Exit, Failure> {
    match arguments.verb {
        CandidateVerb::Set(arguments) => set(arguments, printer).await,
        CandidateVerb::Clear(change) => change.ask_as_seen(clear, printer).await,
    }
}

async fn set(arguments: SetArguments, printer: &Printer) -> Result<Exit, Failure> {
    let done = format!("{} is the candidate", arguments.release.name());
    let (id, release) = arguments.release.id_or_name();
    let facts = arguments.release.facts.given();
    let ReleaseChoice { endpoints, service, port, .. } = arguments.release;
    let (blend, plan, replace) = (arguments.blend, arguments.plan, arguments.replace);
    let force = arguments.force.then_some(true);
    let request = CandidateRequest {
        id,
        release,
        endpoints,
        service,
        port,
        blend,
        plan,
        replace,
        facts,
        force,
        reason: None,
    };
    let change = Change::new(Method::PUT, "candidate", &request, done);
    arguments.change.ask_to_begin(change, &arguments.new, printer).await
}

fn clear(app: &crate::schema::app::App) -> Change {
    let request = AbortRequest { release: candidate_id(app), ..AbortRequest::default() };
    let done = format!("{} is no longer the candidate; its clients go to stable", candidate_name(app));
    Change::new(Method::DELETE, "candidate", &request, done)
}
