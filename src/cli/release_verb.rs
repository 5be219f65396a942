//! `release remove|prune`: releases that no app routes any more go, with all their endpoints.

use clap::{Args, Subcommand};
use reqwest::Method;

use super::{
    change::{Change, ChangeArguments},
    endpoint::answer_lines,
    endpoint_change::EndpointChange,
    exit::{Exit, Failure},
    printer::Printer,
    release::ReleaseChoice,
    waiting::applied,
};
use crate::schema::{
    prune::{PruneRequest, PrunedReleases},
    registration::RemoveEndpointsRequest,
};

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

    /// Remove all releases of the app that no app routes or would roll back to, but the newest
    ///
    /// Examples:
    ///   rolling-router release prune --keep 5
    ///   rolling-router release prune --keep 5 --dry-run
    #[command(verbatim_doc_comment)]
    Prune(PruneArguments),
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

#[derive(Debug, Args)]
struct PruneArguments {
    /// How many of them stay: those that were registered last
    #[arg(long, value_name = "COUNT")]
    keep: u32,

    /// Only say which would go
    #[arg(long)]
    dry_run: bool,

    #[command(flatten)]
    change: ChangeArguments,
}

pub(super) async fn run(arguments: Arguments, printer: &Printer) -> Result<Exit, Failure> {
    match arguments.verb {
        ReleaseVerb::Remove(arguments) => remove(arguments, printer).await,
        ReleaseVerb::Prune(arguments) => prune(arguments, printer).await,
    }
}

async fn remove(arguments: RemoveArguments, printer: &Printer) -> Result<Exit, Failure> {
    let RemoveArguments { release, force, change } = arguments;
    let done = format!("{release} is removed");
    let request = RemoveEndpointsRequest { force: force.then_some(true), reason: None };
    let path = format!("releases/{}", ReleaseChoice::in_path(&release));
    let asked = Change::new(Method::DELETE, &path, &request, done.clone());
    let asked = EndpointChange { release, endpoint: None, address: None, change: asked };
    asked.ask(change, |answer| answer_lines(answer, &done), printer).await
}

async fn prune(arguments: PruneArguments, printer: &Printer) -> Result<Exit, Failure> {
    let PruneArguments { keep, dry_run, change } = arguments;
    let request = PruneRequest { keep, dry_run: dry_run.then_some(true), reason: None };
    let asked = Change::new(Method::POST, "prune", &request, "");
    change.ask_for(asked, |answer| Ok(pruned_lines(&answer.read()?, dry_run)), printer).await
}

fn pruned_lines(pruned: &PrunedReleases, dry_run: bool) -> Vec<String> {
    let PrunedReleases { removed, kept, left, .. } = pruned;
    let headline = match (removed.len(), dry_run) {
        (0, _) => "nothing to do".to_owned(),
        (count, true) => format!("dry run, nothing is changed: {count} releases would be removed"),
        (count, false) => format!("{count} releases are removed{}", applied(pruned.applied.as_ref())),
    };
    let list = |word: &'static str, ids: &[String]| -> Vec<String> {
        ids.iter().map(|id| format!("  {word:<8} {id}")).collect()
    };
    let more = (*left > 0).then(|| format!("  {left} more would go: repeat the command"));
    let removed = list("removed", removed).into_iter().chain(list("kept", kept));
    [headline].into_iter().chain(removed).chain(more).collect()
}
