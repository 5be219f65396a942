//! `release remove`: a release that no app routes any more goes, with all its endpoints.

use clap::{Args, Subcommand};
use reqwest::Method;

use super::{
    change::{Change, ChangeArguments},
    endpoint::answer_lines,
    exit::{Exit, Failure},
    printer::Printer,
    release::ReleaseChoice,
};
use crate::schema::registration::RemoveEndpointsRequest;

/// Remove releases that nobody needs any more
#[derive(Debug, Args)]
pub(super) struct Arguments {
    #[command(subcommand)]
    verb: ReleaseVerb,
}

#[derive(Debug, Subcommand)]
enum ReleaseVerb {
    /// Remove a release with all its endpoints; one that is routed is refused
    ///
    /// Example: rolling-router release remove 0.9.2
    #[command(verbatim_doc_comment)]
    Remove(RemoveArguments),
}

#[derive(Debug, Args)]
struct RemoveArguments {
    /// The release
    #[arg(value_name = "RELEASE")]
    release: String,

    /// Also if a rollback goes there
    #[arg(long)]
    force: bool,

    #[command(flatten)]
    change: ChangeArguments,
}

pub(super) async fn run(arguments: Arguments, printer: &Printer) -> Result<Exit, Failure> {
    let ReleaseVerb::Remove(RemoveArguments { release, force, change }) = arguments.verb;
    let done = format!("{release} is removed");
    let request = RemoveEndpointsRequest { force: force.then_some(true), reason: None };
    let path = format!("releases/{}", ReleaseChoice::in_path(&release));
    let asked = Change::new(Method::DELETE, &path, &request, done.clone());
    change.ask_for(asked, |answer| answer_lines(answer, &done), printer).await
}
